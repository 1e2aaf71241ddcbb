"""Somebody's GIF, WebP, PNG, AVIF, MP4, WebM or directory of frames, as pixels. Free of torch.

The file may be hostile: it is decoded in a child process with limits of memory and time, and
refused by its structure before a pixel of it is decoded. Every refusal is a MediaError with one
sentence. Links are for ``generator.sources.fetch``.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generator.contract.errors import MediaError
from generator.contract.paths import existing_path
from generator.contract.text import Text
from generator.media.clip import Frames
from generator.sources.facts import Facts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What reading one source may cost."""

    memory_bytes: int = 1536 << 20
    cpu_seconds: int = 20
    wall_seconds: float = 40.0


@dataclass(frozen=True, slots=True)
class Source:
    """All frames of a source, uint8 (f, h, w, 3), and for how long each is shown.

    A delay of 0 means that the file doesn't tell.
    """

    frames: Frames
    delays_ms: tuple[int, ...]


_STANDARD = Limits()


def probe(path: Path, *, limits: Limits = _STANDARD) -> Facts:
    """Return a source's size, frames and delays, checked to be usable. Raises MediaError."""
    facts, _ = _run(path, None, limits)
    return _facts(facts)


def read(path: Path, *, limits: Limits = _STANDARD) -> Source:
    """Return every frame at its own size.

    Raises MediaError, also for more than 100 megapixels in all.
    """
    return read_part(path, 0.0, 1.0, limits=limits)


def read_part(path: Path, start: float, end: float, *, limits: Limits = _STANDARD) -> Source:
    """Return the frames from ``start`` to ``end``, fractions of all of them, with their delays.

    Raises MediaError, also where the part has no frame.
    """
    facts, data = _run(path, {"part": (start, end)}, limits)
    pictures = list(_pictures(data))
    if not pictures:
        raise MediaError("The file has too few frames to use only a part of it; use all of it.")
    first = facts["indices"][0]
    return Source(_stack(pictures), _facts(facts).delays_ms[first : first + len(pictures)])


def read_spread(path: Path, *, most: int, edge: int, limits: Limits = _STANDARD) -> Frames:
    """Return every n-th frame, ``most`` at most and all where there are no more: (f, h, w, 3).

    Whole ones, scaled down to at most ``edge`` pixels along each edge. Raises MediaError.
    """
    _, data = _run(path, {"spread": most, "edge": edge}, limits)
    return _stack(list(_pictures(data)))


def read_key_frames(
    path: Path,
    *,
    count: int,
    duration_ms: int,
    width: int,
    height: int,
    limits: Limits = _STANDARD,
) -> Frames:
    """Return ``count`` key frames for a clip of ``duration_ms``: (count, height, width, 3).

    Chosen by ``choose_key_frames``, scaled to fill the size and cropped to its middle. Raises
    MediaError; so for one frame where more than one is asked for.
    """
    return read_key_frames_and_facts(
        path, count=count, duration_ms=duration_ms, width=width, height=height, limits=limits
    )[0]


def read_key_frames_and_facts(
    path: Path,
    *,
    count: int,
    duration_ms: int,
    width: int,
    height: int,
    limits: Limits = _STANDARD,
) -> tuple[Frames, Facts]:
    """Return what ``read_key_frames`` returns, and what the source is."""
    wanted = {"count": count, "duration_ms": duration_ms, "width": width, "height": height}
    return _chosen(path, wanted, limits)


def read_init_frames(
    path: Path, *, count: int, duration_ms: int, width: int, height: int, first: bool = False
) -> Frames:
    """Return what a clip of ``count`` frames may begin from.

    It is (1, height, width, 3) of a still picture, otherwise (count, ...): a clip of just so many
    frames whole, the key frames of any other, or the ``first`` ones of a longer one.

    Scaled and cropped as key frames are; raises MediaError.
    """
    wanted = {"count": count, "duration_ms": duration_ms, "width": width, "height": height}
    return _chosen(path, wanted | {"as_init_image": True, "first": first}, _STANDARD)[0]


def _chosen(path: Path, wanted: dict[str, int], limits: Limits) -> tuple[Frames, Facts]:
    facts, data = _run(path, wanted, limits)
    indices: list[int] = facts["indices"]
    by_index = dict(zip(sorted(set(indices)), _pictures(data), strict=True))
    return _stack([by_index[index] for index in indices]), _facts(facts)


def _run(
    path: Path, wanted: dict[str, Any] | None, limits: Limits
) -> tuple[dict[str, Any], memoryview]:
    """Return the child's answer: its facts, and the frames that came before them."""
    if existing_path(str(path)) is None:
        raise MediaError("There is no file at {path}.", path=path)
    if not (path.is_file() or path.is_dir()):  # a pipe or a device may never come to an end
        raise MediaError(
            "{path} is neither a file nor a directory; give a GIF or a video.", path=path
        )
    job = {
        "path": str(path.absolute()),
        "wanted": wanted,
        "memory_bytes": limits.memory_bytes,
        "cpu_seconds": limits.cpu_seconds,
    }
    output = memoryview(_output(json.dumps(job), limits.wall_seconds))
    (length,) = struct.unpack("<I", output[-4:])
    facts: dict[str, Any] = json.loads(bytes(output[-4 - length : -4]))
    if "error" in facts:
        logger.info("a source can't be read: %s", facts.get("cause", facts["error"]))
        raise MediaError(Text.from_dict(facts["error"]))
    return facts, output[: -4 - length]


def _output(job: str, seconds: float) -> bytes:
    command = [sys.executable, "-m", "generator.sources.decoder_process", job]
    with subprocess.Popen(  # noqa: S603 - this very interpreter, and no shell
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # so that it ends together with what it started
    ) as child:
        try:
            output, said = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise _too_long() from None
        finally:
            _end(child)
    if child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_long()
    if child.returncode != 0:
        logger.info("a source can't be decoded: %s", said.decode(errors="replace")[-500:].strip())
        raise MediaError("The file is damaged and can't be read; get it again or convert it.")
    return output


def _too_long() -> MediaError:
    return MediaError("The file takes too long to read; make it smaller or shorter.")


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it started."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)


def _facts(answer: dict[str, Any]) -> Facts:
    return Facts(answer["width"], answer["height"], tuple(answer["delays_ms"]))


def _pictures(data: memoryview) -> Iterator[Frames]:
    """Yield the pictures (h, w, 3) that a child sent."""
    position = 0
    while position < len(data):
        width, height = struct.unpack_from("<II", data, position)
        position += 8
        pixels = np.frombuffer(data, np.uint8, 3 * width * height, position)
        position += pixels.size
        yield pixels.reshape(height, width, 3)


def _stack(pictures: list[Frames]) -> Frames:
    return np.stack(pictures)
