"""The limited child process that decodes a source: ``python -m generator.sources.decoder JOB``.

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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from generator.errors import MediaError
from generator.media.containers import BrokenFileError, sniff
from generator.sources import films, pictures
from generator.sources.facts import Facts
from generator.sources.geometry import scale_to_fill
from generator.sources.keyframes import choose
from generator.words import Words

MAX_HELD_PIXELS = 100_000_000  # where every frame is asked for: 300 MB
MAX_FILE_BYTES = 256 << 20
_FILMS = ("mp4", "webm")
_NO_PICTURE = Words(
    "The file is no picture that can be read; give a GIF, WebP, PNG, JPEG, MP4 or WebM, "
    "or a directory of numbered pictures."
)


def main(job: dict[str, Any]) -> None:
    """Carries out one job, made by ``generator.sources.reader``."""
    _limit(job["memory_bytes"], job["cpu_seconds"])
    Image.MAX_IMAGE_PIXELS = None  # the caps of facts.py are tighter, and count all frames
    try:
        _say(_send_frames(Path(job["path"]), job["wanted"]))
    except MediaError as error:
        _say({"error": error.words.to_dict()})
    except BrokenFileError:
        broken = Words("The file is damaged or breaks off in the middle; get it anew.")
        _say({"error": broken.to_dict()})
    except MemoryError:
        too_large = Words("The file needs too much memory to read; make it smaller or shorter.")
        _say({"error": too_large.to_dict()})


def _send_frames(path: Path, wanted: dict[str, Any] | None) -> dict[str, Any]:
    """Gives the facts; the frames are those wanted, none for None, all for an empty wish."""
    kind, files, facts = _look_at(path)
    facts.check()
    indices: list[int] = []
    size = None
    if wanted is not None:
        indices, size = _indices(wanted, facts)
    # A frame that is wanted twice is decoded once, and sent once.
    for picture in _frames(path, kind, files, sorted(set(indices))):
        fitted = picture if size is None else scale_to_fill(picture, size)
        sys.stdout.buffer.write(struct.pack("<II", *fitted.size) + fitted.tobytes())
    return {
        "width": facts.width,
        "height": facts.height,
        "delays_ms": facts.delays_ms,
        "indices": indices,
    }


def _look_at(path: Path) -> tuple[str, list[Path], Facts]:
    """The kind, the files where it is a directory, and the facts."""
    if path.is_dir():
        return "directory", *pictures.of_directory(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise MediaError(
            "The file is larger than {most} MiB; make it shorter.", most=MAX_FILE_BYTES >> 20
        )
    with path.open("rb") as file:
        kind = sniff(file.read(16))
    if kind is None:
        raise MediaError(_NO_PICTURE)
    reader = films.of_file if kind in _FILMS else pictures.of_file
    return kind, [], reader(path, kind)


def _indices(wanted: dict[str, Any], facts: Facts) -> tuple[list[int], tuple[int, int] | None]:
    if not wanted:
        held = facts.width * facts.height * len(facts.delays_ms)
        if held > MAX_HELD_PIXELS:
            raise MediaError("The file is too large to hold all its frames; make it smaller.")
        return list(range(len(facts.delays_ms))), None
    count, shown = wanted["count"], len(facts.delays_ms)
    size = wanted["width"], wanted["height"]
    if wanted.get("as_look") and shown in (1, count):
        return list(range(shown)), size
    if count > 1 and shown == 1:
        raise MediaError("The file has only one frame; give a GIF, WebP, PNG or MP4 that moves.")
    return choose(facts.delays_ms, count, wanted["duration_ms"]), size


def _frames(
    path: Path, kind: str, files: Sequence[Path], indices: Sequence[int]
) -> Iterator[Image.Image]:
    if kind == "directory":
        return pictures.stills([files[index] for index in indices])
    if kind in _FILMS:
        return films.frames(path, kind, indices)
    return pictures.frames(path, kind, indices)


def _say(answer: dict[str, Any]) -> None:
    said = json.dumps(answer).encode()
    sys.stdout.buffer.write(said + struct.pack("<I", len(said)))
    sys.stdout.buffer.flush()


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Holds for programs started from here as well."""
    for what, limit in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit of address space
            resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
