"""``python -m tools.nano.evaluate_motion``: long clips of nano, measured from their pixels.

The cases are the first of ``tools.nano.evaluate``'s. Prints a line a clip while they are made, then
a Markdown table, and draws a sheet of the first clips, one a row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generator.contract.limits import NANO, ModelLimits
from generator.contract.windows import CONTINUE, LOOP, MOTIONS, STRETCH, frames_computed
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.nano import measure
from tools.nano import suites
from tools.nano.evaluate import cases, request_of
from tools.nano.gifs import draw_sheet, load_pipeline, object_mask
from tools.nano.suites import Case

EVEN_PATH = {32: 0.06, 64: 0.08}  # of the width: the most that an even motion may be off its line
SIZE_CORRELATION = 0.95
TURNS_APART = 0.3  # of their median: the most that the gaps between a bounce's turns may differ
SEAM = 1.2  # times the median of neighbours: the most that a loop's last frame may be off its first
LOOP_MOVES = 0.3  # of the height: the least that a bouncing loop moves
REACHES = 0.3  # of the height: the least that a bounce that goes on moves
SHOWN = 16  # frames of a clip on the sheet

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A clip with what was measured of it: each check's name and whether it is right."""

    case: Case
    frames: Frames
    checks: dict[str, bool]
    figures: dict[str, float] = field(default_factory=dict)


def check_one_thing(case: Case, frames: Frames) -> dict[str, bool]:
    """Return whether colour, background and shape are one, and right, in every frame."""
    found = suites.checks(case, frames)
    names = ("color", "background", "color steady", "shape in every frame")
    return {"one thing": all(found[name] for name in names)}


def measure_stretch(case: Case, frames: Frames) -> tuple[dict[str, bool], dict[str, float]]:
    """Measure one motion over a whole clip."""
    motion = case.attributes.motion
    checks = {"motion": suites.checks(case, frames)["motion"]}
    if motion.startswith("moving"):
        off = off_the_line(measure.positions(frames))
        return checks | {"even path": off <= _path_bar(len(frames))}, {"off the line": off}
    if motion in ("growing", "shrinking"):
        sizes = object_mask(frames).sum((1, 2)) ** 0.5
        correlation = abs(float(np.corrcoef(sizes, np.arange(len(frames)))[0, 1]))
        return checks | {"size": correlation >= SIZE_CORRELATION}, {"size~time": correlation}
    return checks, {}


def measure_continue(case: Case, frames: Frames) -> tuple[dict[str, bool], dict[str, float]]:
    """Measure a bounce that goes on: how evenly it turns, and how far it goes."""
    places = measure.positions(frames)
    if case.attributes.motion != "bouncing" or places is None:
        return {}, {}
    gaps = np.diff(turns(places[:, 1]))
    uneven = float(np.abs(gaps / np.median(gaps) - 1).max()) if len(gaps) > 1 else np.inf
    reach = float(np.ptp(places[:, 1]))
    return (
        {"turns evenly": uneven <= TURNS_APART, "reaches both ends": reach >= REACHES},
        {"turns": float(len(gaps) + 1), "uneven": uneven, "reach": reach},
    )


def measure_loop(case: Case, frames: Frames) -> tuple[dict[str, bool], dict[str, float]]:
    """Measure the seam from the last frame to the first, and whether a bounce moves."""
    rolled = np.roll(frames, -1, axis=0).astype(np.float64)
    apart = np.abs(rolled - frames).mean((1, 2, 3))
    seam = float(apart[-1] / max(np.median(apart[:-1]), 1e-6))
    checks, figures = {"seam": seam <= SEAM}, {"seam": seam}
    places = measure.positions(frames)
    if case.attributes.motion == "bouncing":
        reach = 0.0 if places is None else float(np.ptp(places[:, 1]))
        return checks | {"moves": reach >= LOOP_MOVES}, figures | {"reach": reach}
    return checks, figures


MEASURES: dict[str, Callable[[Case, Frames], tuple[dict[str, bool], dict[str, float]]]] = {
    CONTINUE: measure_continue,
    STRETCH: measure_stretch,
    LOOP: measure_loop,
}


