"""``python -m tests.soak --jobs 500 --seed 1``: prints the figures; exit code 1 for any problem."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from benchmarks.table import print_table
from tests.soak.soak import Plan, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--jobs", type=int, default=500, help="how many are typed")
    parser.add_argument("--seed", type=int, default=1, help="of every choice and moment")
    parser.add_argument("--keep", type=Path, help="where the bot's log and data are left")
    chosen = parser.parse_args()
    print(f"{chosen.jobs} jobs, seed {chosen.seed}", flush=True)
    plan = Plan(jobs=chosen.jobs, seed=chosen.seed)
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True, exist_ok=True)
        return _run(plan, chosen.keep.resolve())
    with tempfile.TemporaryDirectory() as directory:
        return _run(plan, Path(directory))


def _run(plan: Plan, directory: Path) -> int:
    outcome = asyncio.run(soak(plan, directory))
    print_table(f"{plan.jobs} jobs, seed {plan.seed}", ("", "count"), outcome.figures())
    for problem in outcome.problems:
        print(f"WRONG: {problem}")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
