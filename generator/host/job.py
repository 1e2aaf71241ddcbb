"""A job on a GPU host: its files are brought, its worker makes it, its file goes to the bot.

Each job has a task of its own, so that the next one is computed while the last one's file is on its
way. What ends a job is said last, once, and until the bot has heard it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from generator.contract.errors import Failure, HotshotError
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Command,
    Failed,
    Finished,
    Generate,
    JobEvent,
    Outcome,
    Progress,
)
from generator.contract.remote import FETCH, UPLOAD
from generator.host.batch import Batch
from generator.host.place import HostPlace
from generator.host.transfer import Transfer

_SAY_EVERY = 0.5  # seconds, while a file travels
_MEGABYTE = 10**6


class HostJob:
    """``send`` reaches the worker, ``insist`` and ``say`` the bot; ``head`` is of its requests.

    ``batch`` are the jobs that the worker is to be told of together with it.
    """

    def __init__(
        self,
        generate: Generate,
        place: HostPlace,
        *,
        head: dict[str, Any],
        batch: Batch,
        send: Callable[[Command], None],
        insist: Callable[[JobEvent], None],
        say: Callable[[Progress], None],
    ) -> None:
        self._generate = generate
        self._place = place
        self._transfer = Transfer(place.link, place.host, head)
        self._batch = batch
        self._send = send
        self._insist = insist
        self._say = say
        self.is_sent = False
        self._is_cancelled = False
        self._is_over = False
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._moving: asyncio.Task[None] | None = None
        self._said_at = 0.0
        self.finished = asyncio.Event()

    @property
    def is_made(self) -> bool:
        """Whether the worker is through with it."""
        return self._outcome.done()

    def hear(self, event: JobEvent) -> None:
        """Take in what the worker says of it."""
        match event:
            case Progress():
                self._say(event)
            case Finished() | Failed() | Cancelled():
                if not self._outcome.done():
                    self._outcome.set_result(event)
            case _:
                self._insist(event)

    def cancel(self) -> None:
        """Stop it, wherever it is; that it was cancelled is said."""
        self._is_cancelled = True
        if self._moving is not None:
            self._moving.cancel()
        if self.is_sent:
            self._send(Cancel(self._generate.job_id, self._generate.attempt))

    def abandon(self) -> None:
        """Stop it, and say nothing more: nobody wants it."""
        self._is_over = True
        self._say = _nothing
        self.cancel()
        if not self._outcome.done():
            self._outcome.cancel()

    async def run(self) -> None:
        """Make the job from beginning to end."""
        outcome: Outcome | None = None
        try:
            with self._place.cache.pinned(self._generate.request.files):
                outcome = await self._made()
        except asyncio.CancelledError:
            if not self._is_over:  # else nobody wants it, which is no reason to end this task ill
                raise
        except HotshotError as error:
            outcome = Failed(self._generate.job_id, self._generate.attempt, Failure.of(error))
        finally:
            if not self.is_sent:
                self._batch.leave_out()
        if outcome is not None and not self._is_over:
            self._insist(outcome)
        self.finished.set()

    async def _made(self) -> Outcome:
        job_id, attempt = self._generate.job_id, self._generate.attempt
        try:
            await self._move(self._fetch())
        except _StoppedError:
            return Cancelled(job_id, attempt)
        if self._is_cancelled:  # before its files began to move, or as the last one came
            return Cancelled(job_id, attempt)
        self.is_sent = True
        self._batch.hand_over(self._generate)
        outcome = await self._outcome
        if not isinstance(outcome, Finished):
            return outcome
        try:
            await self._move(self._bring(outcome))
        except _StoppedError:
            return Cancelled(job_id, attempt)
        finally:
            self._place.drop_output(outcome)
        return outcome

    async def _move(self, work: Coroutine[Any, Any, None]) -> None:
        """Have files moved. Raises _StoppedError where the job is cancelled meanwhile."""
        self._said_at = time.monotonic()  # what travels at once is no stage
        self._moving = asyncio.create_task(work)
        try:
            await self._moving
        except asyncio.CancelledError:
            raise _StoppedError from None
        finally:
            self._moving = None

    async def _fetch(self) -> None:
        for reference in self._generate.request.files:
            async with self._place.lock(reference.name):
                if not self._place.cache.use(reference):
                    await self._transfer.fetch(reference, self._place.cache, self._moved(FETCH))

    async def _bring(self, made: Finished) -> None:
        path, moved = self._place.output(made), self._moved(UPLOAD)
        async with self._place.uploads.turn(made.size_bytes, lambda: moved(0, made.size_bytes)):
            await self._transfer.bring(path, made.output, made.size_bytes, moved)

    def _moved(self, stage: str) -> Callable[[int, int], None]:
        def moved(done: int, of: int) -> None:
            now = time.monotonic()
            if now - self._said_at >= _SAY_EVERY:
                self._said_at = now
                step, steps = -(-done // _MEGABYTE), -(-of // _MEGABYTE)
                generate = self._generate
                self._say(Progress(generate.job_id, generate.attempt, stage, step, steps))

        return moved


class _StoppedError(Exception):
    """The job was cancelled while its files were on their way."""


def _nothing(progress: Progress) -> None:
    """Say nothing of it."""
