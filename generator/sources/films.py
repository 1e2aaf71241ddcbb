"""Decodes the frames of MP4 and WebM with the ffmpeg that imageio-ffmpeg brings along.

Runs inside the limited child process; ffmpeg inherits its limits. The demuxer is given by name and
nothing but the one file may be opened, so no playlist can lead anywhere else.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO

import imageio_ffmpeg
from PIL import Image

from generator.media.containers import BrokenFileError
from generator.sources.facts import Facts, check_frames

_DEMUXERS = {"mp4": "mov", "webm": "matroska"}


def of_file(path: Path, kind: str) -> Facts:
    """Size and delays, from the packets' times; nothing is decoded.

    Raises BrokenFileError, or MediaError for far too many frames.
    """
    with _ffmpeg(path, kind, "-c", "copy", "-f", "framecrc") as process:
        size, times = _read_packets(process.stdout)
    starts = sorted(start for start, _ in times)
    if not starts or not all(size):
        raise BrokenFileError("there is no film in it")
    last = max(times)[1]
    ends = [*starts[1:], starts[-1] + last]
    delays = [max(1, round(1000 * (end - start))) for start, end in zip(starts, ends, strict=True)]
    return Facts(*size, tuple(delays))


def frames(path: Path, kind: str, wanted: Sequence[int]) -> Iterator[Image.Image]:
    """RGB pictures, one for each index of ``wanted``, which must rise; turned as the film says."""
    chosen = "+".join(f"eq(n,{index})" for index in wanted)
    output = ("-fps_mode", "passthrough", "-frames:v", str(len(wanted)), "-c:v", "ppm")
    with _ffmpeg(path, kind, "-vf", f"select='{chosen}'", *output, "-f", "image2pipe") as process:
        for _ in wanted:
            yield _read_ppm(process.stdout)


def at_rate(path: Path, kind: str, per_second: float) -> Iterator[Image.Image]:
    """RGB pictures of the whole film, so many a second whatever its own rate.

    Raises BrokenFileError where none can be read, or the film breaks off.
    """
    output = ("-vf", f"fps={per_second:g}", "-c:v", "ppm", "-f", "image2pipe")
    count = 0
    with _ffmpeg(path, kind, *output) as process:
        while picture := _read_next_ppm(process.stdout):
            yield picture
            count += 1
        if process.wait() != 0 or not count:
            raise BrokenFileError("the film can't be decoded to its end")


def _ffmpeg(path: Path, kind: str, *output: str) -> subprocess.Popen[bytes]:
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-loglevel", "quiet", "-threads", "1", "-filter_threads", "1"),
        *("-protocol_whitelist", "file", "-f", _DEMUXERS[kind], "-i", f"file:{path}"),
        *("-map", "0:v:0", *output, "-threads", "1", "pipe:1"),
    ]
    return subprocess.Popen(  # noqa: S603 - a fixed program, and no shell
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _read_packets(
    lines: IO[bytes] | None,
) -> tuple[tuple[int, int], list[tuple[Fraction, Fraction]]]:
    """The picture's size, and each packet's (start, duration) in seconds."""
    size, unit = (0, 0), Fraction(1)
    times: list[tuple[Fraction, Fraction]] = []
    for line in lines or ():
        text = line.decode(errors="replace")
        if found := re.match(r"#dimensions 0: (\d+)x(\d+)", text):
            size = int(found[1]), int(found[2])
        elif found := re.match(r"#tb 0: (\d+)/(\d+)", text):
            unit = Fraction(int(found[1]), int(found[2]))
        elif found := re.match(r"0, *-?\d+, *(-?\d+), *(\d+),", text):
            times.append((int(found[1]) * unit, int(found[2]) * unit))
            check_frames(len(times))
    return size, times


def _read_ppm(stream: IO[bytes] | None) -> Image.Image:
    picture = _read_next_ppm(stream)
    if picture is None:
        raise BrokenFileError("the film ends early")
    return picture


def _read_next_ppm(stream: IO[bytes] | None) -> Image.Image | None:
    """None at the end."""
    begin = stream.readline() if stream is not None else b""
    if not begin or stream is None:
        return None
    if begin != b"P6\n":
        raise BrokenFileError("the film ends early")
    width, height = map(int, stream.readline().split())
    stream.readline()  # 255, the highest level
    data = stream.read(3 * width * height)
    if len(data) < 3 * width * height:
        raise BrokenFileError("the film ends early")
    return Image.frombytes("RGB", (width, height), data)
