"""Backups taken at random moments of a soak, and what each must have once it is restored."""

from __future__ import annotations

import asyncio
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.core.errors import BackupError
from bot.sandbox import Sandbox
from bot.storage.backups.backup import back_up
from bot.storage.backups.directory import snapshots
from bot.storage.backups.restore import restore
from bot.storage.blobs import BlobStore
from tests.bot.end_to_end.process import Setup, running
from tests.bot.storage.stocked import sqlite
from tests.patience import PATIENCE
from tests.soak.rig import Rig

_OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class _Taken:
    source: Path
    accepted: frozenset[str]  # ids of the jobs that there were before


class BackupTaker:
    """Takes a backup now and then, by turns into a file and into a directory of them."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self._rig = rig
        self._random = random.Random(f"backups {seed}")
        self._kept = TemporaryDirectory(prefix="hotshot-backups-")
        self._place = Path(self._kept.name)
        self._taken: list[_Taken] = []
        self.problems: list[str] = []

    @property
    def count(self) -> int:
        """How many were taken."""
        return len(self._taken)

    async def take(self, pause: float, stop: asyncio.Event) -> None:
        """Take backups, ``pause`` seconds apart on average, until told to stop."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), self._random.expovariate(1 / pause))
            except TimeoutError:
                await asyncio.to_thread(self._take_one)

    def _take_one(self) -> None:
        data = self._rig.data
        if not (data / "hotshot.db").exists():
            return
        accepted = frozenset(row["id"] for row in self._rig.rows())
        directory = self._place / "all"
        target = f"{directory}/" if self.count % 2 else f"{self._place}/{self.count}.tar"
        try:
            made = back_up(sqlite(data), BlobStore(data / "blobs"), target)
        except BackupError as error:
            self.problems.append(f"a backup failed: {error}")
            return
        if made.manifest.missing:
            self.problems.append(f"{made.manifest.missing} were missing in a backup")
        source = snapshots(directory)[-1] if self.count % 2 else Path(target)
        self._taken.append(_Taken(source, accepted))

    async def check(self, discord: Sandbox) -> list[str]:
        """Restore each, and run a bot on the last; return what is wrong, each in a sentence."""
        for taken in self._taken:
            setup = self._restored(taken)
            if taken is self._taken[-1] and not self.problems:
                await self._run_on(setup, discord)
            shutil.rmtree(setup.directory)
        self._kept.cleanup()
        return self.problems

    def _restored(self, taken: _Taken) -> Setup:
        """Restore a backup: all that was accepted before is there, and nothing is unfinished."""
        setup = self._rig.elsewhere(self._place / "restored")
        setup.data.mkdir(parents=True)
        restore(taken.source, sqlite(setup.data), setup.data)
        rows = setup.rows("id, state")
        if lost := taken.accepted - {row["id"] for row in rows}:
            self.problems.append(f"{len(lost)} jobs that were accepted before aren't in a backup")
        states = {row["state"] for row in rows}
        if not states <= {*_OVER, "interrupted"}:
            self.problems.append(f"a restored backup has jobs that are {states}")
        return setup

    async def _run_on(self, setup: Setup, discord: Sandbox) -> None:
        """Run a bot on it: each job is settled, and nothing is posted twice."""
        results = _results(discord)
        async with running(setup.write(), discord):
            await asyncio.wait_for(setup.all_notified(), PATIENCE)
        if (now := _results(discord)) != results:
            self.problems.append(f"a restored bot made {now - results} results, unasked")
        if left := [row for row in setup.rows("state") if row["state"] not in _OVER]:
            self.problems.append(f"a restored bot left {len(left)} jobs open")


def _results(discord: Sandbox) -> int:
    return sum(len(message.results) for message in discord.world.messages.values())
