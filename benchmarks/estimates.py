"""How true the time left is: jobs of several kinds, one after another, by the bot as it is run.

The bot is asked when a job starts and at its middle; the truth is when the GIF stands in Discord.
Jobs count once ten of their kind were made. Beside it the naive yardstick: the mean of the last ten
jobs. Once with an engine that only takes its time, so that the machine's load hardly matters, and
once with nano. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Person, Sandbox, Upload
from generator.contract.worker_settings import HOTSHOT_ENGINE

_WITHIN = 600.0  # seconds
_LEARNT = 10  # jobs of a kind, before one counts
_SHARE = 0.25
_GOAL = 0.9
_PACED = "benchmarks.paced:create"
_NANO = HOTSHOT_ENGINE


@dataclass(slots=True)
class Told:
    """What a job's estimates were, in seconds from then, and what came true."""

    kind: str
    posted_at: float
    took: float
    told: dict[str, tuple[float | None, float]] = field(default_factory=dict)

    def is_right(self, when: str) -> bool:
        left, at = self.told.get(when, (None, 0.0))
        return left is not None and _is_near(left, self.posted_at - at)


def kinds(steps: int) -> dict[str, dict[str, Any]]:
    """The options of /gif for each kind of job."""
    moving = Upload("moving.gif", _gif())
    differences: dict[str, dict[str, Any]] = {
        "plain": {},
        "16 frames": {"frames": 16},
        "fewer steps": {"steps": max(2, steps // 3)},
        "wide": {"size": "landscape"},
        "followed": {"control_gif": moving, "control_type": "canny"},
        "from a picture": {"image": moving},
    }
    return {name: {"steps": steps} | options for name, options in differences.items()}


def _gif() -> bytes:
    frames = np.zeros((8, 128, 128, 3), np.uint8)
    for index, frame in enumerate(frames):
        frame[40:80, index * 12 : index * 12 + 30] = (220, 60, 60)
    pictures = [Image.fromarray(frame) for frame in frames]
    output = io.BytesIO()
    pictures[0].save(output, "GIF", save_all=True, append_images=pictures[1:], duration=125)
    return output.getvalue()


async def measure(model: str, engine: str, of_each: int, steps: int) -> list[Told]:
    """Makes so many of each kind, shuffled."""
    os.environ["HOTSHOT_GENERATOR__ENGINE"] = engine
    os.environ["HOTSHOT_GENERATOR__MODEL"] = model
    options = kinds(steps)
    order = [name for name in options for _ in range(of_each)]
    random.Random(1).shuffle(order)
    with tempfile.TemporaryDirectory() as name:
        notes = Path(name) / "notes"
        limits = ("[attachments]", "per_user_day_mb = 1000")
        async with Sandbox() as discord:
            config = write_config(Path(name), discord, *limits)
            bot = running(config, discord, "benchmarks.estimates_notebook", "--notes", str(notes))
            async with bot:
                ada = discord.person("ada")
                await discord.commands_registered()
                told = [await _one(ada, kind, options[kind]) for kind in order]
        _add_notes(told, notes)
    return told


async def _one(ada: Person, kind: str, options: Mapping[str, Any]) -> Told:
    began = time.time()
    sent = await ada.slash("gif", prompt="a red ball", **options)
    await sent.message(lambda message: message.results, _WITHIN)
    return Told(kind, time.time(), time.time() - began)


def _add_notes(told: list[Told], notes: Path) -> None:
    """Jobs were made in the order in which they were asked for, one at a time."""
    by_job: dict[str, dict[str, tuple[float | None, float]]] = {}
    for line in notes.read_text(encoding="ascii").splitlines():
        job_id, when, left, at = json.loads(line)
        by_job.setdefault(job_id, {})[when] = (left, at)
    for each, said in zip(told, by_job.values(), strict=True):
        each.told = said


def figures(told: list[Told]) -> tuple[float, float, float, int]:
    """Shares that were right, at the start, in the middle, and by the yardstick; of how many."""
    came: Counter[str] = Counter()
    right: list[tuple[bool, bool, bool]] = []
    for number, each in enumerate(told):
        if came[each.kind] >= _LEARNT:
            mean = statistics.mean(one.took for one in told[max(0, number - 10) : number])
            naive = _is_near(mean, each.took)
            right.append((each.is_right("start"), each.is_right("middle"), naive))
        came[each.kind] += 1
    start, middle, naive = (statistics.mean(column) for column in zip(*right, strict=True))
    return start, middle, naive, len(right)


def _is_near(told: float, truth: float) -> bool:
    return abs(told - truth) <= _SHARE * truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--of-each", type=int, default=18, help="jobs of each kind (default: 18)")
    parser.add_argument("--steps", type=int, default=30, help="of most jobs (default: 30)")
    parser.add_argument("--engine", choices=("paced", "nano", "both"), default="both")
    chosen = parser.parse_args()
    if chosen.of_each <= _LEARNT:
        parser.error(f"--of-each must be more than {_LEARNT}, since only later jobs count")
    engines = {"paced": ("hotshotco/Hotshot-XL", _PACED), "nano": ("nano", _NANO)}
    rows = []
    for name, (model, engine) in engines.items():
        if chosen.engine in (name, "both"):
            told = asyncio.run(measure(model, engine, chosen.of_each, chosen.steps))
            start, middle, naive, count = figures(told)
            middling = statistics.median(each.took for each in told)
            kind = f"{name}, {count} jobs of {middling:.1f} s at the median"
            rows.append((kind, *(f"{share:.0%}" for share in (start, middle, naive))))
    print_table(
        f"Time left within {_SHARE:.0%} after {_LEARNT} of a kind "
        f"(goal: {_GOAL:.0%}; load {os.getloadavg()[0]:.1f})",
        ("engine", "at the start", "at the middle", "the mean of the last ten"),
        rows,
    )


if __name__ == "__main__":
    main()
