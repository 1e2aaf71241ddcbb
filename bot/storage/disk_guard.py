"""Whether the disk has room for what is to be accepted, counting what is about to be written."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.core.errors import NotAcceptedError, StorageError

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 30.0  # after a clean-up that wasn't enough

MakeRoom = Callable[[int], Awaitable[object]]
"""Frees that many bytes, or as many as it may."""


class DiskGuard:
    """Keeps ``spare_bytes`` of the disk that ``directory`` is on from being filled.

    Where they would be, ``make_room`` is called before anybody is refused.
    """

    def __init__(
        self, directory: Path, spare_bytes: int, make_room: MakeRoom | None = None
    ) -> None:
        self._directory = directory
        self._spare = spare_bytes
        self._make_room = make_room
        self._claimed = 0  # bytes that are being written
        self._cleaning = asyncio.Lock()
        self._failed_at = -_AGAIN_SECONDS  # when a clean-up wasn't enough, by the monotonic clock

    def configure(self, spare_bytes: int) -> None:
        """Keep so many bytes from now on."""
        self._spare = spare_bytes

    @asynccontextmanager
    async def claimed(self, size: int) -> AsyncIterator[None]:
        """Claim ``size`` bytes that are about to be written inside. Raises NotAcceptedError."""
        self._claimed += size
        try:
            await self.check()
            yield
        finally:
            self._claimed -= size

    async def check(self, size: int = 0) -> None:
        """Raises NotAcceptedError where there is no room for ``size`` bytes beside what is being
        written already.
        """
        if self._missing_bytes(size) <= 0:
            return
        async with self._cleaning:  # whoever waited finds what the first has freed
            if (missing := self._missing_bytes(size)) > 0:
                await self._clean(missing)
            if self._missing_bytes(size) > 0:
                self._failed_at = time.monotonic()
                raise disk_full()

    def _missing_bytes(self, size: int) -> int:
        try:
            free = shutil.disk_usage(self._directory).free
        except OSError as error:
            raise NotAcceptedError(
                "The bot's data directory can't be reached, so nothing was accepted; please tell "
                "whoever runs the bot."
            ) from error
        return self._spare + self._claimed + size - free

    async def _clean(self, missing: int) -> None:
        if self._make_room is None or time.monotonic() - self._failed_at < _AGAIN_SECONDS:
            return
        logger.warning("the disk lacks %d bytes, so it is cleaned up now", missing)
        try:
            await self._make_room(missing)
        except (StorageError, OSError) as error:
            logger.warning("the clean-up failed: %s", error)


def disk_full() -> NotAcceptedError:
    """Return what is said of a full disk."""
    return NotAcceptedError(
        "The bot's disk is full, so nothing was accepted; please tell whoever runs the bot to make "
        "room."
    )
