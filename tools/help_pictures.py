"""``python -m tools.help_pictures``: makes the pictures of /help, by nano, one for each page.

What a picture needs and nano doesn't have (a sample LoRA, a ControlNet) is said and left out. The
figures that are compared are the guide's own (``bot.ui.guide``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from bot.ui import guide
from generator.contract.limits import NANO, NANO_DIRECTORY, ModelLimits
from generator.contract.messages import Control, Lora, Request
from generator.contract.options.gif_options import GifOptions
from generator.inference.hotshot_engine import HotshotEngine
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.postprocess.edits import EDITS
from generator.recipes.recipe import ModelSettings
from generator.sources.source_files import fetch_sources

Make = Callable[[Request], Clip]

_PROMPT = "a red ball moving right on a beige background"
_ON_DARK = "a yellow star spinning on a navy background"
_GROWING = "a yellow star growing on a navy background"
_TURNING = "a green square spinning on a gray background"
_SEED = 7
_FRAMES, _DURATION_MS = 24, 2000  # of a picture; its clips are repeated in that time
_GAP, _GROUND = 8, (43, 45, 49)  # the ground of a dark client
_SOURCE, _LOOK = "source.gif", "look.png"


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.help_pictures", description=__doc__)
    parser.add_argument("--output", type=Path, default=guide.PICTURES)
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    engine = HotshotEngine.load(ModelSettings(model=NANO), device="auto", previews=False)
    limits = ModelLimits.of(NANO)

    def make(request: Request) -> Clip:
        with fetch_sources(request) as sources:
            return engine.make(request, lambda *_: None, sources)

    for name, clips in pages(limits, make, chosen.output).items():
        if clips:
            save(side_by_side(clips), chosen.output / f"{name}.gif")
        print(f"{name}: {'made' if clips else 'left out, since nano lacks what it needs'}")
    return 0


def pages(limits: ModelLimits, make: Make, scratch: Path) -> Mapping[str, Sequence[Clip]]:
    """The clips of each page, from left to right; none where nano lacks something."""
    usual = _request(limits, _PROMPT)
    dark = _request(limits, _ON_DARK)
    sizes = [_request(limits, _ON_DARK, size) for size in guide.SIZES]
    turning = make(_request(limits, _TURNING))
    return {
        "size": [make(request) for request in sizes],
        "frames": [make(replace(usual, video_length=frames)) for frames in guide.FRAMES],
        "steps": [make(replace(dark, steps=steps)) for steps in guide.STEPS],
        "guidance": [make(replace(dark, guidance_scale=scale)) for scale in guide.GUIDANCES],
        "seed": [make(replace(usual, seed=_SEED + index)) for index in range(3)],
        "lora": _with_lora(dark, make),
        "control_gif": _following(limits, usual, make, scratch / _SOURCE),
        "image": _from_picture(dark, make, scratch / _LOOK),
        "edits": [turning, *(EDITS[edit](turning, "") for edit in guide.EDITS)],
    }


def _request(limits: ModelLimits, prompt: str, size: str | None = None) -> Request:
    return GifOptions[str](prompt=prompt, seed=_SEED, size=size).to_request(limits)


def side_by_side(clips: Sequence[Clip]) -> Clip:
    """All of them on one ground, each repeated a whole number of times."""
    height = max(clip.height for clip in clips)
    columns: list[Frames] = []
    for clip in clips:
        times = max(1, round(_DURATION_MS / clip.duration_ms))
        count = len(clip.frames)
        shown = [clip.frames[step * times * count // _FRAMES % count] for step in range(_FRAMES)]
        column = np.empty((_FRAMES, height + 2 * _GAP, clip.width + _GAP, 3), np.uint8)
        column[:] = _GROUND
        top = _GAP + (height - clip.height) // 2
        column[:, top : top + clip.height, : clip.width] = np.stack(shown)
        columns.append(column)
    edge = np.broadcast_to(np.array(_GROUND, np.uint8), (_FRAMES, height + 2 * _GAP, _GAP, 3))
    return Clip(np.concatenate([edge, *columns], axis=2), _DURATION_MS)


def _with_lora(request: Request, make: Make) -> list[Clip]:
    files = sorted((NANO_DIRECTORY / "loras").glob("*.safetensors"))
    if not files:
        return []
    return [make(request), make(replace(request, loras=(Lora(str(files[0])),)))]


def _following(limits: ModelLimits, request: Request, make: Make, file: Path) -> list[Clip]:
    """A drawn source and what follows it."""
    if not (NANO_DIRECTORY / "controlnet" / "canny").exists():
        return []
    source = _drawn(limits.native_edge, request.video_length, request.video_duration)
    save(source, file)
    try:
        control = Control("canny", limits.controlnet_conditioning_scale)
        followed = replace(request, controls=(control,), control_source=str(file))
        return [source, make(followed)]
    finally:
        file.unlink(missing_ok=True)


def _from_picture(request: Request, make: Make, file: Path) -> list[Clip]:
    """A still, and clips that come away from it more and more."""
    still = make(replace(request, video_length=1))
    save(still, file)
    try:
        begun = replace(request, prompt=_GROWING, seed=_SEED + 1, image=str(file))
        moved = [replace(begun, image_strength=far) for far in guide.IMAGE_STRENGTHS]
        return [still, *map(make, moved)]
    finally:
        file.unlink(missing_ok=True)


def _drawn(edge: int, frames: int, duration_ms: int) -> Clip:
    """A white ball on an arc, which no prompt of nano's describes."""
    pictures = []
    for index in range(frames):
        picture = Image.new("RGB", (edge, edge), (30, 30, 30))
        share = index / max(1, frames - 1)
        x, y = edge * (0.2 + 0.6 * share), edge * (0.75 - 1.8 * share * (1 - share))
        radius = edge * 0.16
        box = (x - radius, y - radius, x + radius, y + radius)
        ImageDraw.Draw(picture).ellipse(box, fill="white")
        pictures.append(np.asarray(picture))
    return Clip(np.stack(pictures), duration_ms)


if __name__ == "__main__":
    sys.exit(main())
