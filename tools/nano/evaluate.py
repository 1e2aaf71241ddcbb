"""``python -m tools.nano.evaluate``: how often nano shows what the prompt says, from pixels.

The prompts and the bars are those of ``tools.nano.suites``. Prints a Markdown table and draws a
sheet of the first clips, one a row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from generator.contract.bounds import SCHEDULERS, scheduler_name
from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Request
from generator.media.clip import Frames
from generator.sources.geometry import scale_to_fill
from tools.nano import suites
from tools.nano.gifs import draw_sheet, load_pipeline, make_request
from tools.nano.suites import BARS, LONG_BARS, SEED, SIZE_BARS, SUITES, Case

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Result:
    """A case with what came out and how long it took."""

    case: Case
    frames: Frames
    seconds: float

    def checks(self) -> dict[str, bool]:
        """Return which of the plain bars' checks are right."""
        found = suites.checks(self.case, self.frames)
        return {name: found[name] for name in BARS}

    def all_checks(self) -> dict[str, bool]:
        """Return all that can be told of the clip."""
        return suites.checks(self.case, self.frames)


def cases(count: int, seed: int = SEED) -> Iterator[Case]:
    """Yield prompts in unseen wordings, every other one of an unseen combination."""
    return SUITES["plain"].cases(count, seed)


def evaluate(
    model: str, count: int, overrides: Mapping[str, object], suite: str = "plain"
) -> list[Result]:
    """Make ``count`` clips at the model's default settings, or with some of them overridden."""
    [results] = evaluate_each(model, count, [overrides], suite)
    return results


def evaluate_each(
    model: str, count: int, settings: Sequence[Mapping[str, object]], suite: str = "plain"
) -> list[list[Result]]:
    """Make ``count`` clips in each of the settings, which take turns case by case."""
    pipeline = load_pipeline(model)
    limits = ModelLimits.of(model)
    results: list[list[Result]] = [[] for _ in settings]
    for case in tqdm(list(SUITES[suite].cases(count)), desc="evaluating", unit="GIF"):
        for made, overrides in zip(results, settings, strict=True):
            started = time.perf_counter()
            frames = pipeline(request_of(case, limits, overrides), report=lambda *_: None)
            made.append(Result(case, frames, time.perf_counter() - started))
    return results


def upscale(model: str, results: list[Result]) -> list[Result]:
    """Make each clip whose shape is right again, in a second pass at twice the size."""
    pipeline = load_pipeline(model)
    limits = ModelLimits.of(model)
    right = [result for result in results if result.checks()["shape"]]
    larger = []
    for result in tqdm(right, desc="upscaling", unit="GIF"):
        started = time.perf_counter()
        request = limits.upscaled(request_of(result.case, limits, {}), "its own frames")
        frames = pipeline(request, report=lambda *_: None, init_image=_twice(result.frames))
        larger.append(Result(result.case, frames, time.perf_counter() - started))
    return larger


def table(results: list[Result], bars: Mapping[str, float] = BARS) -> str:
    """Return the shares of right clips in Markdown, of all and of the combinations never seen."""
    found = [(result.case.attributes.held_out, result.all_checks()) for result in results]
    rows = ["| | bar | all | never seen |", "|---|---|---|---|"]
    for name, bar in bars.items():
        every = [one[name] for _, one in found]
        unseen = [one[name] for is_unseen, one in found if is_unseen]
        rows.append(f"| {name} | {bar:.0%} | {_percent(every)} | {_percent(unseen)} |")
    seconds = _median_seconds(results)
    return "\n".join([*rows, "", f"{len(results)} clips, {seconds:.1f} s each at the median."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.evaluate", description=__doc__)
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--count", type=int, default=128, help="how many clips (default 128)")
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--guidance-rescale", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--scheduler", choices=SCHEDULERS)
    parser.add_argument(
        "--beside",
        type=_sampler,
        metavar="NAME:STEPS",
        help="also make each clip with this sampler, and print what it reaches and costs",
    )
    parser.add_argument("--suite", choices=SUITES, default="plain")
    parser.add_argument("--video-length", type=int, help="frames (default 8)")
    parser.add_argument("--size", type=_size, help="WxH in pixels (default the model's own)")
    parser.add_argument("--upscale", action="store_true", help="also at twice the size")
    parser.add_argument("--sheet", type=Path, default=Path("out/nano.png"))
    arguments = parser.parse_args()
    names = ("guidance_scale", "guidance_rescale", "steps", "scheduler", "video_length")
    given = {name: getattr(arguments, name) for name in names}
    given["width"], given["height"] = arguments.size or (None, None)
    overrides = {name: value for name, value in given.items() if value is not None}
    settings = [overrides] + ([overrides | arguments.beside] if arguments.beside else [])
    results, *others = evaluate_each(arguments.model, arguments.count, settings, arguments.suite)
    bars = _bars(arguments)
    print(table(results, bars))
    for beside in others:
        times = _median_seconds(beside) / _median_seconds(results)
        what = "{scheduler} in {steps} steps".format(**arguments.beside)
        print(f"\nBeside it {what}, whose clips take {times:.1f} times as long:\n")
        print(table(beside, bars))
    for result in results:
        wrong = [name for name, right in result.all_checks().items() if name in bars and not right]
        if wrong:
            print(f"wrong {', '.join(wrong)}: {result.case.prompt} (seed {result.case.seed})")
    if arguments.upscale:
        larger = upscale(arguments.model, results)
        print(f"Of {len(larger)} of these whose shape is right, {_share(larger, 'shape')} keep it "
              "at twice the size.")  # fmt: skip
    arguments.sheet.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(result.frames for result in results[:16]).save(arguments.sheet)
    print(f"The first clips are in {arguments.sheet}.")


def request_of(case: Case, limits: ModelLimits, overrides: Mapping[str, object]) -> Request:
    """Return the request of a case at the model's own settings, or with some of them overridden."""
    changes = dict(overrides)
    if case.negative_prompt is not None:
        changes["negative_prompt"] = case.negative_prompt
    return make_request(case.prompt, case.seed, limits, **changes)


def _bars(arguments: argparse.Namespace) -> Mapping[str, float]:
    if arguments.suite == "plain" and arguments.size:
        return SIZE_BARS
    if arguments.suite == "plain" and (arguments.video_length or 8) > 8:
        return LONG_BARS
    return SUITES[arguments.suite].bars


def _sampler(text: str) -> Mapping[str, object]:
    name, _, steps = text.partition(":")
    return {"scheduler": scheduler_name(name), "steps": int(steps)}


def _median_seconds(results: list[Result]) -> float:
    return float(np.median([result.seconds for result in results]))


def _size(text: str) -> Size:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _twice(frames: Frames) -> Frames:
    """Return frames twice as large, scaled as the bot's Upscale does."""
    size = (2 * frames.shape[2], 2 * frames.shape[1])
    scaled = [scale_to_fill(Image.fromarray(frame), size) for frame in frames]
    return np.stack([np.asarray(picture) for picture in scaled])


def _share(results: list[Result], name: str) -> str:
    return _percent([result.checks()[name] for result in results])


def _percent(right: list[bool]) -> str:
    return f"{np.mean(right):.1%}" if right else ""


if __name__ == "__main__":
    main()
