"""``python -m tools.nano``: trains nano further, or goes on with that where it stopped.

Ends after two hours at most, with everything in checkpoints; called again, it goes on. Where no
weights are, they are trained from nothing.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import fields, replace
from pathlib import Path

from generator.contract.limits import NANO_DIRECTORY
from tools.nano import growth, run_log
from tools.nano.parts import PartOverError, part, was_asked_to_end
from tools.nano.train import StageSteps, train

GO_ON = 75  # the exit status of a part after which there is more to do (EX_TEMPFAIL)
INTERRUPTED = 130
HOURS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("runs/nano/model"), help="the model directory to write"
    )
    parser.add_argument(
        "--runs",
        type=Path,
        default=Path("runs/nano"),
        help="where checkpoints and the log are kept",
    )
    parser.add_argument(
        "--base", type=Path, default=NANO_DIRECTORY, help="the version that is trained further"
    )
    parser.add_argument(
        "--from-nothing", action="store_true", help="train from nothing, without a base"
    )
    parser.add_argument("--hours", type=float, default=HOURS, help="of this part (default 2)")
    parser.add_argument(
        "--steps",
        type=_steps,
        action="append",
        default=[],
        metavar="STAGE=N",
        help="another number of steps; the same in all parts, since learning rates follow it",
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="train no further: write the model as the last checkpoints have it, to look at it",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    began_with = growth.kept_base(arguments.runs)
    from_nothing = arguments.from_nothing or not (began_with or arguments.base).is_dir()
    if began_with is None and run_log.read(arguments.runs):
        from_nothing = True  # and goes on as it began
    if arguments.base != NANO_DIRECTORY and not arguments.base.is_dir():
        parser.error(f"there is no model in {arguments.base}")
    lengths = StageSteps.from_nothing() if from_nothing else StageSteps()
    lengths = replace(lengths, **dict(arguments.steps))
    if arguments.snapshot:
        lengths = StageSteps.none()
    base = None if from_nothing else arguments.base
    try:
        with part(arguments.hours):
            train(arguments.output, arguments.runs, lengths, base)
    except PartOverError as error:
        print(f"This part is over. {error}; the same command goes on from there.")
        sys.exit(INTERRUPTED if was_asked_to_end() else GO_ON)
    print("\n".join(run_log.sums(arguments.runs)))
    print(f"\nThe model is in {arguments.output}; what ships is in {NANO_DIRECTORY}.")


def _steps(text: str) -> tuple[str, int]:
    stage, _, steps = text.partition("=")
    known = [field.name for field in fields(StageSteps)]
    if stage not in known or not steps.isdecimal():
        raise argparse.ArgumentTypeError(f"give STAGE=N, of the stages {', '.join(known)}")
    return stage, int(steps)


if __name__ == "__main__":
    main()
