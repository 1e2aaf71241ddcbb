"""Progress messages: edited at a rate that Discord bears, across all jobs; the last word passes.

``Schedule`` is pure and decides whose turn it is; ``ProgressBoard`` does the edits. What is written
is asked for at the last moment, so nothing stale is ever sent, and nothing that hasn't changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bot.logs import job_context

T = TypeVar("T")

EACH_SECONDS = 1.5  # between two edits of one message
ALL_SECONDS = 0.2  # between any two edits
_PATIENCE_SECONDS = 5.0


class Schedule:
    """Whose message may be edited next: the one edited longest ago, newcomers first."""

    def __init__(self, *, each: float = EACH_SECONDS) -> None:
        self._each = each
        self._last: dict[str, float] = {}  # in order of the last edit

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._last

    def __len__(self) -> int:
        return len(self._last)

    def add(self, job_id: str) -> None:
        """Due at once; adding twice is no error."""
        self._last.setdefault(job_id, float("-inf"))

    def remove(self, job_id: str) -> None:
        self._last.pop(job_id, None)

    def edited(self, job_id: str, now: float) -> None:
        """Its next edit has to wait."""
        if self._last.pop(job_id, None) is not None:
            self._last[job_id] = now

    def due(self, now: float) -> list[str]:
        """Those that may be edited, most urgent first."""
        return [job_id for job_id, last in self._last.items() if now - last >= self._each]


class ProgressBoard(Generic[T]):
    """Keeps the messages of unfinished jobs up to date.

    ``look(job_id)`` gives what the message should say now (None: nothing more); equal values mean
    equal messages. ``edit(value)`` writes it and handles its own errors.
    """

    def __init__(
        self,
        *,
        look: Callable[[str], T | None],
        edit: Callable[[T], Awaitable[None]],
        each: float = EACH_SECONDS,
        all_: float = ALL_SECONDS,
    ) -> None:
        self._look = look
        self._edit = edit
        self._pause = all_
        self._schedule = Schedule(each=each)
        self._shown: dict[str, T] = {}
        self._edits: dict[str, asyncio.Task[None]] = {}

    def follow(self, job_id: str) -> None:
        """From now on, until ``leave``."""
        self._schedule.add(job_id)

    async def leave(self, job_id: str) -> None:
        """No edit after this; one under way is waited for, so the last word comes last.

        One that Discord keeps waiting is given up, since the last word matters more.
        """
        self._schedule.remove(job_id)
        self._shown.pop(job_id, None)
        if (edit := self._edits.get(job_id)) is not None:
            await asyncio.wait((edit,), timeout=_PATIENCE_SECONDS)
            edit.cancel()

    async def run(self) -> None:
        """Edits until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._edit_next(loop.time())
                await asyncio.sleep(self._pause)
        finally:
            for edit in self._edits.values():
                edit.cancel()

    def _edit_next(self, now: float) -> None:
        """The first that is due and has something new to say."""
        for job_id in self._schedule.due(now):
            value = self._look(job_id)
            if value is None or job_id in self._edits or self._shown.get(job_id) == value:
                continue
            self._shown[job_id] = value
            self._schedule.edited(job_id, now)
            task = asyncio.create_task(self._one(job_id, value))
            self._edits[job_id] = task
            return

    async def _one(self, job_id: str, value: T) -> None:
        try:
            with job_context(job_id):
                await self._edit(value)
        finally:
            self._edits.pop(job_id, None)
