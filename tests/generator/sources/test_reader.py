"""Sources of every kind, read in the real child process."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from generator.contract.errors import MediaError
from generator.media import apng_encoder as our_apng
from generator.media import mp4_encoder
from generator.media import webp_encoder as our_webp
from generator.media.clip import Clip, Frames
from generator.sources.facts import Facts
from generator.sources.reader import probe, read, read_init_frames, read_key_frames
from generator.training.data.samples import Sample
from tests.generator.media.pictures import moving_ball
from tests.generator.sources.made import apng, gif, numbered, numbers, webp
from tests.generator.sources.test_keyframes import GOLDEN
from tests.programs import need_program

DATA = Path(__file__).parents[2] / "data" / "sources" / "pictures"
Write = Callable[[Frames, Sequence[int]], bytes]
UNEVEN = (100, 50, 300, 70, 70)


@pytest.mark.parametrize(
    ("case", "size"), [("controlnet", (128, 128)), ("controlnet_window", (96, 160))]
)
def test_what_the_original_fed_its_controlnet(case: str, size: tuple[int, int]) -> None:
    wanted = load_file(GOLDEN / "videos.safetensors")[f"{case}.control_frames"]
    frames = read_key_frames(
        GOLDEN / f"{case}_source.gif", count=8, duration_ms=1000, width=size[0], height=size[1]
    )
    assert np.array_equal(frames, wanted)


@pytest.mark.parametrize("write", [gif, webp, apng])
def test_every_frame_and_its_own_delay(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "source"  # no extension: the bytes say what it is
    path.write_bytes(write(numbered(5), UNEVEN))
    assert probe(path) == Facts(64, 48, UNEVEN)
    source = read(path)
    assert source.delays_ms == UNEVEN
    assert np.array_equal(source.frames, numbered(5))
    keys = read_key_frames(path, count=3, duration_ms=590, width=32, height=32)
    assert keys.shape == (3, 32, 32, 3)
    assert numbers(keys) == [1, 2, 2]


@pytest.mark.parametrize("encode", [our_apng.encode, our_webp.encode])
def test_what_this_package_writes_is_read(encode: Callable[[Clip], bytes], tmp_path: Path) -> None:
    path = tmp_path / "ball"
    path.write_bytes(encode(Clip(moving_ball(6), 700)))
    source = read(path)
    assert np.array_equal(source.frames, moving_ball(6))
    assert sum(source.delays_ms) == 700


def test_a_film(tmp_path: Path) -> None:
    path = tmp_path / "ball.mp4"
    path.write_bytes(mp4_encoder.encode(Clip(numbered(12), 1200)))
    assert probe(path) == Facts(64, 48, (100,) * 12)
    assert numbers(read(path).frames) == list(range(12))
    keys = read_key_frames(path, count=8, duration_ms=1000, width=64, height=64)
    assert numbers(keys) == [2, 3, 4, 5, 6, 7, 8, 9]


def test_a_cover_is_no_part_of_the_animation(tmp_path: Path) -> None:
    path = tmp_path / "covered.png"
    path.write_bytes(apng(numbered(4), (100, 200, 300), cover=True))
    source = read(path)
    assert source.delays_ms == (100, 200, 300)
    assert numbers(source.frames) == [1, 2, 3]


def test_a_directory_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for index, frame in enumerate(numbered(12)):
        Image.fromarray(frame).save(tmp_path / f"frame{index}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "thumbs").mkdir()
    source = read(tmp_path)
    assert numbers(source.frames) == list(range(12))
    assert source.delays_ms == (0,) * 12
    assert len(read_key_frames(tmp_path, count=8, duration_ms=1000, width=32, height=32)) == 8


def test_a_short_source_is_spread(tmp_path: Path) -> None:
    path = tmp_path / "short.gif"
    path.write_bytes(gif(numbered(3), (100,) * 3))
    keys = read_key_frames(path, count=8, duration_ms=1000, width=64, height=48)
    assert numbers(keys) == [0, 0, 0, 1, 1, 2, 2, 2]


def test_a_still_is_enough_for_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "still.jpg"
    Image.fromarray(numbered(2)[1]).save(path)
    keys = read_key_frames(path, count=1, duration_ms=1000, width=32, height=32)
    assert numbers(keys) == [1]


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    frames = [Image.new("RGBA", (32, 32), (200, 0, 0, alpha)) for alpha in (0, 255)]
    path = tmp_path / "glass.png"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    seen = read(path).frames
    assert seen[0, 0, 0].tolist() == [255, 255, 255]
    assert seen[1, 0, 0].tolist() == [200, 0, 0]


def test_depth_in_16_bits_keeps_its_levels(tmp_path: Path) -> None:
    for index, level in enumerate((0, 32_768, 65_535)):
        picture = np.full((16, 16), level, np.uint16)
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    assert read(tmp_path).frames[:, 0, 0, 0].tolist() == pytest.approx([0, 128, 255], abs=1)


def test_a_film_that_lies_on_its_side_is_turned(tmp_path: Path) -> None:
    film = mp4_encoder.encode(Clip(moving_ball(4, 96, 64), 400))
    unity = b"\x00\x01\x00\x00" + b"\0" * 12 + b"\x00\x01\x00\x00" + b"\0" * 12 + b"\x40\0\0\0"
    turned = (
        *(b"\0\0\0\0", b"\x00\x01\x00\x00", b"\0\0\0\0"),
        *(b"\xff\xff\x00\x00", b"\0\0\0\0", b"\0\0\0\0"),
        *(b"\0\0\0\0", b"\0\0\0\0", b"\x40\0\0\0"),
    )
    track = film.index(b"tkhd")
    place = film.index(unity, track)
    path = tmp_path / "turned.mp4"
    path.write_bytes(film[:place] + b"".join(turned) + film[place + 36 :])
    assert read(path).frames.shape == (4, 96, 64, 3)


@pytest.mark.slow
def test_a_first_look_is_a_picture_or_every_frame_of_a_clip_that_long(tmp_path: Path) -> None:
    def look(count: int, shown: int, delays: Sequence[int]) -> list[int]:
        path = tmp_path / "look"
        path.write_bytes(gif(numbered(shown), delays))
        frames = read_init_frames(path, count=count, duration_ms=1000, width=32, height=32)
        assert frames.shape[1:] == (32, 32, 3)
        return numbers(frames)

    assert look(8, 1, [100]) == [0]
    # as our own GIFs are timed: key frames by time would leave one of these out
    assert look(24, 24, [40, 40, 50] * 8) == list(range(24))
    assert look(5, 5, UNEVEN) == [0, 1, 2, 3, 4]
    assert look(2, 4, [100] * 4) == [0, 2]
    assert look(4, 2, [100] * 2) == [0, 0, 1, 1]
    assert len(look(1, 8, [100] * 8)) == 1


def test_a_photo_that_lies_on_its_side_stands_up(tmp_path: Path) -> None:
    """As phones save them: turned by what the file says."""
    path = tmp_path / "photo.jpg"
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :40] = 255  # the left half, which belongs on top
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=turned)
    assert probe(path) == Facts(40, 80, (0,))
    frames = read(path).frames
    assert frames.shape == (1, 80, 40, 3)
    assert frames[0, :30].mean() > 250
    assert frames[0, 50:].mean() < 5


@pytest.mark.slow
def test_a_gif_of_no_delay_is_followed_as_browsers_show_it(tmp_path: Path) -> None:
    """Up to 10 ms, a frame is seen for 100."""
    fast, usual = DATA / "fast60_1cs.gif", DATA / "fast60_10cs.gif"
    assert probe(fast) == probe(usual)
    assert set(probe(fast).delays_ms) == {100}
    some, others = (
        read_key_frames(path, count=8, duration_ms=1000, width=64, height=48)
        for path in (fast, usual)
    )
    assert np.array_equal(some, others)
    path = tmp_path / "fast"
    for write in (gif, webp, apng):
        path.write_bytes(write(numbered(5), (0, 10, 20, 30, 100)))
        assert probe(path).delays_ms == (100, 100, 20, 30, 100)


def test_a_directory_lies_as_its_photos_do_and_apple_s_notes_are_none(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    for index, frame in enumerate(numbered(3)):
        Image.fromarray(frame).save(tmp_path / f"{index}.jpg", exif=turned)
        (tmp_path / f"._{index}.jpg").write_bytes(b"\0\5\x16\7" + bytes(60))
    source = read(tmp_path)
    assert source.frames.shape == (3, 64, 48, 3)
    assert probe(tmp_path) == Facts(48, 64, (0, 0, 0))


def test_avif_is_read_whole() -> None:
    assert probe(DATA / "grid.avif") == Facts(256, 256, (0,))
    assert probe(DATA / "anim.avif") == Facts(128, 96, (100,) * 12)
    assert read(DATA / "anim.avif").frames.shape == (12, 96, 128, 3)


def test_heic_is_read_with_its_extra_and_else_called_by_its_name(tmp_path: Path) -> None:
    pixels = np.full((64, 96, 3), (20, 30, 90), np.uint8)
    pixels[:32, :48] = (230, 180, 0)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    path = tmp_path / "photo.heic"
    command = [need_program("heif-enc"), "-q", "95", "-o", path, tmp_path / "photo.png"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    if find_spec("pi_heif") is None:
        with pytest.raises(MediaError, match="HEIC photos can't be read here"):
            probe(path)
        return
    assert probe(path) == Facts(96, 64, (0,))
    assert np.abs(read(path).frames[0].astype(int) - pixels).mean() < 4


@pytest.mark.slow
def test_training_reads_pictures_as_everything_else_does() -> None:
    for name in ("gray16.png", "turned.png", "turned.jpg", "pic.avif"):
        sample = Sample(name, (DATA / name,), "a ball", (1, 1), (1, 1))
        height, width = read(DATA / name).frames.shape[1:3]
        assert np.array_equal(sample.frames(width, height), read(DATA / name).frames)
