"""``python -m tools.nano.evaluate_control``: how closely nano follows a source, from pixels.

Sources go on paths that no training drew, in shapes that the prompt doesn't name. Prints a Markdown
table for canny and depth, and draws a sheet: what the ControlNet saw, and the clip below it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Control, Request
from generator.media.clip import Frames
from generator.nano import measure, world
from tools.nano import source_paths
from tools.nano.gifs import draw_sheet, load_pipeline, make_request, object_mask

SEED = 3_000_000  # far from any that training draws
FRAMES = 8
BARS = {"mask": 0.7, "color": 0.9, "background": 0.9}


@dataclass(frozen=True, slots=True)
class Case:
    """A source's coverage (f, h, w) and pictures (f, h, w, 3), and what its prompt asks for."""

    kind: str
    coverage: world.Floats
    pictures: Frames
    attributes: world.Attributes
    seed: int

    @property
    def prompt(self) -> str:
        return f"a {self.attributes.color} shape on a {self.attributes.background} background"


@dataclass(frozen=True, slots=True)
class Result:
    case: Case
    frames: Frames

    def measure(self) -> dict[str, float]:
        """Return the mask's IoU with the source's, over the clip, and what is right of the rest."""
        seen = measure.measure_clip(self.frames)
        wanted = self.case.attributes
        return {
            "mask": overlap(object_mask(self.frames), self.case.coverage > 0.5),
            "color": float(seen is not None and seen.color == wanted.color),
            "background": float(seen is not None and seen.background == wanted.background),
        }


def overlap(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def cases(kind: str, count: int, edge: int) -> Iterator[Case]:
    """Yield cases of ``edge`` x ``edge`` pixels, every other one of an unseen combination."""
    for index in range(count):
        rng = np.random.default_rng([SEED, index])
        attributes = world.draw_attributes(rng, held_out=index % 2 == 0)
        shape = world.SHAPES[index % len(world.SHAPES)]
        coverage = source_paths.draw_coverage(
            rng, shape, (edge, edge), FRAMES, source_paths.draw_unseen
        )
        yield Case(
            kind, coverage, source_paths.ANNOTATORS[kind](rng, coverage), attributes, SEED + index
        )


def evaluate(model: str, kind: str, count: int) -> list[Result]:
    """Make ``count`` clips at the model's own settings, strength 1."""
    limits = ModelLimits.of(model)
    pipeline = load_pipeline(model)
    return [
        Result(
            case,
            pipeline(
                _request(case, limits), report=lambda *_: None, condition_images=[case.pictures]
            ),
        )
        for case in tqdm(list(cases(kind, count, limits.native_edge)), desc=kind, unit="GIF")
    ]


def table(results: dict[str, list[Result]]) -> str:
    """Return the mean overlap, and the shares of right colours, by kind, in Markdown."""
    rows = ["| | bar | " + " | ".join(results) + " |", "|---|---|" + "---|" * len(results)]
    for name, bar in BARS.items():
        means = [np.mean([one.measure()[name] for one in of_kind]) for of_kind in results.values()]
        shown = " | ".join(f"{mean:.2f}" if name == "mask" else f"{mean:.1%}" for mean in means)
        rows.append(f"| {name} | {bar:.2f} | {shown} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.nano.evaluate_control", description=__doc__
    )
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--count", type=int, default=48, help="clips of each kind (default 48)")
    parser.add_argument("--sheet", type=Path, default=Path("out/nano-control.png"))
    arguments = parser.parse_args()
    results = {
        kind: evaluate(arguments.model, kind, arguments.count) for kind in ("canny", "depth")
    }
    print(table(results))
    arguments.sheet.parent.mkdir(parents=True, exist_ok=True)
    first = [result for of_kind in results.values() for result in of_kind[:5]]
    # Two rows for each clip: what the ControlNet saw, and what was made.
    draw_sheet(frames for result in first for frames in (result.case.pictures, result.frames)).save(
        arguments.sheet
    )
    print(f"The first clips are in {arguments.sheet}.")


def _request(case: Case, limits: ModelLimits) -> Request:
    controls = (Control(case.kind),)
    return make_request(case.prompt, case.seed, limits, controls=controls, control_source="drawn")


if __name__ == "__main__":
    main()
