"""A worker: the process that holds one engine, and how to start it. No torch on either side.

The parent calls ``start`` and talks through two pipes made for this worker alone, so a killed one
can't leave a lock or half a message behind for the next, and its death is seen at once as EOF on
``events``. Through them goes the JSON that workers elsewhere get as well, and no pickle: so every
job on one machine tries what two machines need. The child loads the engine by its dotted name,
makes what it is told to in order, and survives whatever a job does short of killing it. It knows
nothing of Discord, rows or retries.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Self, cast

from generator.contract import logs, wire
from generator.contract.errors import (
    CancelledError,
    Failure,
    FailureKind,
    HotshotError,
    MessageError,
    is_disk_full,
    is_out_of_memory,
)
from generator.contract.extras import missing_extra
from generator.contract.file_reference import FileReference
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Capabilities,
    Command,
    Event,
    Failed,
    Finished,
    Generate,
    Outcome,
    Progress,
    Ready,
    Shutdown,
    SlotFreed,
    Started,
    StartFailed,
)
from generator.contract.progress import JobProgressCallback
from generator.contract.stages import CHOICES
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.worker.engine import Engine, EngineFactory

logger = logging.getLogger(__name__)

_Job = Generate | wire.UnreadableRequestError  # the latter fails in its turn, and says why
_OPTIONS = ("spatial_unet_base", "unet_only", "prediction_type", "low_vram", "depth_model")
# A terminal and systemd send these to every process; what is being made may still be finished.
_PARENT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


# -- the parent's side -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkerHandle:
    """A started worker. ``events`` turns readable with EOF the moment the process is gone.

    ``events.fileno()`` suits ``loop.add_reader``; then ``events.poll()`` and ``receive``.
    """

    process: SpawnProcess
    commands: Connection
    events: Connection

    def send(self, command: Command) -> None:
        """Tell the process; BrokenPipeError (an OSError) is raised once it is gone."""
        self.commands.send_bytes(wire.encode(command))

    def receive(self) -> Event:
        """Return the next event, or wait for it.

        Raises EOFError or OSError once the process is gone, MessageError where it is of another
        version.
        """
        return cast(Event, wire.decode(self.events.recv_bytes()))

    def close(self) -> None:
        """Close the pipes; a worker still alive takes that as its parent's death and leaves."""
        atexit.unregister(self.process.kill)
        self.commands.close()
        self.events.close()


def start(settings: WorkerSettings) -> WorkerHandle:
    """Start a fresh process; return at once, the worker says Ready or StartFailed later."""
    context = multiprocessing.get_context("spawn")
    child_commands, commands = context.Pipe(duplex=False)
    events, child_events = context.Pipe(duplex=False)
    process = context.Process(
        target=run,
        args=(settings, child_commands, child_events),
        name="hotshot-worker",
        daemon=True,  # else a parent on its way out would wait for its jobs
    )
    # Blocked signals stay blocked through exec: a Ctrl-C in the terminal can't hit the child
    # before it has decided to ignore them, and this thread gets its own right after.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _PARENT_SIGNALS)
    try:
        process.start()
        # before multiprocessing would ask it by SIGTERM, and wait for ever
        atexit.register(process.kill)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        # Our copies would keep the pipes open after the child's death and hide it from us.
        child_commands.close()
        child_events.close()
    return WorkerHandle(process, commands, events)


# -- the child's side ------------------------------------------------------------------------------


def run(settings: WorkerSettings, commands: Connection, events: Connection) -> None:
    """Live a child's whole life; return after Shutdown, or where the engine can't start."""
    for number in _PARENT_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _PARENT_SIGNALS)
    logs.configure(settings.log_level, settings.log_format)
    _lower_priority(settings)
    inbox = Inbox.listen(commands)
    began = time.perf_counter()
    try:
        engine = _load_engine(settings)
    except Exception as error:  # whatever an engine's setup does becomes a sentence
        failure = _start_failure(error)
        is_traced = failure.kind is not FailureKind.NOT_INSTALLED
        logger.exception("the engine can't start: %s", failure, exc_info=is_traced)
        _send(events, StartFailed(failure))
        return
    _send(events, Ready(_capabilities(settings, engine), time.perf_counter() - began))
    while (job := inbox.next_job()) is not None:
        with logs.job_context(job.job_id, job.attempt):
            _send(events, Started(job.job_id, job.attempt))
            outcome = _run_job(engine, job, settings, inbox, events)
            if not inbox.is_leaving:
                _send(events, SlotFreed(job.job_id, job.attempt))
            _send(events, outcome)


