"""Films as phones, editors and browsers make them, made by Debian's ffmpeg: another build than the
one that reads them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from generator.__main__ import main
from generator.annotators.contact_sheet_process import write_part
from generator.contract.errors import MediaError
from generator.media import mp4_encoder
from generator.media.clip import Clip, Frames
from generator.sources.film_decoder import frames_at_rate, open_film
from generator.sources.reader import probe, read, read_key_frames, read_part
from tests import chromium
from tests.generator.sources.made import numbered, numbers
from tests.programs import need_program

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "data" / "sources" / "films"
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
KINDS = {
    "h264.mp4": X264,
    "h264_10.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "h264_444.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv444p"),
    "h264_gray.mp4": ("-c:v", "libx264", "-pix_fmt", "gray"),
    "h264_full.mp4": ("-c:v", "libx264", "-pix_fmt", "yuvj420p"),
    "interlaced.mp4": (*X264, "-flags", "+ilme+ildct", "-x264opts", "tff=1"),
    "hevc_10.mov": ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=0"),
    "vp8_hidden.webm": ("-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "8"),
    "vp9_10.webm": ("-c:v", "libvpx-vp9", "-profile:v", "2", "-pix_fmt", "yuv420p10le"),
    "mpeg4.mp4": ("-c:v", "mpeg4", "-qscale", "2"),
    "mjpeg.mov": ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p"),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),
    "h264.mkv": X264,
}
ALPHAS = {
    "vp8.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"),
    "prores4444.mov": ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"),
    "animation.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "png.mov": ("-c:v", "png", "-pix_fmt", "rgba"),
}


def film(
    path: Path, frames: Frames, *options: str, rate: int = 20, before: Sequence[str] = ()
) -> Path:
    """Frames (f, h, w, 3 or 4) as a film."""
    _, height, width, channels = frames.shape
    pixels = {3: "rgb24", 4: "rgba"}[channels]
    _ffmpeg(
        *("-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{width}x{height}", "-r", str(rate)),
        *("-i", "-", *before, *options, str(path)),
        pixels=frames.tobytes(),
    )
    return path


def scene(count: int = 6, width: int = 96, height: int = 64) -> Frames:
    """Nothing in it looks the same once it is turned or mirrored."""
    frames = np.full((count, height, width, 3), (20, 30, 90), np.uint8)
    frames[:, : height // 2, : width // 3] = (230, 180, 0)
    frames[:, -height // 4 :, -width // 4 :] = (40, 220, 120)
    return frames


def shown(path: Path) -> Frames:
    """The first frame."""
    frame: Frames = read(path).frames[0]
    return frame


def alike(some: Frames, others: Frames, levels: float = 6) -> bool:
    return some.shape == others.shape and bool(np.abs(some.astype(int) - others).mean() < levels)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_as_8_bits_frame_by_frame(name: str, tmp_path: Path) -> None:
    path = film(tmp_path / name, numbered(12), *KINDS[name], "-g", "12")
    assert probe(path).delays_ms == (50,) * 12
    frames = read(path).frames
    assert numbers(frames) == list(range(12))
    assert frames.shape == (12, 48, 64, 3)


@pytest.mark.parametrize("name", ALPHAS)
def test_what_is_transparent_is_white(name: str, tmp_path: Path) -> None:
    frames = np.zeros((6, 64, 96, 4), np.uint8)
    frames[:, :, :48] = (200, 0, 0, 255)
    seen = shown(film(tmp_path / name, frames, *ALPHAS[name]))
    assert seen[32, 80].tolist() == [255, 255, 255]
    assert seen[32, 10].tolist() == pytest.approx([200, 0, 0], abs=12)


def test_a_film_cut_without_encoding_begins_where_players_begin(tmp_path: Path) -> None:
    """An edit list hides the packets from the key frame to the cut."""
    whole = film(tmp_path / "whole.mp4", numbered(24), *X264, "-g", "24", "-bf", "2")
    cut_off = tmp_path / "cut.mp4"
    _ffmpeg("-ss", "0.5", "-i", str(whole), "-c", "copy", str(cut_off))
    frames = read(cut_off).frames
    assert numbers(frames) == list(range(10, 10 + len(frames)))
    assert len(frames) in (13, 14)  # the last may lack what it refers to
    assert len(probe(cut_off).delays_ms) == len(frames)
    assert numbers(read_part(cut_off, 0.5, 1.0).frames) == numbers(frames)[len(frames) // 2 :]


@pytest.mark.parametrize("frames_to_a_key", [12, 250])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_any_part_of_a_film_of_any_length(
    suffix: str, frames_to_a_key: int, tmp_path: Path
) -> None:
    """Found by seeking, so the frames that come are checked one by one."""
    levels = np.arange(600) // 24 * 10  # a level for each 24 frames
    frames = np.broadcast_to(levels.astype(np.uint8)[:, None, None, None], (600, 48, 64, 3)).copy()
    codec = X264 if suffix == ".mp4" else ("-c:v", "libvpx-vp9", "-cpu-used", "8")
    path = film(tmp_path / f"long{suffix}", frames, *codec, "-g", str(frames_to_a_key))
    assert len(probe(path).delays_ms) == 600
    for start, end in ((0.0, 0.25), (0.5, 0.75), (0.9, 1.0)):
        part = read_part(path, start, end)
        wanted = [index // 24 for index in range(int(600 * start), round(600 * end))]
        assert numbers(part.frames) == wanted
    scattered = list(range(3, 600, 7))  # more than ffmpeg's expressions hold terms
    read_here = open_film(path, suffix[1:]).frames(scattered)
    seen = [round(float(np.asarray(picture).mean()) / 10) for picture in read_here]
    assert seen == [index // 24 for index in scattered]
    keys = read_key_frames(path, count=8, duration_ms=1000, width=64, height=48)
    assert set(numbers(keys)) <= {11, 12, 13}


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_phone_s_film_stands_upright_in_size_and_frames(degrees: int, tmp_path: Path) -> None:
    lying = film(tmp_path / "lying.mp4", scene(), *X264, "-crf", "5")
    path = tmp_path / "turned.mp4"
    turn = ("-metadata:s:v", f"rotate={degrees}")
    _ffmpeg("-i", str(lying), "-c", "copy", *turn, str(path))
    upright = np.rot90(scene()[0], degrees // 90)
    facts = probe(path)
    assert (facts.height, facts.width) == upright.shape[:2]
    assert alike(shown(path), upright)


def test_a_mirrored_film_is_mirrored(tmp_path: Path) -> None:
    """As cameras at the front write it: a matrix that no rotation makes."""
    path = film(tmp_path / "mirrored.mp4", scene(), *X264, "-crf", "5")
    data = bytearray(path.read_bytes())
    matrix = data.index(b"\0\1\0\0" + bytes(12) + b"\0\1\0\0", data.index(b"tkhd"))
    data[matrix : matrix + 4] = b"\xff\xff\0\0"
    path.write_bytes(data)
    assert alike(shown(path), scene()[0][:, ::-1])


@pytest.mark.parametrize(("shape", "size"), [("2/1", (192, 64)), ("3/4", (96, 85))])
def test_pixels_that_are_not_square(shape: str, size: tuple[int, int], tmp_path: Path) -> None:
    path = film(tmp_path / "wide.mp4", scene(), *X264, before=("-vf", f"setsar={shape}"))
    facts = probe(path)
    assert (facts.width, facts.height) == size
    assert shown(path).shape == (size[1], size[0], 3)


def test_variable_rates_and_parts_keep_each_frame_s_own_delay(tmp_path: Path) -> None:
    path = tmp_path / "uneven.mp4"
    film(tmp_path / "even.mp4", numbered(6), *X264, rate=10)
    late = ("-vf", "setpts='(N*100+if(gte(N,3),400,0)+if(gte(N,5),150,0))/1000/TB'")
    timed = ("-vsync", "passthrough", "-enc_time_base", "1/1000")
    _ffmpeg("-i", str(tmp_path / "even.mp4"), *late, *timed, *X264, str(path))
    assert probe(path).delays_ms[:5] == (100, 100, 500, 100, 250)
    part = tmp_path / "part.png"
    write_part(path, part, start=1 / 6, end=5 / 6)
    assert read(part).delays_ms == (100, 500, 100, 250)
    assert numbers(read(part).frames) == [1, 2, 3, 4]


def test_the_last_frame_is_seen_until_the_film_ends(tmp_path: Path) -> None:
    """Stored out of order, so that the time after the last one stored is another frame's."""
    even = film(tmp_path / "even.mp4", numbered(12), *X264, rate=10)
    path = tmp_path / "uneven.mp4"
    late = "settb=1/1000,setpts='N*40+if(gte(N,5),900,0)+if(gte(N,9),300,0)'"
    timed = ("-vsync", "passthrough", "-enc_time_base", "1/1000", "-video_track_timescale", "1000")
    _ffmpeg("-i", str(even), "-vf", late, *timed, *X264, "-bf", "2", str(path))
    assert probe(path).delays_ms == (40, 40, 40, 40, 940, 40, 40, 40, 340, 40, 40, 100)


