"""The bot's process through all its lives, and what its database says."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.sandbox import Sandbox
from tests.bot.end_to_end.process import Bot, Setup
from tests.patience import PATIENCE

_CONNECTED_WITHIN = PATIENCE
_OVER = ("done", "failed", "cancelled")


class Rig:
    """Keeps one bot running. ``unexpected_exit_codes`` are those that nobody asked for."""

    def __init__(
        self,
        directory: Path,
        discord: Sandbox,
        *,
        devices: Sequence[str] = ("cpu:2",),
        silence_seconds: float = 3.0,
        **sections: dict[str, Any],
    ) -> None:
        self._setup = Setup(directory, discord, engine="tests.soak.engine:create")
        self.config = self._setup.write(
            generator={"devices": list(devices), "silence_seconds": silence_seconds},
            queue={"size": 10_000, "per_user": 10_000, "leave_seconds": 3},
            **sections,
        )
        self._discord = discord
        self._bot: Bot | None = None
        self._keeping = asyncio.Lock()
        self.unexpected_exit_codes: list[int | None] = []
        self.exit_code: int | None = None  # of the last, when it was told to leave

    @property
    def bot(self) -> Bot:
        if self._bot is None:
            raise RuntimeError("no bot is running")
        return self._bot

    @property
    def log(self) -> str:
        return self.bot.log

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep a bot running inside, started again whenever it ends by itself."""
        self._bot = await Bot.start(self.config)
        keeper = asyncio.create_task(self._keep())
        try:
            await self._discord.connected(_CONNECTED_WITHIN)
            yield
        finally:
            keeper.cancel()
            self.exit_code = await self.bot.stop(signal.SIGTERM)

    async def restart(self, number: int, *, away: float) -> None:
        """End the bot by a signal, and start the next one after ``away`` seconds."""
        async with self._keeping:
            await self.bot.stop(number)
            await asyncio.sleep(away)
            self._bot = await Bot.start(self.config)

    async def _keep(self) -> None:
        while True:
            await self.bot.process.wait()
            async with self._keeping:
                if self.bot.process.returncode is not None:
                    self.unexpected_exit_codes.append(self.bot.process.returncode)
                    self._bot = await Bot.start(self.config)

    @property
    def data(self) -> Path:
        """The directory of the bot's database and files."""
        return self._setup.data

    def elsewhere(self, directory: Path) -> Setup:
        """Return the set-up of such a bot with data of its own."""
        return replace(self._setup, directory=directory)

    def rows(self) -> list[dict[str, Any]]:
        """Return the jobs' rows, oldest first; none before there is a database."""
        try:
            return self._setup.rows()
        except sqlite3.OperationalError:
            return []

    def is_idle(self) -> bool:
        """Return whether every job is over and its owner notified, by the bot's own account."""
        return all(row["state"] in _OVER and row["owner_notified"] for row in self.rows())
