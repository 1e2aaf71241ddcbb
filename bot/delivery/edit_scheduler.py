"""Progress messages: edited at a rate that Discord bears, across all jobs; the last word passes.

``EditSchedule`` is pure and decides whose turn it is; ``EditScheduler`` does the edits. What is
written is asked for at the last moment, so nothing stale is ever sent, and nothing that hasn't
changed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from bot.core.logs import job_context

T = TypeVar("T")

EACH_SECONDS = 1.5  # between two edits of one message
WAITING_SECONDS = 6.0  # the same, of one that only waits
ALL_SECONDS = 0.2  # between any two edits
_MAX_CHECKED = 20  # at most so many are looked at for one that has news
_PATIENCE_SECONDS = 5.0


class EditSchedule:
    """Whose message may be looked at next: newcomers first, then whoever was longest ago."""

    def __init__(self, *, each: float) -> None:
        self._each = each
        self._last: OrderedDict[str, float] = OrderedDict()  # in order of the last look

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._last

    def __len__(self) -> int:
        return len(self._last)

    def add(self, job_id: str) -> None:
        """Due at once; adding twice is no error."""
        if job_id not in self._last:
            self._last[job_id] = float("-inf")
            self._last.move_to_end(job_id, last=False)

    def remove(self, job_id: str) -> None:
        self._last.pop(job_id, None)

    def note_checked(self, job_id: str, now: float) -> None:
        """Its next turn has to wait."""
        if job_id in self._last:
            self._last[job_id] = now
            self._last.move_to_end(job_id)

    def due(self, now: float) -> Iterator[str]:
        """Those whose turn it is, most urgent first. Nothing may change meanwhile."""
        for job_id, last in self._last.items():
            if now - last < self._each:
                return
            yield job_id


class EditScheduler(Generic[T]):
    """Keeps the messages of unfinished jobs up to date, those at work before those that wait.

    ``render(job_id)`` gives what the message should say now (None: nothing more); equal values mean
    equal messages. ``edit(value)`` writes it and handles its own errors.
    """

    def __init__(
        self,
        *,
        render: Callable[[str], T | None],
        edit: Callable[[T], Awaitable[None]],
        each: float = EACH_SECONDS,
        waiting: float = WAITING_SECONDS,
        all_: float = ALL_SECONDS,
    ) -> None:
        self._render = render
        self._edit = edit
        self._pause = all_
        self._running = EditSchedule(each=each)
        self._waiting = EditSchedule(each=waiting)
        self._shown: dict[str, T] = {}
        self._edits: dict[str, asyncio.Task[None]] = {}

    def track(self, job_id: str, *, is_running: bool = False) -> None:
        """From now on, until ``stop``; a job that begins or goes back to wait changes sides."""
        joined, left = self._running, self._waiting
        if not is_running:
            joined, left = left, joined
        left.remove(job_id)
        joined.add(job_id)

    def untrack(self, job_id: str) -> None:
        """No edit is begun any more."""
        self._running.remove(job_id)
        self._waiting.remove(job_id)
        self._shown.pop(job_id, None)

    async def stop(self, job_id: str) -> None:
        """No edit after this; one under way is waited for, so the last word comes last.

        One that Discord keeps waiting is given up, since the last word matters more.
        """
        self.untrack(job_id)
        if (edit := self._edits.get(job_id)) is not None:
            await asyncio.wait((edit,), timeout=_PATIENCE_SECONDS)
            edit.cancel()

    async def run(self) -> None:
        """Edits until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                now = loop.time()
                if not self._edit_next(self._running, now):
                    self._edit_next(self._waiting, now)
                await asyncio.sleep(self._pause)
        finally:
            for edit in self._edits.values():
                edit.cancel()

    def _edit_next(self, schedule: EditSchedule, now: float) -> bool:
        """Edits the first that is due and has something new to say; whether there was one."""
        checked: list[str] = []
        chosen: T | None = None
        for job_id in schedule.due(now):
            checked.append(job_id)
            value = self._render(job_id)
            if value is not None and job_id not in self._edits and self._shown.get(job_id) != value:
                chosen = value
                break
            if len(checked) >= _MAX_CHECKED:
                break
        for job_id in checked:
            schedule.note_checked(job_id, now)
        if chosen is None:
            return False
        job_id = checked[-1]
        self._shown[job_id] = chosen
        self._edits[job_id] = asyncio.create_task(self._one(job_id, chosen))
        return True

    async def _one(self, job_id: str, value: T) -> None:
        try:
            with job_context(job_id):
                await self._edit(value)
        finally:
            self._edits.pop(job_id, None)
