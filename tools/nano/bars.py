"""``python -m tools.nano.bars``: every bar that nano is to reach, each on its suite's first cases.

Prints a Markdown table, a bar a row as soon as it is measured, and leaves a sheet of each and
``bars.json`` beside them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import numpy as np

from generator.cli.gif_loras import few_steps_of
from generator.contract.limits import NANO
from generator.contract.messages import Lora
from generator.training.run_directory import write_json
from tools.nano.evaluate import Result, evaluate
from tools.nano.gifs import draw_sheet
from tools.nano.suites import LONG_BARS, SIZE_BARS, SUITES

SHOWN = 12  # clips on a sheet
_HEAD = "| | check | bar | right | clips |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Measure:
    """A suite at one length and size, and the least share of clips for each check."""

    name: str
    bars: Mapping[str, float]
    suite: str = "plain"
    overrides: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of_suite(cls, name: str) -> Measure:
        """Return a suite at the model's own length and size."""
        return cls(name, SUITES[name].bars, suite=name)

    @classmethod
    def of_size(cls, width: int, height: int) -> Measure:
        """Return the plain suite at a size in pixels."""
        sized = {"width": width, "height": height}
        return cls(f"{width}x{height}", SIZE_BARS, overrides=sized)

    @classmethod
    def of_length(cls, frames: int) -> Measure:
        """Return the plain suite with so many frames."""
        return cls(f"{frames}-frames", LONG_BARS, overrides={"video_length": frames})


MEASURES = {
    one.name: one
    for one in (
        *map(Measure.of_suite, SUITES),
        Measure.of_length(16),
        Measure.of_length(24),
        Measure.of_size(192, 80),
        Measure.of_size(256, 256),
    )
}


def measure(
    model: str,
    count: int,
    names: Sequence[str],
    output: Path,
    settings: Mapping[str, object] = MappingProxyType({}),
) -> dict[str, dict[str, float]]:
    """Measure ``count`` clips for each name of MEASURES; print and return what is found.

    For each name the share of clips in which each check is right that has a bar. ``settings`` are
    fields of requests.
    """
    output.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, float]] = {}
    print(_HEAD, flush=True)
    for one in map(MEASURES.__getitem__, names):
        results = evaluate(model, count, {**one.overrides, **settings}, one.suite)
        shares = _shares(results, one.bars)
        for check, share in shares.items():
            row = (one.name, check, f"{one.bars[check]:.0%}", f"{share:.1%}", str(count))
            print(f"| {' | '.join(row)} |", flush=True)
        found[one.name] = shares
        draw_sheet(result.frames for result in results[:SHOWN]).save(output / f"{one.name}.png")
        write_json(output / "bars.json", {"clips": count, "right": found})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.bars", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--count", type=int, default=128, help="clips for each (default 128)")
    parser.add_argument("--lora", type=Path, help="a distilled LoRA: with it, as it is sampled")
    parser.add_argument("--output", type=Path, default=Path("out/bars"))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in MEASURES]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(MEASURES)}")
    settings = _with_lora(arguments.lora) if arguments.lora else {}
    names = arguments.names or [*MEASURES]
    measure(arguments.model, arguments.count, names, arguments.output, settings)


def _with_lora(path: Path) -> dict[str, object]:
    """Return how a distilled LoRA is sampled, as its file says."""
    loras = (Lora(str(path)),)
    few = few_steps_of(loras)
    if few is None:
        raise SystemExit(f"{path} doesn't say that it is a distilled LoRA")
    return {
        "loras": loras,
        "scheduler": few.scheduler,
        "steps": few.steps_at(None),
        "guidance_scale": few.guidance_scale,
    }


def _shares(results: Sequence[Result], bars: Mapping[str, float]) -> dict[str, float]:
    checks = [result.all_checks() for result in results]
    return {name: float(np.mean([one[name] for one in checks])) for name in bars}


if __name__ == "__main__":
    main()
