"""How soon nano is there: a cold GIF beside importing torch, a first GIF beside the next one.

All figures are CPU seconds, of processes that take turns.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.nano_request import PROMPT, nano_request
from benchmarks.table import print_table
from generator.contract.limits import NANO
from generator.contract.start_up import uncollected

_ROUNDS = 5


def run() -> None:
    """Print the table. A warm GIF's seconds are taken off the cold one's: the start is left."""
    with tempfile.TemporaryDirectory() as directory:
        rounds = [_round(Path(directory)) for _ in range(_ROUNDS)]
    torch, told, cold, first, later = map(statistics.median, zip(*rounds, strict=True))
    rows = {
        "importing torch": torch,
        "hotshot --help": told,
        "hotshot gif with nano, cold": cold,
        "the same without the GIF's own": cold - later,
        "a worker's first GIF": first,
        "its next one": later,
    }
    print_table(
        "the start",
        ("CPU seconds, medians", "s", "of importing torch", "of a worker's next GIF"),
        [
            (name, f"{value:.2f}", f"{value / torch:.2f}", f"{value / later:.2f}")
            for name, value in rows.items()
        ],
    )


def _round(directory: Path) -> tuple[float, ...]:
    gif = ("gif", "--prompt", PROMPT, "--seed", "1", "--output", str(directory / "cold.gif"))
    return (
        _child_cpu("-c", "import torch"),
        _child_cpu("-m", "generator", "--help"),
        _child_cpu("-m", "generator", *gif),
        *_first_and_next(),
    )


def _child_cpu(*arguments: str) -> float:
    """Return the CPU seconds of a Python, all its threads and children counted."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)  # noqa: S603 - fixed commands
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _first_and_next() -> tuple[float, float]:
    code = "from benchmarks.start import print_first_and_next as told; told()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed
    first, later = map(float, done.stdout.split())
    return first, later


def print_first_and_next() -> None:
    """Print the CPU seconds of the first two GIFs of an engine that is loaded as workers do."""
    with uncollected():
        from generator.inference.hotshot_engine import create

        engine = create(model=NANO, device="auto", precision="auto")
    request = nano_request()
    seconds = []
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(2):
            began = time.process_time()
            engine.generate(request, Path(directory) / "warm.gif", lambda *_: None)
            seconds.append(time.process_time() - began)
    print(*seconds)


if __name__ == "__main__":
    run()