def test_inspect_tells_of_a_cut_off_film_what_the_reader_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An MP4 in fragments can be read up to where it breaks off."""
    streamed = ("-movflags", "frag_keyframe+empty_moov", "-g", "4", "-bf", "0")
    whole = film(tmp_path / "whole.mp4", numbered(12), *X264, *streamed).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: whole.rindex(b"moof") + 50])  # in the head of a later fragment
    frames = len(read(path).frames)
    assert frames in (4, 8)
    assert main(["inspect", str(path)]) == 0
    assert f"frames: {frames}\n" in capsys.readouterr().out


def test_of_two_films_in_a_file_the_one_that_players_show_is_read(tmp_path: Path) -> None:
    other = film(tmp_path / "other.mp4", scene(), *X264)
    shown_one, path = film(tmp_path / "shown.mp4", numbered(8), *X264), tmp_path / "both.mp4"
    marks = ("-disposition:v:0", "0", "-disposition:v:1", "default")
    maps = ("-map", "0", "-map", "1", "-c", "copy", *marks)
    _ffmpeg("-i", str(other), "-i", str(shown_one), *maps, str(path))
    assert numbers(read(path).frames) == list(range(8))
    assert numbers(read_part(path, 0.5, 1.0).frames) == list(range(4, 8))
    assert len(list(frames_at_rate(path, "mp4", 20))) == 8


def test_sound_alone_is_called_that(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    _ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", str(path))
    with pytest.raises(MediaError, match="only sound"):
        probe(path)


def test_a_film_with_sound_and_a_cover_is_read_for_its_film(tmp_path: Path) -> None:
    silent = film(tmp_path / "silent.mp4", numbered(8), *X264)
    cover, path = tmp_path / "cover.png", tmp_path / "whole.mp4"
    _ffmpeg("-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", str(cover))
    sound = ("-f", "lavfi", "-i", "sine=duration=0.4")
    maps = (
        "-map",
        "1",
        "-map",
        "0",
        "-map",
        "2",
        "-c:v",
        "copy",
        "-disposition:v:0",
        "attached_pic",
    )
    _ffmpeg("-i", str(silent), "-i", str(cover), *sound, *maps, str(path))
    assert numbers(read(path).frames) == list(range(8))


FILMS_FOR_CHROMIUM = {
    "small.mp4": (96, 64, ("-crf", "4")),
    "hd.mp4": (1280, 720, ("-crf", "4")),  # no matrix named: players go by the size
    "full.mp4": (96, 64, ("-crf", "4", "-pix_fmt", "yuvj420p", "-color_range", "pc")),
    "odd.webm": (95, 63, ("-c:v", "libvpx-vp9")),
}


def test_films_look_as_in_chromium(tmp_path: Path) -> None:
    need_program("chromium")
    paths = [
        film(tmp_path / name, scene(4, width, height), *X264, *options)
        for name, (width, height, options) in FILMS_FOR_CHROMIUM.items()
    ]
    paths += [_hdr(tmp_path / f"{curve}.webm", curve) for curve in ("smpte2084", "arib-std-b67")]
    lying = film(tmp_path / "lying.mp4", scene(), *X264)
    paths.append(tmp_path / "turned.mp4")
    _ffmpeg("-i", str(lying), "-c", "copy", "-metadata:s:v", "rotate=90", str(paths[-1]))
    paths.append(tmp_path / "ours.mp4")
    paths[-1].write_bytes(mp4_encoder.encode(Clip(scene(), 600)))
    paths += [path for path in sorted(DATA.iterdir()) if path.suffix != ".mov"]  # HEVC isn't shown
    films = [open_film(path, "webm" if path.suffix == ".webm" else "mp4") for path in paths]
    questions = [
        chromium.film(path, [float(each.timeline.starts[index]) + 0.01 for index in (0, -1)])
        for path, each in zip(paths, films, strict=True)
    ]
    for path, each, seen in zip(paths, films, chromium.ask(*questions), strict=True):
        last = len(each.timeline.starts) - 1
        ours = [np.asarray(picture) for picture in each.frames(sorted({0, last}))]
        assert not seen.error, path.name
        for frame, theirs in zip(ours, seen.frames, strict=False):
            assert alike(frame, theirs, 3), path.name
        assert sum(each.timeline.delays_ms) == pytest.approx(seen.ms[0], abs=60), path.name


def _hdr(path: Path, curve: str) -> Path:
    """Levels from black to the brightest, in BT.2020."""
    frames = scene(4)
    frames[:, 32:, :32] = np.linspace(0, 255, 32)[:, None]
    tags = f"setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc={curve}"
    deep = f"scale=out_color_matrix=bt2020:out_range=tv,format=yuv444p10le,{tags}"
    return film(path, frames, "-vf", deep, "-c:v", "libvpx-vp9", "-lossless", "1")


def _ffmpeg(*words: str, pixels: bytes = b"") -> None:
    command = [str(need_program("ffmpeg")), "-loglevel", "error", "-y", *words]
    subprocess.run(command, input=pixels, check=True, timeout=120)
