"""For how long each frame of an AVIF animation is shown: what Pillow tells only by decoding it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from generator.media.containers import BrokenFileError, mp4_parts

_MOST_DELAYS = 100_000  # bounds what a few bytes can ask for


def delays_ms(data: bytes) -> list[float]:
    """The delays of the first track with pictures, in milliseconds; empty for a still.

    Raises BrokenFileError where a box makes no sense.
    """
    try:
        for movie in _inside(data, "moov"):
            for track in _inside(movie, "trak"):
                for media in _inside(track, "mdia"):
                    if _handler(media) in (b"pict", b"vide"):
                        return _delays(media)
    except struct.error as error:
        raise BrokenFileError(str(error)) from error
    return []


def _delays(media: bytes) -> list[float]:
    (header,) = _inside(media, "mdhd")
    (per_second,) = struct.unpack_from(">I", header, 20 if header[0] else 12)
    delays: list[float] = []
    for information in _inside(media, "minf"):
        for table in _inside(information, "stbl"):
            for times in _inside(table, "stts"):
                for count, delta in struct.iter_unpack(">II", times[8 : 8 + _whole(times)]):
                    left = _MOST_DELAYS - len(delays)
                    delays += [1000 * delta / max(1, per_second)] * min(count, left)
    return delays


def _whole(times: bytes) -> int:
    """The bytes of the entries of an ``stts`` box."""
    entries = int.from_bytes(times[4:8], "big")
    return min(entries * 8, (len(times) - 8) // 8 * 8)


def _handler(media: bytes) -> bytes:
    return next((box[8:12] for box in _inside(media, "hdlr")), b"")


def _inside(data: bytes, kind: str) -> Iterator[bytes]:
    return (part.data for part in mp4_parts(data) if part.kind == kind)
