"""Runs the ffmpeg that imageio-ffmpeg brings along on one film, and nothing but that film.

The demuxer is given by name and only the file may be opened, so no playlist can lead anywhere else.
One thread each, so that it stays within the limits of the decoder's process, which it inherits.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO

import imageio_ffmpeg
from PIL import Image

from generator.media.containers import BrokenFileError

_DEMUXERS = {"mp4": "mov", "webm": "matroska"}
_MODES = {3: "RGB", 4: "RGBA"}


def command(
    path: Path, kind: str, *output: str, before: tuple[str, ...] = (), level: str = "quiet"
) -> list[str]:
    """Return the command line of one film.

    ``before`` are options of the input, ``output`` all that comes after it. Times are the file's
    own (``-copyts``).
    """
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-nostdin", "-hide_banner", "-loglevel", level, "-copyts"),
        *("-threads", "1", "-filter_threads", "1"),
        *("-protocol_whitelist", "file", "-f", _DEMUXERS[kind], *before, "-i", f"file:{path}"),
        *output,
    ]


def start(words: list[str]) -> subprocess.Popen[bytes]:
    """Start ffmpeg; what it writes to ``pipe:1`` is the caller's to read."""
    return subprocess.Popen(  # noqa: S603 - a fixed program, and no shell
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def run(words: list[str]) -> tuple[str, str]:
    """Run ffmpeg to its end; return what it wrote to ``pipe:1``, and what it said."""
    done = subprocess.run(  # noqa: S603 - a fixed program, and no shell
        words, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def read_pam(stream: IO[bytes] | None) -> Image.Image | None:
    """Return the next picture of a stream of PAM files, RGB or RGBA; None at the end.

    Raises BrokenFileError where the stream ends inside a picture.
    """
    if stream is None or stream.readline() != b"P7\n":
        return None
    head: dict[bytes, bytes] = {}
    while (line := stream.readline()) not in (b"ENDHDR\n", b""):
        name, _, value = line.strip().partition(b" ")
        head[name] = value
    try:
        width, height, depth = (int(head[name]) for name in (b"WIDTH", b"HEIGHT", b"DEPTH"))
    except KeyError:
        raise BrokenFileError("the film ends early") from None
    data = stream.read(depth * width * height)
    if len(data) < depth * width * height:
        raise BrokenFileError("the film ends early")
    return Image.frombytes(_MODES[depth], (width, height), data)
