"""A few processes that make files of frames, so that an engine is free for the next job at once.

Each has a thread of its own here, which starts it, waits for it, kills and replaces it. Whoever
asked hears the outcome of each file exactly once, on such a thread. A process that ends in the
middle costs another try of that file, and nothing else; a file that it happens to again and again
is given up. Free of torch and NumPy.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from generator.contract import logs
from generator.contract.encoder_task import EncoderTask
from generator.contract.errors import Failure, FailureKind
from generator.contract.failures import failure_of
from generator.contract.messages import Cancelled, Failed, Finished, Outcome
from generator.contract.raw_clip import RawClip
from generator.contract.text import Text
from generator.worker.encoder import Encoder, EncoderDiedError, EncoderHungError
from generator.worker.shared_frames import FrameStore

logger = logging.getLogger(__name__)

_TRIES = 3  # of a file, each with another process
# Files beside those at work: one of any size, more of small ones. Then whoever brings one waits.
_WAITING = 8
_WAITING_BYTES = 16 * 2**20  # of frames
_MEGAPIXEL = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """How many processes there are, and what one may take for a file.

    ``seconds`` and ``memory_bytes`` are what a file of any size may take, and for each megapixel of
    its frames a tenth of the first and thirty bytes a pixel come on top.
    """

    count: int = 2
    seconds: float = 100.0
    memory_bytes: int = 2 * 2**30
    log_level: str = "INFO"
    log_format: str = logs.TEXT

    def seconds_of(self, clip: RawClip) -> float:
        """Return how long this clip's file may take; a busy machine takes a hundredth of it."""
        return self.seconds * (1 + clip.frames.nbytes / 3 / _MEGAPIXEL / 10)

    def memory_of(self, clip: RawClip) -> int:
        """Return the address space that a process may take for this clip's file."""
        return self.memory_bytes + 10 * clip.frames.nbytes


@dataclass(frozen=True, slots=True, eq=False)
class FileOrder:
    """A file to be made of a clip: whose it is, where it goes, and who wants to know.

    ``end`` is called once, from another thread, with the outcome. ``is_cancelled`` is asked
    whenever it may be dropped, and after ``EncoderPool.drop_cancelled``.
    """

    job_id: str
    attempt: int
    clip: RawClip
    path: Path
    is_cancelled: Callable[[], bool]
    end: Callable[[Outcome], None]


@dataclass(slots=True, eq=False)
class _Desk:
    """A process, and what it is at."""

    encoder: Encoder
    order: FileOrder | None = field(default=None)


