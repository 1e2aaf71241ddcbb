"""``python -m tools.nano``: trains nano again from nothing, or goes on where it stopped."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from generator.contract.limits import NANO_DIRECTORY
from tools.nano.train import StageSteps, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=NANO_DIRECTORY, help="the model directory to write"
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/nano"), help="where checkpoints are kept"
    )
    parser.add_argument(
        "--snapshot",
        action="store_true",
        help="train no further: write the model as the last checkpoints have it, to look at it",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    lengths = StageSteps.none() if arguments.snapshot else StageSteps()
    train(arguments.output, arguments.runs, lengths)


if __name__ == "__main__":
    main()
