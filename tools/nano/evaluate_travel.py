"""``python -m tools.nano.evaluate_travel``: prompts and strengths that change along nano's clips.

Pairs are ``tools.nano.evaluate``'s cases with another colour from the middle on; sources are
``tools.nano.evaluate_control``'s, followed by canny in the first five frames. Prints a line a clip,
then a Markdown table, and draws a sheet.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Control
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.nano import measure, world
from tools.nano import evaluate_control, suites
from tools.nano.evaluate import cases, request_of
from tools.nano.gifs import draw_sheet, load_pipeline, make_request, object_mask

FRAMES = 8
SWITCH = 4  # the frame from which a hard pair has its second colour; a gradual one's is the last
LET_GO = 5  # the frame from which canny has no strength


@dataclass(frozen=True, slots=True)
class Measured:
    """A clip, each check's name and whether it is right, and figures."""

    frames: Frames
    checks: dict[str, bool]
    figures: dict[str, float]


def measure_pairs(pipeline: HotshotPipeline, count: int, *, gradual: bool) -> Iterator[Measured]:
    """Make clips of two colours; their motion and shape are to stay."""
    limits = ModelLimits.of(pipeline.model.name)
    key = f"~{FRAMES - 1}" if gradual else str(SWITCH)
    for index, case in enumerate(cases(count)):
        first = case.attributes.color
        second = [name for name in world.COLORS if name != first][index % (len(world.COLORS) - 1)]
        prompts = _worded(case.prompt, first, first), _worded(case.prompt, first, second)
        travelling = replace(case, prompt=f"0: {prompts[0]} | {key}: {prompts[1]}")
        frames = pipeline(request_of(travelling, limits, {}), report=lambda *_: None)
        colors, found = measure.colors_by_frame(frames), suites.checks(case, frames)
        checks = {
            "first and last frame": (colors[0], colors[-1]) == (first, second),
            "motion": found["motion"],
            "shape": found["shape"],
        }
        if not gradual:
            wanted = [first] * SWITCH + [second] * (len(frames) - SWITCH)
            checks["every frame"] = colors == wanted
        print(f"{travelling.prompt}: {', '.join(colors)}; {checks}", flush=True)
        yield Measured(frames, checks, {})


def measure_strengths(pipeline: HotshotPipeline, count: int) -> Iterator[Measured]:
    """Make clips that follow canny's outlines at first, and then are let go."""
    limits = ModelLimits.of(pipeline.model.name)
    control = Control("canny", scales=f"0: 1.0 | {LET_GO}: 0")
    for case in evaluate_control.cases("canny", count, limits.native_edge):
        request = make_request(
            case.prompt, case.seed, limits, controls=(control,), control_source="drawn"
        )
        frames = pipeline(request, report=lambda *_: None, condition_images=[case.pictures])
        made, drawn, half = object_mask(frames), case.coverage > 0.5, len(frames) // 2
        before = evaluate_control.overlap(made[:half], drawn[:half])
        after = evaluate_control.overlap(made[half:], drawn[half:])
        print(f"{case.prompt}: {before:.2f} in the first half, {after:.2f} after", flush=True)
        checks = {"follows": before > 0.7, "lets go": after <= before - 0.3}
        yield Measured(frames, checks, {"before": before, "after": after})


def table(measured: list[Measured]) -> str:
    """Return the share of right clips for each check, and the means of the figures."""
    rows = ["| | |", "|---|---|"]
    for name in measured[0].checks:
        rows.append(f"| {name} | {np.mean([one.checks[name] for one in measured]):.1%} |")
    for name in measured[0].figures:
        rows.append(f"| {name} (mean) | {np.mean([one.figures[name] for one in measured]):.2f} |")
    return "\n".join([*rows, "", f"{len(measured)} clips."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.evaluate_travel",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--count", type=int, default=32, help="clips of each kind (default 32)")
    parser.add_argument("--sheet", type=Path, default=Path("out/travel.png"))
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model)
    arguments.sheet.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "hard": measure_pairs(pipeline, arguments.count, gradual=False),
        "strengths": measure_strengths(pipeline, arguments.count),
        "gradual": measure_pairs(pipeline, arguments.count, gradual=True),
    }
    for name, clips in found.items():
        measured = list(clips)
        print(f"\n{name}\n\n{table(measured)}\n", flush=True)
        sheet = arguments.sheet.with_stem(f"{arguments.sheet.stem}-{name}")
        draw_sheet(one.frames for one in measured[:16]).save(sheet)


def _worded(prompt: str, color: str, other: str) -> str:
    """Return a prompt with another colour in the place of its own, whatever word that has there."""
    word = next(each for each in (color, suites.COLOR_WORDS.get(color, "")) if each in prompt)
    return prompt.replace(word, other)


if __name__ == "__main__":
    main()