class EncoderPool:
    """Makes files in the order that they come in; it is a context manager that ends its processes.

    None is started before there is a file to make.
    """

    def __init__(self, settings: EncoderSettings | None = None) -> None:
        self._settings = settings or EncoderSettings()
        self._store = FrameStore()
        self._changed = threading.Condition()
        self._orders: deque[FileOrder] = deque()
        self._is_closing = False
        log = (self._settings.log_level, self._settings.log_format)
        self._desks = [_Desk(Encoder(*log)) for _ in range(self._settings.count)]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that there are."""
        return [pid for desk in self._desks if (pid := desk.encoder.pid) is not None]

    def write(self, order: FileOrder) -> None:
        """Take an order, once there is room for it; whoever computes faster waits here."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._has_room(order) or self._is_idle or self._is_unwanted(order)
            )
            if not self._is_unwanted(order):
                self._take(order)
                return
        order.end(Cancelled(order.job_id, order.attempt))

    def offer(self, order: FileOrder) -> bool:
        """Take an order where a process has nothing to do; return whether."""
        with self._changed:
            if not self._is_idle or self._is_unwanted(order):
                return False
            self._take(order)
            return True

    def drop_cancelled(self) -> None:
        """Look at once which orders are cancelled, and end those."""
        with self._changed:
            dropped = [order for order in self._orders if order.is_cancelled()]
            for order in dropped:
                self._orders.remove(order)
            for desk in self._desks:
                if desk.order is not None and desk.order.is_cancelled():
                    desk.encoder.kill()
            self._changed.notify_all()
        for order in dropped:
            order.end(Cancelled(order.job_id, order.attempt))

    def close(self) -> None:
        """End every order and process; return once they are gone."""
        with self._changed:
            self._is_closing = True
            for desk in self._desks:
                desk.encoder.kill()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    @property
    def _is_idle(self) -> bool:
        """Whether a process has nothing to do, and nothing waits for it."""
        return len(self._orders) < sum(desk.order is None for desk in self._desks)

    def _has_room(self, order: FileOrder) -> bool:
        if not self._orders:
            return True
        waiting = sum(each.clip.frames.nbytes for each in [*self._orders, order])
        return len(self._orders) < _WAITING and waiting <= _WAITING_BYTES

    def _is_unwanted(self, order: FileOrder) -> bool:
        return self._is_closing or order.is_cancelled()

    def _take(self, order: FileOrder) -> None:
        """Take an order; the threads begin with the first one."""
        if not self._threads:
            self._threads = [
                threading.Thread(target=self._serve, args=(desk,), name="encoder", daemon=True)
                for desk in self._desks
            ]
            for thread in self._threads:
                thread.start()
        self._orders.append(order)
        self._changed.notify_all()

    # -- on the threads ----------------------------------------------------------------------------

    def _serve(self, desk: _Desk) -> None:
        """Carry out orders at one desk until the pool is closed."""
        while (order := self._next(desk)) is not None:
            with logs.job_context(order.job_id, order.attempt):
                outcome = self._outcome(desk.encoder, order)
                with self._changed:
                    desk.order = None
                    self._changed.notify_all()
                order.end(outcome)
        desk.encoder.close()

    def _next(self, desk: _Desk) -> FileOrder | None:
        with self._changed:
            self._changed.wait_for(lambda: self._orders or self._is_closing)
            desk.order = self._orders.popleft() if self._orders else None
            self._changed.notify_all()
            return desk.order

    def _outcome(self, encoder: Encoder, order: FileOrder) -> Outcome:
        """Carry out an order; whatever happens comes back as one of the three outcomes."""
        try:
            task, seconds = self._task(order), self._settings.seconds_of(order.clip)
            with self._store.holding(order.clip.frames) as frames:
                order.clip.frames.release()  # one copy of them is enough
                return self._tried(encoder, order, task, frames, seconds)
        except Exception as error:  # neither must a bug here cost the next file
            failure = failure_of(error)
            logger.exception("no file could be made (%s)", failure.kind)
            return Failed(order.job_id, order.attempt, failure)

    def _tried(
        self, encoder: Encoder, order: FileOrder, task: EncoderTask, frames: int, seconds: float
    ) -> Outcome:
        """Have a file made, again where its process ends in the middle."""
        for left in reversed(range(_TRIES)):
            outcome = self._try(encoder, order, task, frames, seconds)
            if self._is_unwanted(order):
                order.path.unlink(missing_ok=True)  # it may have been through already
                return Cancelled(order.job_id, order.attempt)
            if isinstance(outcome, Finished) or not _is_worth_another(outcome) or not left:
                break
            logger.warning("%s Tries left: %d", outcome.failure, left)
        return outcome

    def _try(
        self, encoder: Encoder, order: FileOrder, task: EncoderTask, frames: int, seconds: float
    ) -> Finished | Failed:
        try:
            outcome = encoder.write(task, frames, seconds, lambda: self._is_unwanted(order))
        except EncoderDiedError as death:
            Path(task.scratch).unlink(missing_ok=True)
            return Failed(order.job_id, order.attempt, _given_up(death))
        if isinstance(outcome, Failed) and _is_worth_another(outcome):
            encoder.close()  # it holds too much: another one may have room
        return outcome

    def _task(self, order: FileOrder) -> EncoderTask:
        clip, path = order.clip, order.path
        scratch = path.with_name(f".hotshot-{path.stem}-{secrets.token_hex(4)}.part")
        return EncoderTask(
            job_id=order.job_id,
            attempt=order.attempt,
            path=str(path),
            scratch=str(scratch),
            shape=tuple(clip.frames.shape or ()),
            duration_ms=clip.duration_ms,
            comment=clip.comment,
            quality=clip.quality,
            memory_bytes=self._settings.memory_of(clip),
        )


def _is_worth_another(failed: Failed) -> bool:
    """Return whether another process may do better."""
    kinds = (FailureKind.WORKER_DIED, FailureKind.WORKER_HUNG, FailureKind.OUT_OF_MEMORY)
    return failed.failure.kind in kinds


def _given_up(death: EncoderDiedError) -> Failure:
    text = Text(
        "The file couldn't be written: the process writing it ended {count} times ({reason}); try "
        "fewer frames or a smaller size.",
        count=_TRIES,
        reason=death.reason,
    )
    hung = isinstance(death, EncoderHungError)
    kind = FailureKind.WORKER_HUNG if hung else FailureKind.WORKER_DIED
    return Failure(kind, text, is_retryable=True)
