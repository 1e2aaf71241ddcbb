"""``python -m generator.control.sheet``: a source, before a GPU is kept busy with it.

Writes a picture of the source's key frames and, under each, what the ControlNet is shown of it;
``--cut`` writes a stretch of the source as a file of its own. For a depth map a model is needed,
which is not loaded for this: there the key frames stand alone. A sentence on standard error and
exit code 2 for a source that can't be used.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from generator.control import annotators
from generator.control.names import AUTO, annotator_of
from generator.control.preview import contact_sheet
from generator.errors import HotshotError, MediaError
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.sources.keyframes import PAUSE, has_pause
from generator.sources.reader import read_key_frames_and_facts, read_part
from generator.words import note, tell

_TILE = 160  # pixels of the longer edge
_COLUMNS = 4
_USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.cut is not None:
            cut(chosen.source, chosen.output, start=chosen.cut[0], end=chosen.cut[1])
        else:
            frames, facts = read_key_frames_and_facts(
                chosen.source,
                count=chosen.frames,
                duration_ms=chosen.duration,
                width=chosen.width,
                height=chosen.height,
            )
            save(Clip(sheet(frames, chosen.type)[None], 1000), chosen.output)
            if has_pause(facts.delays_ms):
                note(PAUSE)
    except HotshotError as error:
        tell(error)
        return _USAGE_ERROR
    return 0


def sheet(frames: Frames, control_type: str) -> Frames:
    """Key frames (f, h, w, 3) in rows of four, below each row what is seen of it: (h, w, 3)."""
    name = annotator_of(control_type, AUTO)
    rows = [frames[start : start + _COLUMNS] for start in range(0, len(frames), _COLUMNS)]
    seen = [rows] if name in ("none", "depth") else [rows, _seen(rows, name)]
    stacked = [contact_sheet(_small(part)) for pair in zip(*seen, strict=True) for part in pair]
    width = max(part.shape[1] for part in stacked)
    return np.concatenate([_widened(part, width) for part in stacked])


def cut(source: Path, output: Path, *, start: float, end: float) -> None:
    """Writes the frames from ``start`` to ``end``, fractions of the whole, each for its own time.

    Raises MediaError.
    """
    part = read_part(source, start, end)
    if len(part.frames) < 2:
        raise MediaError("The file has too few frames to take a part of it; take it whole.")
    save(Clip.timed(part.frames, part.delays_ms), output)


def _seen(rows: list[Frames], name: str) -> list[Frames]:
    annotate = annotators.create(name, depth_model="", device="cpu")
    return [annotate(row) for row in rows]


def _small(frames: Frames) -> Frames:
    height, width = frames.shape[1:3]
    scale = _TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack(small).astype(np.uint8)


def _widened(row: Frames, width: int) -> Frames:
    missing = width - row.shape[1]
    return np.pad(row, ((0, 0), (0, missing), (0, 0)), constant_values=128)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generator.control.sheet")
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--type", default="canny")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--duration", type=int, default=1000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--cut", type=float, nargs=2, metavar=("START", "END"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