def off_the_line(places: Values | None) -> float:
    """Return how far a path (f, 2) is from an even one at most, as a share of the picture."""
    if places is None:
        return float("inf")
    times = np.linspace(-1, 1, len(places))
    even = np.stack([np.polyval(np.polyfit(times, one, 1), times) for one in places.T], axis=1)
    return float(np.linalg.norm(places - even, axis=1).max())


def turns(heights: Values, least: float = 0.03) -> Values:
    """Return where a course turns, in frames; what is less than ``least`` is no turn."""
    found, extreme, rising = [], 0, 0
    for at, height in enumerate(heights):
        way = height - heights[extreme]
        if rising == 0:
            if abs(way) > least:
                rising, extreme = (1 if way > 0 else -1), at
        elif way * rising > 0:
            extreme = at
        elif -way * rising > least:
            found.append(extreme)
            rising, extreme = -rising, at
    return np.array(found, np.float64)


@contextmanager
def counted_frames(pipeline: HotshotPipeline) -> Iterator[list[int]]:
    """Yield a list to which the frames of each pass through the UNet are added."""
    seen: list[int] = []
    watch = pipeline.model.unet.conv_in.register_forward_hook(
        lambda _module, given, _output: seen.append(given[0].shape[0])
    )
    try:
        yield seen
    finally:
        watch.remove()


def make(pipeline: HotshotPipeline, motion: str, frames: int, count: int) -> Iterator[Measured]:
    """Make clips at the model's own settings; print each one's figures, time and work."""
    limits = ModelLimits.of(pipeline.model.name)
    for case in cases(count):
        request = replace(request_of(case, limits, {"video_length": frames}), motion=motion)
        started = time.process_time()
        with counted_frames(pipeline) as seen:
            made = pipeline(request, report=lambda *_: None)
        checks, figures = MEASURES[motion](case, made)
        one = Measured(case, made, check_one_thing(case, made) | checks, figures)
        wrong = [name for name, right in one.checks.items() if not right]
        said = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        print(
            f"{motion} {frames}: {case.prompt} ({case.attributes.motion}): {said or '-'}; "
            f"wrong: {', '.join(wrong) or 'nothing'}; {time.process_time() - started:.1f} CPU s, "
            f"{sum(seen)} frames computed, {2 * frames_computed(request)} reckoned",
            flush=True,
        )
        yield one


def table(measured: list[Measured]) -> str:
    """Return the share of right clips for each check, of those that it is of."""
    names = dict.fromkeys(name for one in measured for name in one.checks)
    rows = ["| | right | of |", "|---|---|---|"]
    for name in names:
        found = [one.checks[name] for one in measured if name in one.checks]
        rows.append(f"| {name} | {np.mean(found):.1%} | {len(found)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.evaluate_motion",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--motion", choices=MOTIONS, action="append")
    parser.add_argument("--video-length", type=int, default=32)
    parser.add_argument("--count", type=int, default=32, help="how many clips (default 32)")
    parser.add_argument("--sheet", type=Path, default=Path("out/motion.png"))
    arguments = parser.parse_args()
    pipeline = load_pipeline(arguments.model)
    arguments.sheet.parent.mkdir(parents=True, exist_ok=True)
    for motion in arguments.motion or MOTIONS:
        measured = list(make(pipeline, motion, arguments.video_length, arguments.count))
        print(f"\n{motion}, {arguments.video_length} frames\n\n{table(measured)}\n", flush=True)
        sheet = arguments.sheet.with_stem(f"{arguments.sheet.stem}-{motion}")
        step = max(1, arguments.video_length // SHOWN)
        draw_sheet(one.frames[::step] for one in measured[:16]).save(sheet)
        print(f"The first clips, every frame in {step}, are in {sheet}.", flush=True)


def _path_bar(frames: int) -> float:
    return EVEN_PATH[min(EVEN_PATH, key=lambda known: abs(known - frames))]


if __name__ == "__main__":
    main()
