"""A worker of nano that is never without a job: how long its engine waits between two of them.

The worker is the bot's own, in its own process; here it is given the next job whenever it says that
it has room. The yardstick is the sum of what denoising and decoding took in the same run, so the
ratio is what everything else costs: prompts, hand-overs, files. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bot import quantile
from benchmarks.nano_request import nano_request, prompt_of
from benchmarks.table import print_table
from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import (
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    SlotFreed,
    Started,
)
from generator.contract.stages import DECODE, DRAW_NOISE, ENCODE_PROMPT
from generator.contract.worker_settings import WorkerSettings
from generator.worker import process
from generator.worker.process import WorkerHandle


@dataclass(slots=True)
class Times:
    """When a job's stages ended, as it was heard (seconds)."""

    started: float = 0.0
    prompt_encoded: float = 0.0
    noise_drawn: float = 0.0
    decoded: float = 0.0
    finished: float = 0.0


@dataclass(slots=True)
class Series:
    """Jobs that one worker made, one behind the other."""

    jobs: dict[str, Times] = field(default_factory=dict)

    @property
    def wall(self) -> float:
        """Seconds from the first job's start until every file was whole."""
        times = self.jobs.values()
        return max(each.finished for each in times) - min(each.started for each in times)

    @property
    def computing(self) -> float:
        """Seconds of denoising and decoding."""
        return sum(each.decoded - each.prompt_encoded for each in self.jobs.values())

    @property
    def pauses(self) -> list[float]:
        """Seconds from a job's last decode until the worker is at the next one."""
        pairs = itertools.pairwise(self.jobs.values())
        return [after.started - before.decoded for before, after in pairs]

    @property
    def gaps(self) -> list[float]:
        """Seconds from a job's last decode until the next one's first step begins."""
        pairs = itertools.pairwise(self.jobs.values())
        return [after.noise_drawn - before.decoded for before, after in pairs]


@contextmanager
def started(outputs: Path) -> Iterator[WorkerHandle]:
    """A worker of nano that is ready, and has made a GIF already."""
    handle = process.start(WorkerSettings(model=NANO, outputs=str(outputs), log_level="WARNING"))
    try:
        ready = handle.receive()
        if not isinstance(ready, Ready):
            raise SystemExit(f"The worker can't start: {ready}")
        measure(handle, 1, 1)
        yield handle
    finally:
        handle.process.kill()
        handle.process.join()
        handle.close()


def measure(handle: WorkerHandle, count: int, steps: int) -> Series:
    """Has so many jobs made, as the bot would hand them out: the next one as there is room."""
    series = Series()
    waiting = iter([_job(f"job{number}", number, steps) for number in range(count)])
    handle.send(next(waiting))
    while sum(each.finished > 0 for each in series.jobs.values()) < count:
        event = handle.receive()
        _note(series, event, time.perf_counter())
        if isinstance(event, SlotFreed) and (job := next(waiting, None)) is not None:
            handle.send(job)
    return series


def _note(series: Series, event: Event, now: float) -> None:
    match event:
        case Started(job_id=job_id):
            series.jobs[job_id] = Times(started=now)
        case Progress(job_id=job_id, stage=stage):
            times = series.jobs[job_id]
            if stage == ENCODE_PROMPT:
                times.prompt_encoded = now
            elif stage == DRAW_NOISE:
                times.noise_drawn = now
            elif stage == DECODE:
                times.decoded = now
        case Finished(job_id=job_id):
            series.jobs[job_id].finished = now
        case Failed(failure=failure):
            raise RuntimeError(str(failure))


def _job(job_id: str, seed: int, steps: int) -> Generate:
    request = nano_request(prompt=prompt_of(seed), seed=seed, steps=steps)
    return Generate(job_id, 1, request, ".gif")


def run(count: int, rounds: int, steps: int) -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as directory, started(Path(directory)) as handle:
        series = [measure(handle, count, steps) for _ in range(rounds)]
    ratios = [each.wall / each.computing for each in series]
    pauses = [pause for each in series for pause in each.pauses]
    gaps = [gap for each in series for gap in each.gaps]
    median = statistics.median
    print_table(
        f"a busy worker of nano: {count} jobs of {steps} steps, {rounds} times",
        ("", "measured", "goal"),
        [
            ("all files whole, s", f"{median(each.wall for each in series):.2f}", ""),
            (
                "their denoising and decoding, s",
                f"{median(each.computing for each in series):.2f}",
                "",
            ),
            (
                "the first by the second, median (lowest to highest)",
                f"{median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})",
                "<= 1.03",
            ),
            *_quantiles("from a job's last decode to the next one's start", pauses, ""),
            *_quantiles("from a job's last decode to the next one's first step", gaps, "<= 5 ms"),
        ],
    )


def _quantiles(what: str, seconds: list[float], goal: str) -> list[tuple[str, str, str]]:
    return [
        (f"{what}, p50", f"{quantile(seconds, 0.5) * 1000:.1f} ms", ""),
        ("the same, p99", f"{quantile(seconds, 0.99) * 1000:.1f} ms", goal),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=ModelLimits.of(NANO).steps, help="of a job")
    chosen = parser.parse_args()
    run(chosen.jobs, chosen.rounds, chosen.steps)


if __name__ == "__main__":
    main()
