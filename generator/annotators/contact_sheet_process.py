"""``python -m generator.annotators.contact_sheet_process``: a source before a GPU is kept busy.

Writes a picture of the source's key frames and, under each, what the ControlNet is shown of it;
``--cut`` writes a stretch of the source as a file of its own. For a depth map torch and a model are
needed, which take seconds to load: only ``--with-depth`` does so, and without it the key frames
stand alone and a note says whether it could. The hub is never asked. A sentence on standard error
and exit code 2 for a source that can't be used.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import cv2
import numpy as np

from generator.annotators.annotator import create_annotator
from generator.annotators.contact_sheet import make_contact_sheet
from generator.contract.control_types import AUTO, DEPTH_FOLLOWS, DEPTH_MODEL, annotator_of
from generator.contract.errors import HotshotError, MediaError, MissingExtraError
from generator.contract.extras import require_modules
from generator.contract.paths import existing_path, parse_hub_id
from generator.contract.text import Text, print_note, print_refusal
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.sources.keyframes import PAUSE_NOTE, has_pause
from generator.sources.reader import read_key_frames_and_facts, read_part

_TILE = 160  # pixels of the longer edge
_COLUMNS = 4
_USAGE_ERROR = 2
_NICE = 10
_NOT_FETCHED = Text(
    "What depth sees can't be shown yet, because its model isn't on this machine; the first "
    "GIF that needs it will download it. Whoever runs the bot can do that now: `hotshot model "
    "fetch {model}`.",
    model="",
)
_NO_DEPTH = Text("What depth sees can't be shown on this contact sheet. {reason}", reason="")
_LOST = Text(
    "What depth sees can't be shown, because the depth model that this bot is set to use is "
    "missing. `hotshot-bot doctor` tells whoever runs the bot what to do."
)


def main(arguments: list[str] | None = None) -> int:
    """Write the preview that the command line asks for, and return the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.cut is not None:
            write_part(chosen.source, chosen.output, start=chosen.cut[0], end=chosen.cut[1])
        else:
            frames, facts = read_key_frames_and_facts(
                chosen.source,
                count=chosen.frames,
                duration_ms=chosen.duration,
                width=chosen.width,
                height=chosen.height,
            )
            directory = _depth_directory(chosen)
            picture = render_preview(frames, chosen.type, depth_model=directory)
            save(Clip(picture[None], 1000), chosen.output)
            if has_pause(facts.delays_ms):
                print_note(PAUSE_NOTE)
    except HotshotError as error:
        print_refusal(error)
        return _USAGE_ERROR
    return 0


def render_preview(frames: Frames, control_type: str, *, depth_model: str = "") -> Frames:
    """Return key frames (f, h, w, 3) in rows of four, below each row what is seen of it: (h, w, 3).

    Depth is seen by the model of that name, and without one not at all. Raises ModelError.
    """
    name = annotator_of(control_type, AUTO)
    rows = _rows(frames)
    seen = [rows]
    if name != "none" and (name != "depth" or depth_model):
        # in one pass: the annotators have one scale for a whole clip
        annotator = create_annotator(name, depth_model=depth_model, device="cpu")
        seen.append(_rows(annotator(frames)))
    stacked = [
        make_contact_sheet(_small(part)) for pair in zip(*seen, strict=True) for part in pair
    ]
    width = max(part.shape[1] for part in stacked)
    return np.concatenate([_widened(part, width) for part in stacked])


def write_part(source: Path, output: Path, *, start: float, end: float) -> None:
    """Write the frames from ``start`` to ``end``, fractions of the whole, each for its own time.

    Raises MediaError.
    """
    part = read_part(source, start, end)
    if len(part.frames) < 2:
        raise MediaError("The file has too few frames to use only a part of it; use all of it.")
    save(Clip.timed(part.frames, part.delays_ms), output)


def _rows(frames: Frames) -> list[Frames]:
    return [frames[start : start + _COLUMNS] for start in range(0, len(frames), _COLUMNS)]


def _depth_directory(chosen: argparse.Namespace) -> str:
    """Return the depth model to draw by, which is on this machine; "" for none to be drawn now."""
    if annotator_of(chosen.type, AUTO) != "depth":
        return ""
    try:
        require_modules("huggingface_hub", "torch", "transformers")
    except MissingExtraError as error:
        print_note(_NO_DEPTH.with_values(reason=error.words))
        return ""
    # These cost time that other previews don't need.
    from generator.checkpoints.file_selection import TRANSFORMERS_STEM
    from generator.checkpoints.resolve import cached_root

    model = chosen.depth_model
    found = existing_path(model) or cached_root(model, TRANSFORMERS_STEM)
    if found is None or not chosen.with_depth:
        print_note(_not_at_hand(model) if found is None else DEPTH_FOLLOWS)
        return ""
    # With it come torch and its libraries.
    from generator.model.library_logging import quiet_libraries

    quiet_libraries()
    if hasattr(os, "nice"):
        os.nice(_NICE)  # nobody who waits for a GIF is to wait for a preview
    return str(found)


def _not_at_hand(depth_model: str) -> Text:
    if parse_hub_id(depth_model) is None:
        return _LOST
    return _NOT_FETCHED.with_values(model=depth_model)


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
    parser = argparse.ArgumentParser(prog="python -m generator.annotators.contact_sheet_process")
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--type", default="canny")
    parser.add_argument("--depth-model", default=DEPTH_MODEL)
    parser.add_argument("--with-depth", action="store_true")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--duration", type=int, default=1000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--cut", type=float, nargs=2, metavar=("START", "END"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
