"""One job in a worker, from Started to its outcome: computed here, written by an encoder.

While its file is written the worker is at the next job, so two of these may be under way, and what
one says comes from several threads; its outcome comes once.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from generator.contract import logs, wire
from generator.contract.errors import CancelledError
from generator.contract.failures import failure_of
from generator.contract.file_reference import FileReference
from generator.contract.messages import (
    Cancelled,
    Event,
    Failed,
    Finished,
    Outcome,
    Progress,
    Request,
    SlotFreed,
    Started,
    output_name,
)
from generator.contract.raw_clip import RawClip
from generator.contract.stages import DENOISE, SAVE
from generator.worker.ahead import Ahead
from generator.worker.encoder_pool import EncoderPool, FileOrder
from generator.worker.engine import Engine, EngineJob, MeasuringEngine
from generator.worker.inbox import Inbox, WorkerJob
from generator.worker.pace import Pace
from generator.worker.room import Room

logger = logging.getLogger(__name__)


class Voice:
    """Says events to the parent, from any thread."""

    def __init__(self, events: Connection) -> None:
        self._events = events
        self._lock = threading.Lock()

    def say(self, event: Event) -> None:
        """Send an event, or leave at once where nobody is left to hear: the parent is gone."""
        try:
            with self._lock:
                self._events.send_bytes(wire.encode(event))
        except ConnectionError:
            os._exit(0)


class JobRun:
    """A job that is made; ``run`` returns once the engine is free for another.

    One of several that are computed together is begun, given to the engine with them, and ``run``
    all the same: it does what is left to do.
    """

    def __init__(
        self,
        job: WorkerJob,
        *,
        files: Path,
        outputs: Path,
        inbox: Inbox,
        voice: Voice,
        pace: Pace,
        encoders: EncoderPool,
        ahead: Ahead,
        room: Room,
    ) -> None:
        self._job = job
        self._files, self._outputs = files, outputs
        self._inbox, self._voice = inbox, voice
        self._pace, self._encoders, self._ahead, self._room = pace, encoders, ahead, room
        self._lock = threading.Lock()  # around what is said, and what goes with it
        self._began = time.perf_counter()
        self._is_started = False
        self._is_computed = False  # or given up: there is nothing left for an engine to do
        self._is_slot_free = False
        self._is_over = False
        self._gpu = 0, 0  # the most bytes of it that were held, and all that it has
        self._progress = Progress(job.job_id, job.attempt, "", 0, 0)
        self._preview: Path | None = None  # the one that is shown
        self._preview_count = 0
        self._look: RawClip | None = None  # a newer one, to be written
        self._is_drawing = False

    def run(self, engine: Engine) -> None:
        """Have the job computed, unless it was together with others already.

        Whatever happens inside becomes one of the three outcomes.
        """
        with self._log_context():
            if self._start():
                self._guard(lambda: self._compute(engine))

    def begin(self, pace: Pace) -> bool:
        """Begin the job together with others; return whether it can be computed with them."""
        job = self._job
        if isinstance(job, wire.UnreadableRequestError) or not self._start():
            return False
        self._pace = pace
        if pace.begin(job.request):
            self._free_slot()
        return True

    def engine_job(self) -> EngineJob:
        """Return the job as an engine is given it, together with others."""
        output, request = self._for_engine()
        return EngineJob(request, output, self._report_in_batch, self._take_clip_in_batch)

    def leave_batch(self, pace: Pace) -> None:
        """Note that the job is computed alone from now on, where it isn't computed yet."""
        self._pace = pace

    def _report_in_batch(
        self, stage: str, step: int, steps: int, preview: RawClip | None = None
    ) -> None:
        """Take in what the engine says; where the job is cancelled, it ends at once, alone."""
        if self._is_computed:
            raise CancelledError("The job is over.")
        try:
            self._report(stage, step, steps, preview)
        except CancelledError:
            self._give_up(Cancelled(self._job.job_id, self._job.attempt))
            raise

    def _take_clip_in_batch(self, clip: RawClip) -> None:
        """Have the frames written; what goes wrong with that is this job's alone."""
        with self._log_context():
            self._guard(lambda: self._take_clip(clip))

    @contextlib.contextmanager
    def _log_context(self) -> Iterator[None]:
        """Mark the lines of this job; what it was asked for stands in none, nor in a traceback."""
        job = self._job
        asked: tuple[str, ...] = ()
        if not isinstance(job, wire.UnreadableRequestError):
            asked = (job.request.prompt, job.request.negative_prompt or "")
        with logs.job_context(job.job_id, job.attempt), logs.hide_texts(*asked):
            yield

    def _start(self) -> bool:
        """Say that the job is begun, once; return whether it is still to be computed."""
        if self._is_computed:
            return False
        self._ahead.job_begins(self._job)
        self._room.job_begins(self._job)
        if not self._is_started:
            self._is_started, self._began = True, time.perf_counter()
            self._voice.say(Started(self._job.job_id, self._job.attempt))
        return self._guard(self._stop_if_cancelled)

    def _guard(self, work: Callable[[], None]) -> bool:
        """Do something of the job; what it raises ends the job. Return whether nothing did."""
        job = self._job
        try:
            work()
        except CancelledError:
            self._give_up(Cancelled(job.job_id, job.attempt))
        except Exception as error:  # a bug in an engine must not cost the next job
            failure = failure_of(error)
            logger.exception("the job failed (%s)", failure.kind)
            self._give_up(Failed(job.job_id, job.attempt, failure))
        else:
            return True
        return False

    def _give_up(self, outcome: Outcome) -> None:
        self._is_computed = True
        self._free_slot()
        self._end(outcome)

    def _compute(self, engine: Engine) -> None:
        """Have the frames made."""
        job = self._job
        if isinstance(job, wire.UnreadableRequestError):
            raise job
        if self._pace.begin(job.request):
            self._free_slot()
        output, request = self._for_engine()
        clip = engine.generate(request, output, self._report)
        if isinstance(engine, MeasuringEngine) and (peak := engine.take_gpu_peak()):
            self._gpu = peak, engine.memory_bytes
        if clip is not None:
            self._take_clip(clip)
            return
        made = FileReference.of_file(output)
        size = output.stat().st_size
        self._pace.computed()
        self._free_slot()
        self._end(Finished(job.job_id, job.attempt, made, 0, size))

    def _for_engine(self) -> tuple[Path, Request]:
        """Return where the file goes, and the request with paths where it names files by hash."""
        job = self._job
        if isinstance(job, wire.UnreadableRequestError):
            raise job
        request = job.request.with_files_at(lambda reference: reference.path_in(self._files))
        return self._outputs / job.output_name, request

    def _take_clip(self, clip: RawClip) -> None:
        """Have the frames written, now that they are there."""
        output, _ = self._for_engine()
        self._report(SAVE, 0, 1)
        self._is_computed = True
        self._pace.computed()
        self._free_slot()
        self._encoders.write(self._order(clip, output, self._end))

    def _report(self, stage: str, step: int, steps: int, preview: RawClip | None = None) -> None:
        """Take in what the engine says: a JobProgressCallback."""
        with self._lock:
            self._look = preview or self._look
            self._progress = replace(self._progress, stage=stage, step=step, steps=steps)
            self._voice.say(self._progress)
        self._draw()
        if stage == DENOISE and self._pace.step(step, steps):
            self._free_slot()
        if stage == DENOISE and step >= steps:
            self._ahead.job_denoised(self._job)
        self._stop_if_cancelled()

    def _stop_if_cancelled(self) -> None:
        if self._inbox.is_cancelled(self._job):
            raise CancelledError("The job was cancelled.")

    def _free_slot(self) -> None:
        """Say for how many more jobs the worker has room, once."""
        if not self._is_slot_free and not self._inbox.is_leaving:
            self._is_slot_free = True
            job, pace = self._job, self._pace
            left = 0.0 if self._is_computed else pace.seconds_left
            usual = (
                math.inf
                if isinstance(job, wire.UnreadableRequestError)
                else pace.job_seconds(job.request)
            )
            room = self._room.ask(left, usual, lambda other: pace.job_seconds(other.request))
            self._voice.say(SlotFreed(job.job_id, job.attempt, room))

    def _end(self, outcome: Outcome) -> None:
        """Say the outcome, with nothing left behind; also on an encoder's thread."""
        if isinstance(outcome, Finished):
            peak, whole = self._gpu
            seconds = time.perf_counter() - self._began
            outcome = replace(outcome, seconds=seconds, gpu_peak_bytes=peak, gpu_bytes=whole)
            logger.info("made it in %.1f s", outcome.seconds)
        with self._lock:
            self._is_over = True
            self._show(None)
            self._voice.say(outcome)

    # -- previews ----------------------------------------------------------------------------------

    def _draw(self) -> None:
        """Have the newest preview written, as soon as no other one is and an encoder is idle."""
        with self._lock:
            clip = self._look
            if clip is None or self._is_drawing or self._is_over:
                return
            self._is_drawing, self._look = True, None
            self._preview_count += 1
        name = output_name(self._job.job_id, self._job.attempt, "")
        path = self._outputs / f"{name}.preview-{self._preview_count}.webp"
        if not self._encoders.offer(self._order(clip, path, partial(self._take_preview, path))):
            with self._lock:
                self._is_drawing = False
                self._look = self._look or clip  # the next report tries again

    def _take_preview(self, path: Path, outcome: Outcome) -> None:
        """Show a preview that was written, while the job isn't over; on an encoder's thread."""
        with self._lock:
            self._is_drawing = False
            if self._is_over or not isinstance(outcome, Finished):
                path.unlink(missing_ok=True)
                return
            self._show(path)
            self._voice.say(self._progress)
        self._draw()

    def _show(self, path: Path | None) -> None:
        """Put another preview in the place of the one that is shown."""
        if self._preview is not None:
            self._preview.unlink(missing_ok=True)
        self._preview = path
        self._progress = replace(self._progress, preview=path.name if path else "")

    def _order(self, clip: RawClip, path: Path, end: Callable[[Outcome], None]) -> FileOrder:
        job = self._job
        return FileOrder(
            job_id=job.job_id,
            attempt=job.attempt,
            clip=clip,
            path=path,
            is_cancelled=lambda: self._is_over or self._inbox.is_cancelled(job),
            end=end,
        )
