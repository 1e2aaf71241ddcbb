"""``python -m tools.nano.dependents``: measures all that hangs on nano's weights, one by one.

Each check is a command with a time that it may take; what it prints is kept in a file of its name,
and a check that has been done isn't done again, so the whole may be stopped and gone on with. What
can't be measured but has to be looked at is said at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generator.contract.limits import NANO_DIRECTORY
from generator.training.run_directory import write_json
from tools.nano import consistency, outlines

MODEL, OUTPUT = "{model}", "{output}"
_DONE = "done.json"


@dataclass(frozen=True, slots=True)
class Check:
    """A command, what it is for, and the minutes on two cores that it may take."""

    name: str
    what: str
    minutes: int
    command: tuple[str, ...]

    def words(self, model: Path, output: Path) -> list[str]:
        """Return the command for a model, with a directory for what it leaves."""
        given = (part.format(model=model, output=output / self.name) for part in self.command)
        return [sys.executable, "-m", *given]


def _of_model(name: str, what: str, minutes: int, *command: str) -> Check:
    return Check(name, what, minutes, (*command, "--model", MODEL))


CHECKS = (
    _of_model("bars", "every bar, 128 clips each", 110, "tools.nano.bars", "--output", OUTPUT),
    _of_model("few-steps", "the bars in 4 passes with the consistency LoRA", 30,
              "tools.nano.bars", "plain", "spinning", "pairs", "16-frames", "192x80",
              "--count=64", f"--lora={MODEL}/{consistency.FILE}", "--output", OUTPUT),
    _of_model("samplers", "more steps of another sampler beside the default", 25,
              "tools.nano.evaluate", "--count=64", "--beside=euler_a:30",
              f"--sheet={OUTPUT}/sheet.png"),
    _of_model("upscale", "a second pass at twice the size", 15,
              "tools.nano.evaluate", "--count=32", "--upscale", f"--sheet={OUTPUT}/sheet.png"),
    _of_model("controlnets", "masks overlap by 0.75 (IoU), canny and depth", 15,
              "tools.nano.evaluate_control", f"--sheet={OUTPUT}/sheet.png"),
    _of_model("outlines", "the sample LoRA: outlines with it, none without", 10,
              "tools.nano.outlines", "--steps=0", f"--output={MODEL}/{outlines.FILE}"),
    _of_model("long-clips", "clips of 32 frames: continue, stretch, loop", 45,
              "tools.nano.evaluate_motion", f"--sheet={OUTPUT}/sheet.png"),
    _of_model("travel", "prompts that change along a clip", 30,
              "tools.nano.evaluate_travel", f"--sheet={OUTPUT}/sheet.png"),
    _of_model("motions", "fine-tuning: two motions that nano doesn't know", 30,
              "tools.nano.proofs.motions", "--output", OUTPUT),
    _of_model("ring", "train-lora: a subject that nano can't draw", 75,
              "tools.nano.proofs.ring", "--output", OUTPUT),
    _of_model("frame-rate", "fine-tuning: 16 frames in a second instead of 8", 40,
              "tools.nano.proofs.frame_rate", "--output", OUTPUT),
)  # fmt: skip
TO_LOOK_AT = (
    "every sheet in the output: clean edges, flat colours, no flicker",
    "README's GIFs and docs/nano.png, docs/proof-*.png: make them again from the new sheets",
    "/help: python -m tools.help_pictures; docs/discord.md: the line that it says",
    "the model card, README, docs/training.md and docs/benchmarks.md: the figures above",
    "tests: make test; tests/generator/nano/test_shipped.py has what the weights are known by",
)


def run(checks: list[Check], model: Path, output: Path) -> Iterator[str]:
    """Run checks in their order; yield a line for each, with its time and how it ended."""
    done = _read(output / _DONE)
    for check in checks:
        if check.name in done:
            yield f"{check.name}: done before"
            continue
        (output / check.name).mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        ended = _run_one(check, model, output)
        minutes = (time.monotonic() - began) / 60
        yield f"{check.name}: {ended}, {minutes:.0f} of {check.minutes} minutes"
        if ended == "done":
            done[check.name] = round(minutes, 1)
            write_json(output / _DONE, done)


def _run_one(check: Check, model: Path, output: Path) -> str:
    with (output / f"{check.name}.txt").open("wb") as file:
        try:
            ended = subprocess.run(  # noqa: S603 - this interpreter, and our own words
                check.words(model, output), stdout=file, timeout=60 * check.minutes, check=False
            )
        except subprocess.TimeoutExpired:
            return "ran out of its time"
    return "done" if ended.returncode == 0 else f"failed with status {ended.returncode}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.dependents", description=__doc__)
    known = [check.name for check in CHECKS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--model", type=Path, default=NANO_DIRECTORY)
    parser.add_argument("--output", type=Path, default=Path("runs/nano/dependents"))
    parser.add_argument("--list", action="store_true", help="only say what would be done")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}; there are {', '.join(known)}")
    checks = [one for one in CHECKS if not arguments.names or one.name in arguments.names]
    if arguments.list:
        for check in checks:
            print(f"{check.name:12} {check.minutes:4} min  {check.what}")
    else:
        for line in run(checks, arguments.model.resolve(), arguments.output):
            print(line, flush=True)
    print("\nTo be looked at and done by hand:")
    for line in TO_LOOK_AT:
        print(f"- {line}")


def _read(path: Path) -> dict[str, float]:
    done: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    return done


if __name__ == "__main__":
    main()
