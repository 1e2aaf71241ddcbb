"""One device of a GPU host: its worker process, the bot's session with it, the jobs in its hands.

A session begins when the bot attaches and ends when the bot lets go, attaches anew, or isn't heard
for longer than the lease. What was made for a session that is over is dropped; the process and its
model stay, and the next session finds them warm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from generator.contract import subjects, wire
from generator.contract.errors import Failure, FailureKind, HotshotError, MessageError
from generator.contract.messages import (
    Cancel,
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    StartFailed,
)
from generator.contract.remote import (
    Hello,
    model_hash,
    object_of,
    text_of,
    unpack,
)
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.host.batch import BatchDesk
from generator.host.job import HostJob
from generator.host.place import HostPlace
from generator.host.progress_throttle import ProgressThrottle
from generator.host.settings import settings_of
from generator.link.mailbox import Mailbox, answer_later
from generator.worker.child import WorkerChild

logger = logging.getLogger(__name__)


class HostDevice:
    """A worker as the bot knows it: by the host's name and a device."""

    def __init__(self, device: str, place: HostPlace) -> None:
        self.device = device
        self._place = place
        self._token = subjects.device_token(device)
        self._session: Mailbox | None = None
        self._heard_at = 0.0
        self._child: WorkerChild | None = None
        self._settings: WorkerSettings | None = None
        self._started: Ready | StartFailed | None = None
        self._model_hash = ""
        self._jobs: dict[tuple[str, int], HostJob] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False
        self._attaching = asyncio.Lock()  # else two sessions would start two workers
        self._changed = asyncio.Event()  # what drain waits for
        self._refused: set[str] = set()
        self._batches = BatchDesk()

    # -- what the bot says -------------------------------------------------------------------------

    @property
    def subject(self) -> str:
        """Where the bot speaks to it."""
        return subjects.to_worker(self._place.host, self._token)

    def hear(self, frame: bytes) -> None:
        """Take in a frame of the bot's; one that can't be understood is named in the log."""
        try:
            values, _ = unpack(frame)
            self._take(values)
        except MessageError as error:
            self._refuse(str(error))
        self._changed.set()

    def _take(self, values: dict[str, Any]) -> None:
        kind, session = text_of(values, "kind"), text_of(values, "session")
        self._heard_at = time.monotonic()
        if kind == "refused":
            self._refuse(text_of(values, "text"))
            return
        is_known = self._session is not None and self._session.session == session
        if kind == "attach" and not is_known and self._is_meant(values):
            self._begin_session(session)
        if self._session is None or self._session.session != session:
            return
        if self._session.takes(values):
            self._obey(kind, values)

    def _is_meant(self, values: dict[str, Any]) -> bool:
        """Return False for what is said to another machine that came by the same join line."""
        return "boot" not in values or text_of(values, "boot") == self._place.boot

    def _obey(self, kind: str, values: dict[str, Any]) -> None:
        match kind:
            case "attach":
                session = text_of(values, "session")
                self._spawn(self._attach(object_of(values, "settings"), session))
            case "command":
                self._command(object_of(values, "message"))
            case "kill":
                self._spawn(self._kill())
            case "detach":
                self.end_session()
            case "heard":
                pass
            case _:
                self._refuse(f"There is no message {kind[:40]!r} in this version.")

    def _command(self, message: dict[str, Any]) -> None:
        try:
            command = wire.from_dict(message)
        except wire.UnreadableRequestError as error:
            self._batches.leave_out()
            self._insist(Failed(error.job_id, error.attempt, Failure.of(error)))
            return
        match command:
            case Generate():
                self._generate(command)
            case Cancel(job_id, attempt) if (job := self._jobs.get((job_id, attempt))) is not None:
                job.cancel()
            case _:
                pass

    def _generate(self, generate: Generate) -> None:
        key = (generate.job_id, generate.attempt)
        if self._child is None or self._session is None or key in self._jobs:
            return
        job = HostJob(
            generate,
            self._place,
            head=self._head(key),
            batch=self._batches.batch_of(generate, self._child.send),
            send=self._child.send,
            insist=self._insist,
            say=partial(self._say, ProgressThrottle()),
        )
        self._jobs[key] = job
        self._spawn(job.run()).add_done_callback(lambda _: self._forget(key, job))

    def _forget(self, key: tuple[str, int], job: HostJob) -> None:
        if self._jobs.get(key) is job:
            del self._jobs[key]
            self._changed.set()

    def _head(self, key: tuple[str, int]) -> dict[str, Any]:
        session = self._session.session if self._session else ""
        return {"device": self._token, "session": session, "job": key[0], "attempt": key[1]}

    # -- sessions ----------------------------------------------------------------------------------

    def _begin_session(self, session: str) -> None:
        self.end_session()
        self._session = Mailbox(session, self._publish, answer_later)

    def end_session(self) -> None:
        """Stop what the bot asked for, and keep the model."""
        self._session = None
        self._abandon_jobs()
        self._changed.set()

    def _abandon_jobs(self) -> None:
        for job in self._jobs.values():
            job.abandon()
        self._jobs.clear()
        self._batches.clear()

    async def _attach(self, values: dict[str, Any], session: str) -> None:
        """Have a worker with these settings: the one that there is, where it is as good as new."""
        async with self._attaching:
            if self._session is not None and self._session.session == session:
                await self._have_worker(values)

    async def _have_worker(self, values: dict[str, Any]) -> None:
        try:
            settings = settings_of(values, self.device, self._place)
        except HotshotError as error:
            self._insist(StartFailed(Failure.of(error)))
            return
        if self._child is None or settings != self._settings or self._is_too_large:
            await self._replace_child(settings)
        if self._started is not None:
            self._say_started(self._started)

    async def _replace_child(self, settings: WorkerSettings) -> None:
        old, self._child = self._child, None  # its end is nothing that the new session has to hear
        if old is not None:
            await old.stop()
        self._settings, self._started, self._model_hash = settings, None, ""
        try:
            child = self._child = await WorkerChild.start(settings)
        except OSError as error:
            text = Text(
                "The generator process can't be started ({reason}); check what the machine "
                "has run out of.",
                reason=error,
            )
            self._insist(StartFailed(Failure(FailureKind.INTERNAL, text, is_retryable=True)))
            return
        child.died.add_done_callback(lambda code: self._spawn(self._bury(child, code.result())))
        child.listen(lambda event: self._hear_child(child, event))

    @property
    def _is_too_large(self) -> bool:
        held = self._child.memory_bytes if self._child else None
        return held is not None and held > self._place.memory_limit

    # -- what the worker says ----------------------------------------------------------------------

    def _hear_child(self, child: WorkerChild, event: Event) -> None:
        if child is not self._child:
            return
        if isinstance(event, Ready | StartFailed):
            self._started = event
            if isinstance(event, Ready):
                self._model_hash = model_hash(self._settings.model) if self._settings else ""
            self._say_started(event)
            return
        job = self._jobs.get((event.job_id, event.attempt))
        if job is not None:
            job.hear(event)
        elif isinstance(event, Finished):
            self._place.drop_output(event)

    async def _bury(self, child: WorkerChild, exit_code: int | None) -> None:
        """Say that the worker is gone, once what it had finished is with the bot."""
        if child is not self._child:
            return
        self._child = None
        session = self._session
        finished = [job.finished.wait() for job in self._jobs.values() if job.is_made]
        await asyncio.gather(*finished)
        if session is not None and session is self._session:
            self._abandon_jobs()
            session.insist("died", exit_code=exit_code)

    async def _kill(self) -> None:
        if self._child is not None:
            await self._child.kill()

    # -- to the bot --------------------------------------------------------------------------------

    def _say_started(self, event: Ready | StartFailed) -> None:
        if self._session is not None:
            message = wire.to_dict(event)
            self._session.insist("event", message=message, model_hash=self._model_hash)

    def _insist(self, event: Event) -> None:
        if self._session is not None:
            self._session.insist("event", message=wire.to_dict(event))

    def _say(self, throttle: ProgressThrottle, progress: Progress) -> None:
        """Say how far a job is that this is the throttle of, and each preview's bytes once."""
        if self._session is None or not throttle.lets_through(progress):
            return
        is_new = progress.preview not in ("", throttle.preview_said)
        body = self._place.read_preview(progress.preview) if is_new else b""
        if body:  # else it is tried again
            throttle.preview_said = progress.preview
        self._session.say("event", body, message=wire.to_dict(replace(progress, preview="")))

    def _publish(self, frame: bytes) -> bool:
        subject = subjects.from_worker(self._place.host, self._token, subjects.EVENT)
        return self._place.link.publish(subject, frame)

    def repeat(self) -> None:
        """Say again what the bot hasn't acknowledged."""
        if self._session is not None:
            self._session.repeat()

    def check_lease(self, late: float) -> None:
        """End a session whose bot isn't heard any more; ``late`` seconds nobody could hear."""
        self._heard_at += late
        if self._session is not None and time.monotonic() - self._heard_at > self._place.lease:
            logger.warning("nothing was heard from the bot for %g s", self._place.lease)
            self.end_session()

    def hello(self) -> Hello:
        """Return what it says of itself now."""
        job_id, attempt = next(iter(self._jobs), ("", 0))
        return Hello(
            boot=self._place.boot,
            session=self._session.session if self._session else "",
            state=self._state,
            job=job_id,
            attempt=attempt,
            model=self._settings.model_name if self._settings else "",
            model_hash=self._model_hash,
            card=self._place.card_of(self.device),
            memory=(self._child.memory_bytes if self._child else None) or 0,
            **self._place.facts(),
        )

    @property
    def _state(self) -> str:
        if self._is_draining:
            return "draining"
        if self._child is None:
            return "down"
        if self._started is None:
            return "loading"
        return "busy" if self._jobs else "idle"

    # -- the end -----------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Take nothing more; return when what is in hand is with the bot."""
        self._is_draining = True
        if self._session is not None:
            self._session.insist("draining")
        while self._session is not None and (self._jobs or not self._session.is_empty):
            self._changed.clear()
            await self._changed.wait()

    async def stop(self) -> None:
        """End the worker process."""
        self.end_session()
        child, self._child = self._child, None
        if child is not None:
            await child.stop()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_done)
        return task

    def _note_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("something went wrong on %s", self.device, exc_info=error)

    def _refuse(self, sentence: str) -> None:
        """Log what is refused, once."""
        if sentence not in self._refused and len(self._refused) < 100:
            self._refused.add(sentence)
            logger.warning("%s", sentence)
