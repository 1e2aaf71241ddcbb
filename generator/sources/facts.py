"""What a source is, told by its structure alone: size, frames and delays. Nothing is decoded.

That is what makes a bomb harmless: a file is refused by its facts before its pixels cost anything.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from generator.errors import MediaError
from generator.media.containers import (
    BrokenFileError,
    Part,
    gif_parts,
    png_parts,
    webp_parts,
)
from generator.words import Words

MAX_FRAMES = 2_000
MAX_EDGE = 8_192
MIN_EDGE = 8
MAX_ASPECT = 16  # beyond it, scaling to fill would make a giant of a thread
MAX_PIXELS = 640_000_000  # of all frames together: ten seconds of full HD


@dataclass(frozen=True, slots=True)
class Facts:
    """Edges in pixels; each frame's delay in milliseconds, 0 where the file doesn't tell."""

    width: int
    height: int
    delays_ms: tuple[int, ...]

    def check(self) -> None:
        """Raises MediaError where the source is too large, too small or too long to be used."""
        frames = len(self.delays_ms)
        check_frames(frames)
        size = Words("{width} x {height} pixels", width=self.width, height=self.height)
        short, long = sorted((self.width, self.height))
        if short < MIN_EDGE or long > short * MAX_ASPECT:
            raise MediaError(
                "The file is {size}; it must be at least {least} pixels along each edge and "
                "no more than {aspect} times as long as wide.",
                size=size,
                least=MIN_EDGE,
                aspect=MAX_ASPECT,
            )
        if long > MAX_EDGE:
            raise MediaError(
                "The file is {size}; at most {most:,} along an edge can be.",
                size=size,
                most=MAX_EDGE,
            )
        if self.width * self.height * frames > MAX_PIXELS:
            raise MediaError(
                "The file has {frames:,} frames of {size}, too much to read; make it smaller or "
                "shorter.",
                frames=frames,
                size=size,
            )


def check_frames(count: int) -> None:
    """Raises MediaError for none and for too many."""
    if count == 0:
        raise MediaError("The file has no frames; give a GIF, WebP, PNG or MP4 that moves.")
    if count > MAX_FRAMES:
        raise MediaError(
            "The file has more than {most:,} frames; cut out the part that matters.",
            most=MAX_FRAMES,
        )


def of_picture(kind: str, data: bytes) -> Facts:
    """The facts of a GIF, PNG or WebP.

    Raises BrokenFileError where the file breaks off, MediaError where it has far too many frames.
    """
    try:
        return _READERS[kind](data)
    except (struct.error, IndexError) as error:
        raise BrokenFileError(str(error)) from error


def _of_gif(data: bytes) -> Facts:
    width = height = delay = 0
    delays: list[int] = []
    for part in gif_parts(data):
        if part.kind == "screen":
            width, height = struct.unpack_from("<HH", part.data)
        elif part.kind == "control":
            delay = 10 * struct.unpack_from("<xH", part.data)[0]
        elif part.kind == "picture":
            left, top, own_width, own_height = struct.unpack_from("<HHHH", part.data)
            # A picture that hangs over the edge makes decoders enlarge the whole canvas.
            width, height = max(width, left + own_width), max(height, top + own_height)
            delays.append(delay)
            check_frames(len(delays))
            delay = 0
    if not delays:
        raise BrokenFileError("the file ends before its first picture")
    return Facts(width, height, tuple(delays))


def _of_png(data: bytes) -> Facts:
    parts = _counted(png_parts(data), "fcTL")
    width, height = struct.unpack_from(">II", parts["IHDR"][0])
    delays = [_png_delay(*struct.unpack_from(">HH", control, 20)) for control in parts["fcTL"]]
    return Facts(width, height, tuple(delays or [0]))


def _png_delay(parts: int, per_second: int) -> int:
    return round(1000 * parts / (per_second or 100))


def _of_webp(data: bytes) -> Facts:
    parts = _counted(webp_parts(data), "ANMF")
    if parts["VP8X"]:
        sizes = struct.unpack_from("<IHBHB", parts["VP8X"][0])[1:]
        width, height = 1 + sizes[0] + (sizes[1] << 16), 1 + sizes[2] + (sizes[3] << 16)
    else:
        width, height = _size_of_still(parts["VP8L"], parts["VP8 "])
    delays = [int.from_bytes(frame[12:15], "little") for frame in parts["ANMF"]]
    return Facts(width, height, tuple(delays or [0]))


def _size_of_still(lossless: list[bytes], lossy: list[bytes]) -> tuple[int, int]:
    if lossless:
        (bits,) = struct.unpack_from("<xI", lossless[0])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if lossy:
        width, height = struct.unpack_from("<HH", lossy[0], 6)
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenFileError("there is no picture in it")


class _Counted(dict[str, list[bytes]]):
    def __missing__(self, kind: str) -> list[bytes]:
        return []


def _counted(parts: Iterable[Part], frame: str) -> _Counted:
    """The parts by their kind; stops, with a sentence, when there are too many frames."""
    found = _Counted()
    for kind, data in parts:
        found.setdefault(kind, []).append(data)
        check_frames(max(1, len(found[frame])))
    return found


_READERS = {"gif": _of_gif, "png": _of_png, "webp": _of_webp}
