"""Whether the bot can take a command and make a GIF, and if not, why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.core.errors import StorageError
from bot.metrics.snapshot import Watched

_DATABASE_SECONDS = 2.0
_AGAIN_SECONDS = 1.0  # what was found of the database is as good as new for so long


@dataclass(frozen=True, slots=True)
class Readiness:
    """A sentence for each thing that is wrong, by the thing's name; "" where all is well."""

    discord: str
    database: str
    workers: str

    @property
    def is_ready(self) -> bool:
        return not (self.discord or self.database or self.workers)


class ReadinessCheck:
    """Asks the database at most once at a time, however many ask here.

    ``why_closed`` says why nothing is accepted, and ``hosts_may_come`` whether a bot without a
    worker waits for GPU hosts.
    """

    def __init__(
        self,
        watched: Watched,
        ask_database: Callable[[], Awaitable[object]],
        *,
        why_closed: Callable[[], str],
        hosts_may_come: bool,
    ) -> None:
        self._watched = watched
        self._ask_database = ask_database
        self._why_closed = why_closed
        self._hosts_may_come = hosts_may_come
        self._asking: asyncio.Future[str] | None = None
        self._asked_at = 0.0

    async def check(self) -> Readiness:
        """Return how things stand."""
        database = await self._database()
        return Readiness(discord=self._discord(), database=database, workers=self._workers())

    def _discord(self) -> str:
        found = self._watched.connections()
        if not found.wanted:
            return "The bot isn't logged in to Discord."
        if found.open < found.wanted:
            return f"{found.open} of {found.wanted} connections to Discord are open."
        return ""

    def _workers(self) -> str:
        if closed := self._why_closed():
            return closed
        states = [device.state for device in self._watched.devices()]
        if self._hosts_may_come or "idle" in states or "busy" in states:
            return ""
        return "The workers are starting." if "starting" in states else "No worker can work."

    async def _database(self) -> str:
        is_old = time.monotonic() - self._asked_at > _AGAIN_SECONDS
        if self._asking is None or (self._asking.done() and is_old):
            self._asked_at = time.monotonic()
            self._asking = asyncio.ensure_future(self._ask())
        done, _ = await asyncio.wait((self._asking,), timeout=_DATABASE_SECONDS)
        return self._asking.result() if done else "The database doesn't answer."

    async def _ask(self) -> str:
        try:
            await self._ask_database()
        except StorageError as error:
            return str(error)
        return ""

    async def close(self) -> None:
        """Wait for nobody any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
