"""``python -m tools.nano.evaluate``: how often nano shows what the prompt says, from pixels.

Half the prompts are of combinations that training never saw, all are in wordings that it never saw.
Prints a Markdown table and draws a sheet of the first clips, one a row.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Request
from generator.media.clip import Frames
from generator.nano import measure, world
from generator.sources.geometry import scale_to_fill
from tools.nano.gifs import draw_sheet, load_pipeline, make_request

SEED = 2_000_000  # far from any that training draws
BARS = {"color": 0.95, "background": 0.95, "shape": 0.85, "motion": 0.90, "steady": 0.95}
_COLORS = {"purple": "violet", "cyan": "turquoise"}
_SHAPES = {"ball": ("ball", "circle", "disc"), "square": ("square", "box"),
           "triangle": ("triangle",), "star": ("star",)}  # fmt: skip
_BACKGROUNDS = {"gray": ("gray", "grey"), "navy": ("navy", "navy blue")}
_MOTIONS = {
    "moving left": ("moving left", "going to the left", "on its way to the left"),
    "moving right": ("moving right", "going to the right", "on its way to the right"),
    "moving up": ("moving up", "rising", "going upwards"),
    "moving down": ("moving down", "falling", "going downwards"),
    "bouncing": ("bouncing", "that keeps bouncing", "jumping"),
    "growing": ("growing", "getting bigger", "that becomes larger"),
    "shrinking": ("shrinking", "getting smaller", "that becomes smaller"),
    "spinning": ("spinning", "rotating", "that keeps turning"),
}
_SENTENCES = (
    "{a} {color} {shape} {motion} on a {background} background",
    "on a {background} backdrop there is {a} {color} {shape} {motion}",
    "a clean drawing with {a} {color} {shape}, {motion}, and a {background} background behind it",
    "{motion}, {a} {color} {shape}; {background} backdrop",
    "we see {a} {shape} in {color}, {motion}, everything behind it is {background}",
    "my favourite {color} {shape} {motion} before a plain {background} background",
)


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt with what it asks for."""

    prompt: str
    attributes: world.Attributes
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """A case with what came out and how long it took."""

    case: Case
    frames: Frames
    seconds: float

    def checks(self) -> dict[str, bool]:
        seen = measure.measure_clip(self.frames)
        if seen is None:
            return dict.fromkeys(BARS, False)
        wanted = self.case.attributes
        found = {
            name: getattr(seen, name) == getattr(wanted, name)
            for name in ("color", "background", "shape", "motion")
        }
        return found | {"steady": seen.is_steady}


def cases(count: int, seed: int = SEED) -> Iterator[Case]:
    """Yield prompts in unseen wordings, every other one of an unseen combination."""
    rng = np.random.default_rng(seed)
    for index in range(count):
        attributes = world.draw_attributes(rng, held_out=index % 2 == 0)
        yield Case(_worded(rng, attributes), attributes, seed + index)


def evaluate(model: str, count: int, overrides: Mapping[str, float]) -> list[Result]:
    """Make ``count`` clips at the model's default settings, or with some of them overridden."""
    pipeline = load_pipeline(model)
    limits = ModelLimits.of(model)
    results = []
    for case in tqdm(list(cases(count)), desc="evaluating", unit="GIF"):
        started = time.perf_counter()
        frames = pipeline(request_of(case, limits, overrides), report=lambda *_: None)
        results.append(Result(case, frames, time.perf_counter() - started))
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


def table(results: list[Result]) -> str:
    """Return the shares of right clips in Markdown, of all and of the combinations never seen."""
    rows = ["| | bar | all | never seen |", "|---|---|---|---|"]
    for name, bar in BARS.items():
        rows.append(f"| {name} | {bar:.0%} | {_share(results, name)} | {_unseen(results, name)} |")
    seconds = np.median([result.seconds for result in results])
    return "\n".join([*rows, "", f"{len(results)} clips, {seconds:.1f} s each at the median."])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.evaluate", description=__doc__)
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--count", type=int, default=128, help="how many clips (default 128)")
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--guidance-rescale", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--upscale", action="store_true", help="also at twice the size")
    parser.add_argument("--sheet", type=Path, default=Path("out/nano.png"))
    arguments = parser.parse_args()
    names = ("guidance_scale", "guidance_rescale", "steps")
    given = {name: getattr(arguments, name) for name in names}
    results = evaluate(
        arguments.model,
        arguments.count,
        {name: value for name, value in given.items() if value is not None},
    )
    print(table(results))
    for result in results:
        wrong = [name for name, right in result.checks().items() if not right]
        if wrong:
            print(f"wrong {', '.join(wrong)}: {result.case.prompt} (seed {result.case.seed})")
    if arguments.upscale:
        larger = upscale(arguments.model, results)
        print(f"Of {len(larger)} of these whose shape is right, {_share(larger, 'shape')} keep it "
              "at twice the size.")  # fmt: skip
    arguments.sheet.parent.mkdir(parents=True, exist_ok=True)
    draw_sheet(result.frames for result in results[:16]).save(arguments.sheet)
    print(f"The first clips are in {arguments.sheet}.")


def request_of(case: Case, limits: ModelLimits, overrides: Mapping[str, float]) -> Request:
    """Return the request of a case at the model's own settings, or with some of them overridden."""
    return make_request(case.prompt, case.seed, limits, **overrides)


def _twice(frames: Frames) -> Frames:
    """Return frames twice as large, scaled as the bot's Upscale does."""
    size = (2 * frames.shape[2], 2 * frames.shape[1])
    scaled = [scale_to_fill(Image.fromarray(frame), size) for frame in frames]
    return np.stack([np.asarray(picture) for picture in scaled])


def _share(results: list[Result], name: str) -> str:
    return f"{np.mean([result.checks()[name] for result in results]):.1%}"


def _unseen(results: list[Result], name: str) -> str:
    return _share([result for result in results if result.case.attributes.held_out], name)


def _worded(rng: np.random.Generator, attributes: world.Attributes) -> str:
    color = attributes.color
    if color in _COLORS and rng.random() < 0.3:
        color = _COLORS[color]
    return _pick(rng, _SENTENCES).format(
        a="an" if color[0] in "aeiou" else "a",
        color=color,
        shape=_pick(rng, _SHAPES[attributes.shape]),
        motion=_pick(rng, _MOTIONS[attributes.motion]),
        background=_pick(rng, _BACKGROUNDS.get(attributes.background, (attributes.background,))),
    )


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


if __name__ == "__main__":
    main()
