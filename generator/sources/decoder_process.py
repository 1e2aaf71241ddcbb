"""``python -m generator.sources.decoder_process JOB``: the limited child that decodes a source.

Whatever a hostile file does to a decoder happens here, within bounds of memory and time that are
set before the file is opened. Answers on standard output: each frame as width, height (32 bits
each, little-endian) and RGB bytes; then JSON, and its length in 32 bits. The JSON comes last, since
a file may turn out to be damaged after some frames. What the child has no sentence for ends it, and
the parent says that the source is damaged.
"""

from __future__ import annotations

import contextlib
import json
import resource
import struct
import sys
from collections import deque
from pathlib import Path
from typing import Any

from PIL import AvifImagePlugin, Image

from generator.contract.errors import MediaError
from generator.contract.text import Text
from generator.media.containers import BrokenFileError
from generator.sources.decoders import MAX_FILE_BYTES, open_source
from generator.sources.facts import Facts
from generator.sources.geometry import scale_to_fill, size_within
from generator.sources.keyframes import choose_key_frames
from generator.sources.refusals import check_facts

MAX_HELD_PIXELS = 100_000_000  # where every frame is asked for: 300 MB
_STRIP = 256  # rows


def main(job: dict[str, Any]) -> None:
    """Carry out one job, made by ``generator.sources.reader``."""
    set_limits(job["memory_bytes"], job["cpu_seconds"])
    Image.MAX_IMAGE_PIXELS = None  # the caps of facts.py are tighter, and count all frames
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each has a stack, and they count as memory
    try:
        _say(_send_frames(Path(job["path"]), job["wanted"]))
    except MediaError as error:
        _say({"error": error.words.to_dict()})
    except BrokenFileError as error:
        broken = Text("The file is damaged or cut off in the middle; get it again.")
        _say({"error": broken.to_dict(), "cause": str(error)})
    except MemoryError:
        too_large = Text("The file needs too much memory to read; make it smaller or shorter.")
        _say({"error": too_large.to_dict()})


def _send_frames(path: Path, wanted: dict[str, Any] | None) -> dict[str, Any]:
    """Send the frames that are wanted, none for None, and return the facts."""
    source = open_source(path)
    facts = source.facts
    check_facts(facts, is_film=source.is_film)
    indices: list[int] = []
    size = None
    if wanted is not None:
        indices, size = _indices(wanted, facts)
    elif len(facts.delays_ms) == 1:  # so that a still is never called usable by its head alone
        deque(source.frames([0]), maxlen=0)
    # A frame that is wanted twice is decoded once, and sent once.
    for picture in source.frames(sorted(set(indices))):
        _send(picture if size is None else scale_to_fill(picture, size))
    return {
        "width": facts.width,
        "height": facts.height,
        "delays_ms": facts.delays_ms,
        "indices": indices,
    }


def _indices(wanted: dict[str, Any], facts: Facts) -> tuple[list[int], tuple[int, int] | None]:
    """Return which frames are wanted, and in which size: None for their own."""
    shown = len(facts.delays_ms)
    if "spread" in wanted:
        nth = -(-shown // wanted["spread"])
        return list(range(0, shown, nth)), size_within((facts.width, facts.height), wanted["edge"])
    if "part" in wanted:
        indices = _part(shown, *wanted["part"])
        if facts.width * facts.height * len(indices) > MAX_HELD_PIXELS:
            raise MediaError(
                "The file is too large to fit all its frames into memory; make it smaller."
            )
        return indices, None
    count = wanted["count"]
    size = wanted["width"], wanted["height"]
    if wanted.get("as_init_image") and shown in (1, count):
        return list(range(shown)), size
    if wanted.get("first") and shown > count:
        return list(range(count)), size
    if count > 1 and shown == 1:
        raise MediaError("The file has only one frame; give a GIF or video that moves.")
    return choose_key_frames(facts.delays_ms, count, wanted["duration_ms"]), size


def _part(shown: int, start: float, end: float) -> list[int]:
    """Return the indices from ``start`` to ``end``, fractions of all frames."""
    return list(range(int(shown * start), round(shown * end)))


def _send(picture: Image.Image) -> None:
    output = sys.stdout.buffer
    output.write(struct.pack("<II", *picture.size))
    for top in range(0, picture.height, _STRIP):  # so that no second copy of it is needed
        box = (0, top, picture.width, min(top + _STRIP, picture.height))
        output.write(picture.crop(box).tobytes())


def _say(answer: dict[str, Any]) -> None:
    said = json.dumps(answer).encode()
    sys.stdout.buffer.write(said + struct.pack("<I", len(said)))
    sys.stdout.buffer.flush()


def set_limits(memory_bytes: int, cpu_seconds: int, *, writes: bool = False) -> None:
    """Limit the memory, CPU time and files of this process and of those that it starts."""
    for what, limit in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES if writes else 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        # ValueError: a hard limit is lower, and holds. OSError: macOS has none of address space.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
