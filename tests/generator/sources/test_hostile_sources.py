"""Files that are no source, or mean harm: one sentence each, soon, and in little memory."""

from __future__ import annotations

import io
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from generator.contract.errors import MediaError
from generator.media import apng_encoder, mp4_encoder, webp_encoder
from generator.media.clip import Clip
from generator.sources.reader import Limits, probe, read, read_key_frames
from tests.generator.media.pictures import gradient
from tests.generator.sources.made import gif, gif_of_dots, gif_that_costs, numbered

pytestmark = pytest.mark.slow

LITTLE_CPU_S = 15.0  # decoding any of these would take more, or forever


def refusal(path: Path, limits: Limits | None = None) -> str:
    """The sentence; a run that comes to the end of a file is no refusal."""
    before = children_cpu()
    with pytest.raises(MediaError) as caught:
        read_key_frames(
            path, count=8, duration_ms=1000, width=64, height=64, limits=limits or Limits()
        )
    assert children_cpu() - before < LITTLE_CPU_S
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(".")
    assert "Traceback" not in said
    return said


def children_cpu() -> float:
    """Seconds that ended child processes computed, however long they had to wait for a core."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty; get"),
        (b"G", "isn't a picture or video"),
        (b"hello, world", "isn't a picture or video"),
        (b"\0" * 5000, "isn't a picture or video"),
        (b"<html>404</html>", "is a web page"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><title>Log in</title>", "is a web page"),
        (b"RIFF\0\0\0\0WAVE", "only sound"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI videos"),
        (b"G" + bytes(187) + b"G" + bytes(187), "MPEG-TS videos"),
        (b"II*\0\x08\0\0\0", "TIFF pictures"),
        (b"\xff\x0a" + bytes(90), "JPEG XL pictures"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(90), "JPEG XL pictures"),
        (b'<?xml version="1.0"?><svg width="9"/>', "SVG pictures"),
        (b"%PDF-1.7\n", "PDF files"),
        (b"PK\3\4" + bytes(90), "an archive"),
    ],
)
def test_no_picture_is_called_what_it_is(data: bytes, reason: str, tmp_path: Path) -> None:
    assert reason in refusal(written(tmp_path / "a.gif", data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP"])
def test_a_still_that_is_cut_off_is_refused_before_it_is_used(kind: str, tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.effect_noise((96, 64), 90).convert("RGB").save(file, kind)
    whole = file.getvalue()
    for tenth in range(1, 10):
        path = written(tmp_path / "photo", whole[: len(whole) * tenth // 10])
        with pytest.raises(MediaError, match="cut off"):
            probe(path)


def test_nothing_there(tmp_path: Path) -> None:
    assert "There is no file at" in refusal(tmp_path / "missing.gif")
    (tmp_path / "empty").mkdir()
    assert "no pictures in it" in refusal(tmp_path / "empty")


def test_what_has_no_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gif")
    for path in (tmp_path / "pipe.gif", Path("/dev/zero")):
        assert "neither a file nor a directory" in refusal(path)


def test_one_frame(tmp_path: Path) -> None:
    assert "only one frame" in refusal(written(tmp_path / "a.gif", gif(numbered(1), [100])))
    Image.new("RGB", (64, 64)).save(tmp_path / "a.jpg")
    assert "only one frame" in refusal(tmp_path / "a.jpg")


@pytest.mark.parametrize("size", [(1, 64), (64, 1), (7, 64), (16, 500)])
def test_too_thin(size: tuple[int, int], tmp_path: Path) -> None:
    path = written(tmp_path / "a.gif", gif(numbered(4, *size), [100] * 4))
    assert f"is {size[0]} x {size[1]} pixels" in refusal(path)


@pytest.mark.parametrize(
    "encode",
    [
        lambda clip: gif(clip.frames, [100] * 8),
        webp_encoder.encode,
        apng_encoder.encode,
        mp4_encoder.encode,
    ],
    ids=["gif", "webp", "apng", "mp4"],
)
@pytest.mark.parametrize("kept", [0.03, 0.5, 0.97])
def test_truncated(encode: Callable[[Clip], bytes], kept: float, tmp_path: Path) -> None:
    data = encode(Clip(gradient(8, 64), 800))
    path = written(tmp_path / "a", data[: int(len(data) * kept)])
    assert "damaged" in refusal(path)


def test_a_hundred_thousand_frames(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gif", gif_of_dots(100_000, 64, 64))
    assert "more than 2,000 frames" in refusal(path)


def test_a_directory_of_too_many_frames(tmp_path: Path) -> None:
    for index in range(2001):
        (tmp_path / f"{index}.png").touch()
    assert "more than 2,000 frames" in refusal(tmp_path)


def test_a_hundred_frames_of_4096(tmp_path: Path) -> None:
    for name, data in (
        ("dots.gif", gif_of_dots(100, 4096, 4096)),
        ("flat.gif", gif_that_costs(100, 4096)),
    ):
        path = written(tmp_path / name, data)
        assert len(data) < 2_000_000
        assert "100 frames of 4096 x 4096 pixels, too much" in refusal(path)
        with pytest.raises(MediaError, match="too much"):
            probe(path)


def test_a_canvas_that_only_a_frame_enlarges(tmp_path: Path) -> None:
    """As in browsers, the first frame may; a later one is cut off at the edge."""
    data = bytearray(gif_of_dots(100, 64, 64))
    last, first = data.rindex(b"\x2c"), data.index(b"\x2c")
    data[last + 1 : last + 5] = b"\xff\xff\xff\xff"  # its corner, far outside
    path = written(tmp_path / "a.gif", bytes(data))
    assert read(path).frames.shape == (100, 64, 64, 3)
    data[first + 1 : first + 5] = b"\xff\xff\xff\xff"
    assert "65536 x 65536" in refusal(written(path, bytes(data)))


def test_the_parent_s_memory_does_not_grow(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gif", gif_that_costs(10, 4096))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    keys = read_key_frames(path, count=2, duration_ms=20, width=64, height=64)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(keys) == 2
    assert after - before < 60_000  # KiB; one of its frames is 50 MB


def test_time_runs_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gif", gif_that_costs(140, 2048))
    assert "takes too long" in refusal(path, Limits(cpu_seconds=1))
    assert "takes too long" in refusal(path, Limits(wall_seconds=0.2))


def test_memory_runs_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gif", gif_that_costs(2, 4096))
    assert "too much memory" in refusal(path, Limits(memory_bytes=200 << 20))


def test_all_frames_of_a_large_source_are_not_held(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gif", gif_that_costs(30, 2048))
    with pytest.raises(MediaError, match="too large to fit"):
        read(path)


def test_frames_of_several_sizes(tmp_path: Path) -> None:
    for index, width in enumerate((64, 64, 65)):
        Image.new("RGB", (width, 64)).save(tmp_path / f"{index}.png")
    assert "differ in size" in refusal(tmp_path)