class Inbox:
    """Commands as they come in, read by a thread of its own so that Cancel reaches a running job.

    The thread ends the whole process when the parent is gone: nobody wants the result any more.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._cancelled: set[tuple[str, int]] = set()
        self._leaving = threading.Event()

    @classmethod
    def listen(cls, commands: Connection) -> Self:
        inbox = cls()
        threading.Thread(target=inbox._read, args=(commands,), name="commands", daemon=True).start()
        return inbox

    @property
    def is_leaving(self) -> bool:
        return self._leaving.is_set()

    def next_job(self) -> _Job | None:
        """Wait for a job; None once the parent has said Shutdown."""
        job = self._jobs.get()
        return None if self.is_leaving else job

    def is_cancelled(self, job: _Job) -> bool:
        return self.is_leaving or (job.job_id, job.attempt) in self._cancelled

    def _read(self, commands: Connection) -> None:
        while True:
            try:
                data = commands.recv_bytes()
            except (EOFError, OSError):
                os._exit(0)  # sys.exit would only end this thread, not the job on the other one
            try:
                self._take(cast(Command, wire.decode(data)))
            except wire.UnreadableRequestError as error:
                self._jobs.put(error)
            except MessageError as error:
                logger.warning("a command is refused: %s", error)

    def _take(self, command: Command) -> None:
        match command:
            case Generate():
                self._jobs.put(command)
            case Cancel():
                self._cancelled.add((command.job_id, command.attempt))
            case Shutdown():
                self._leaving.set()
                self._jobs.put(None)


def _run_job(
    engine: Engine, job: _Job, settings: WorkerSettings, inbox: Inbox, events: Connection
) -> Outcome:
    """Make one job; whatever happens inside comes back as one of the three outcomes."""

    def report(stage: str, step: int, steps: int, preview: str = "") -> None:
        name = Path(preview).name
        _send(events, Progress(job.job_id, job.attempt, stage, step, steps, name))
        stop_if_cancelled()

    def stop_if_cancelled() -> None:
        if inbox.is_cancelled(job):
            raise CancelledError("The job was cancelled.")

    try:
        stop_if_cancelled()
        return _generate(engine, job, settings, report)
    except CancelledError:
        return Cancelled(job.job_id, job.attempt)
    except Exception as error:  # a bug in an engine must not cost the next job
        failure = _failure(error)
        logger.exception("the job failed (%s)", failure.kind)
        return Failed(job.job_id, job.attempt, failure)


def _generate(
    engine: Engine, job: _Job, settings: WorkerSettings, report: JobProgressCallback
) -> Finished:
    """Have the engine make a job's file, with paths where its request names files by hash."""
    if isinstance(job, wire.UnreadableRequestError):
        raise job
    began = time.perf_counter()
    files, output = Path(settings.files), Path(settings.outputs) / job.output_name
    request = job.request.with_files_at(lambda reference: reference.path_in(files))
    engine.generate(request, output, report)
    seconds, size = time.perf_counter() - began, output.stat().st_size
    return Finished(job.job_id, job.attempt, FileReference.of_file(output), seconds, size)


def _send(events: Connection, event: Event) -> None:
    """Send an event, or leave at once where nobody is left to hear: the parent is gone."""
    try:
        events.send_bytes(wire.encode(event))
    except ConnectionError:
        os._exit(0)


def _start_failure(error: Exception) -> Failure:
    """What is said where there will be no worker: without the generator, how to get one."""
    missing = missing_extra(error)
    if missing is None:
        return _failure(error)
    text = Text(
        "There is no worker, since {module} isn't installed on the bot's machine; whoever runs the "
        'bot gets one by `pip install "hotshot-bot[generator]"`.',
        module=missing.words.values["module"],
    )
    return Failure.of(missing, text)


def _failure(error: Exception) -> Failure:
    """Return what is said of an error: foreign ones are translated here, and nowhere later."""
    error = missing_extra(error) or error
    if isinstance(error, HotshotError):
        return Failure.of(error, _one_line(error.words))
    if is_out_of_memory(error):
        return Failure(
            FailureKind.OUT_OF_MEMORY,
            Text("There isn't enough memory for this; ask for a smaller size or fewer frames."),
        )
    kind = FailureKind.DISK if is_disk_full(error) else FailureKind.INTERNAL
    text = Text(
        "Something went wrong inside the generator ({error}); its log says more.",
        error=type(error).__name__,
    )
    return Failure(kind, text, is_retryable=kind is FailureKind.DISK)


def _one_line(text: Text) -> Text:
    return text.mapped(_on_one_line) if text.values else Text(_on_one_line(str(text)))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _load_engine(settings: WorkerSettings) -> Engine:
    module, _, factory = settings.engine.partition(":")
    create = cast(EngineFactory, getattr(importlib.import_module(module), factory))
    options = {name: value for name in _OPTIONS if (value := getattr(settings, name))}
    return create(
        model=settings.model, device=settings.device, precision=settings.precision, **options
    )


def _capabilities(settings: WorkerSettings, engine: Engine) -> Capabilities:
    return Capabilities(
        model=settings.model,
        device=engine.device,
        dtype=engine.dtype,
        max_frames=engine.limits.max_frames,
        max_pixels=engine.limits.max_pixels,
        stages=tuple(CHOICES),
        memory_bytes=engine.memory_bytes,
    )


def _lower_priority(settings: WorkerSettings) -> None:
    """Step back before any thread starts or torch is imported: both keep what stands then."""
    os.nice(settings.niceness)
    if settings.threads:
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)
