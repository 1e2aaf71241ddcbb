"""The bot's session with one worker on a GPU host, seen as any other worker is.

What the session needs heard it says until it is acknowledged; what the host says is checked and
believed only of jobs that are in its hands here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.core.errors import HostLostError, WorkerDiedError, WorkerStartError
from bot.jobs.outcomes import JobOutcome, MadeFile
from bot.workers.backend import EventCallback
from bot.workers.remote.uploads import Upload
from bot.workers.remote.words import (
    believed_failure,
    believed_gpu,
    believed_seconds,
    believed_text,
    is_sane_progress,
)
from generator.contract import wire
from generator.contract.bounds import shorten
from generator.contract.errors import Failure, FailureKind, MessageError
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Command,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    SlotFreed,
    Started,
    StartFailed,
)
from generator.contract.remote import MAX_PREVIEW_BYTES, Hello, object_of, text_of
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.link.mailbox import Mailbox

logger = logging.getLogger(__name__)

_KILL_SECONDS = 3.0
_SENT = (
    "model",
    "spatial_unet_base",
    "prediction_type",
    "depth_model",
    "precision",
    "unet_only",
    "low_vram",
    "name",
    "loras",
    "limits",
    "models",
)
_OTHER_MODEL = Text(
    "{worker} has another model under the name {model} than the bot; give both the same one."
)


@dataclass
class RemoteJob:
    """A job in a worker's hands. ``failure`` is why its file couldn't be taken in here."""

    generate: Generate
    submitted_at: float = field(default_factory=time.monotonic)
    upload: Upload | None = None
    previews: list[Path] = field(default_factory=list)
    is_writing_preview: bool = False
    failure: Failure | None = None

    def drop_files(self) -> None:
        """Delete what is here of it: there will be no GIF of this attempt."""
        if self.upload is not None:
            self.upload.drop()
        self.drop_previews()

    def drop_previews(self) -> None:
        """Delete the pictures of what was to come."""
        for path in self.previews:
            with contextlib.suppress(OSError):
                path.unlink()


class RemoteConnection:
    """A worker on a host: loading, ready or gone.

    ``mailbox`` reaches its agent, ``boot`` says which run of it is meant.
    """

    pid = None

    def __init__(
        self,
        worker: str,
        settings: WorkerSettings,
        mailbox: Mailbox,
        on_event: EventCallback,
        *,
        scratch: Path,
        model_hash: str,
        boot: str,
        on_stopped: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._worker = worker
        self._settings = settings
        self._mailbox = mailbox
        self._on_event = on_event
        self._scratch = scratch
        self._model_hash = model_hash
        self._on_stopped = on_stopped
        self._ready: asyncio.Future[Ready] = loop.create_future()
        self._died: asyncio.Future[WorkerDiedError] = loop.create_future()
        self._jobs: dict[tuple[str, int], RemoteJob] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._hello: Hello | None = None
        self.is_attached = False
        said = {name: asdict(settings)[name] for name in _SENT}
        mailbox.insist("attach", boot=boot, settings=said)

    # -- for the supervisor ------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._worker

    @property
    def memory_bytes(self) -> int | None:
        return self._hello.memory or None if self._hello else None

    @property
    def memory_limit_bytes(self) -> int | None:
        return self._hello.memory_limit if self._hello else 0

    @property
    def died(self) -> asyncio.Future[WorkerDiedError]:
        return self._died

    async def ready(self) -> Ready:
        """Wait until the model is loaded there. Raises WorkerStartError, WorkerDiedError."""
        return await asyncio.shield(self._ready)

    def submit(self, job: Generate) -> None:
        """Hand the worker a job, as soon as it can be reached."""
        self._jobs[job.job_id, job.attempt] = RemoteJob(job)
        self._command(job)

    def cancel(self, job_id: str, attempt: int) -> None:
        """Ask the worker to stop this attempt."""
        self._command(Cancel(job_id, attempt))

    async def stop(self) -> None:
        """Let go of the worker: its host stops what it is at and keeps the model."""
        if not self._died.done():
            self._mailbox.insist("detach")
            self.die(WorkerDiedError(None))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def kill(self) -> None:
        """Have the worker's process killed by its host; give it up where that doesn't answer."""
        self._mailbox.insist("kill")
        try:
            async with asyncio.timeout(_KILL_SECONDS):
                await asyncio.shield(self._died)
        except TimeoutError:
            self.die(WorkerDiedError(None))

    def _command(self, command: Command) -> None:
        self._mailbox.insist("command", message=wire.to_dict(command))

    # -- for the hub -------------------------------------------------------------------------------

    @property
    def session(self) -> str:
        return self._mailbox.session

    def job(self, job_id: str, attempt: int) -> RemoteJob | None:
        """Return a job that is in the worker's hands."""
        return self._jobs.get((job_id, attempt))

    def output(self, job: RemoteJob) -> Path:
        """Return where a job's file belongs."""
        return self._scratch / job.generate.output_name

    def greet(self, hello: Hello) -> None:
        """Take in what the worker says of itself; say again what it hasn't heard."""
        self._hello = hello
        if self.is_attached and hello.session != self.session:
            self.lose("")
        else:
            self._mailbox.repeat()

    def lose(self, host: str) -> None:
        """Note that the host is out of reach, or has forgotten this session."""
        self.die(HostLostError(host or self._worker.partition(".")[0]))

    def hear(self, values: dict[str, Any], body: bytes) -> None:
        """Take in a frame of this session. Raises MessageError."""
        self.is_attached = True
        if self._mailbox.is_full:
            self.lose("")
            return
        if not self._mailbox.takes(values):
            return
        match text_of(values, "kind"):
            case "event":
                self._hear_event(values, body)
            case "died":
                code = values.get("exit_code")
                self.die(WorkerDiedError(code if type(code) is int else None))
            case "draining":
                pass  # its hellos say so as well
            case kind:
                raise MessageError(
                    "There is no message {name!r} in this version; a newer one may know it.",
                    name=shorten(kind),
                )

    def die(self, death: WorkerDiedError) -> None:
        """Note that the worker is gone, and how."""
        if not self._died.done():
            self._died.set_result(death)
            self._on_stopped()
        if not self._ready.done():
            self._ready.set_exception(death)
            self._ready.exception()  # nobody may be waiting
        for job in self._jobs.values():
            self._spawn(asyncio.to_thread(job.drop_files))
        self._jobs.clear()

    # -- what the worker says ----------------------------------------------------------------------

    def _hear_event(self, values: dict[str, Any], body: bytes) -> None:
        event = wire.from_dict(object_of(values, "message"))
        match event:
            case Ready():
                self._hear_ready(event, values)
            case StartFailed(failure=failure):
                self._fail(replace(failure, text=believed_text(failure.text)))
            case Started() | Progress() | SlotFreed() | Finished() | Failed() | Cancelled():
                job = self._jobs.get((event.job_id, event.attempt))
                if job is not None:  # else it is of an attempt that is over
                    self._hear_of_job(job, event, body)
            case _:
                raise MessageError("A message can't be read ({reason}).", reason="a command")

    def _hear_ready(self, ready: Ready, values: dict[str, Any]) -> None:
        theirs = text_of(values, "model_hash") if "model_hash" in values else ""
        if theirs and self._model_hash and theirs != self._model_hash:
            words = _OTHER_MODEL.with_values(worker=self._worker, model=self._settings.model_name)
            self._fail(Failure(FailureKind.MODEL, words))
            return
        known = {each.name for each in self._settings.models}
        can = replace(
            ready.capabilities,
            device=self._worker,
            model=self._settings.model_name,
            models=tuple(each for each in ready.capabilities.models if each.name in known),
            dtype=shorten(ready.capabilities.dtype),
        )
        if not self._ready.done():
            self._ready.set_result(Ready(can, believed_seconds(ready.seconds, 1e6)))

    def _fail(self, failure: Failure) -> None:
        if not self._ready.done():
            self._ready.set_exception(WorkerStartError(failure))
            self._ready.exception()  # nobody may be waiting

    def _hear_of_job(
        self,
        job: RemoteJob,
        event: Started | Progress | SlotFreed | Finished | Failed | Cancelled,
        body: bytes,
    ) -> None:
        match event:
            case Progress():
                self._hear_progress(job, event, body)
            case Finished():
                self._end(job, self._made(job, event))
            case Failed(failure=failure):
                host = self._worker.partition(".")[0]
                shown = job.failure or believed_failure(failure, host)
                self._end(job, replace(event, failure=shown))
            case Cancelled():
                self._end(job, event)
            case _:
                self._on_event(event)

    def _made(self, job: RemoteJob, event: Finished) -> MadeFile | Failed:
        upload = job.upload
        if upload is None or not upload.is_done or upload.reference != event.output:
            text = Text("A GPU host says that a GIF is finished, but hasn't sent it.")
            failure = Failure(FailureKind.INTERNAL, text, is_retryable=True)
            return Failed(event.job_id, event.attempt, failure)
        most = time.monotonic() - job.submitted_at
        seconds = believed_seconds(event.seconds, most)
        gpu = believed_gpu(event.gpu_peak_bytes, event.gpu_bytes)
        return MadeFile(event.job_id, event.attempt, upload.path, seconds, upload.size, *gpu)

    def _end(self, job: RemoteJob, outcome: JobOutcome) -> None:
        del self._jobs[outcome.job_id, outcome.attempt]
        self._on_event(outcome)
        is_made = isinstance(outcome, MadeFile)
        if not is_made:
            self._spawn(asyncio.to_thread(job.drop_files))
        elif job.previews:
            self._spawn(asyncio.to_thread(job.drop_previews))

    def _hear_progress(self, job: RemoteJob, progress: Progress, body: bytes) -> None:
        if not is_sane_progress(progress):
            raise MessageError("A message can't be read ({reason}).", reason="progress")
        shown = replace(progress, preview="")
        if body and len(body) <= MAX_PREVIEW_BYTES and not job.is_writing_preview:
            job.is_writing_preview = True
            self._spawn(self._show_preview(job, shown, body))
        else:
            if job.previews:
                shown = replace(shown, preview=str(job.previews[-1]))
            self._on_event(shown)

    async def _show_preview(self, job: RemoteJob, progress: Progress, body: bytes) -> None:
        """Write a preview where the bot's own are, then say so."""
        stem = Path(job.generate.output_name).stem
        path = self._scratch / f"{stem}.preview-{len(job.previews)}.webp"
        try:
            await asyncio.to_thread(path.write_bytes, body)
        except OSError as error:
            logger.warning("a preview couldn't be written: %s", error)
            return
        finally:
            job.is_writing_preview = False
        if self._jobs.get((progress.job_id, progress.attempt)) is not job:
            path.unlink(missing_ok=True)
            return
        job.previews.append(path)
        for old in job.previews[:-2]:
            old.unlink(missing_ok=True)
        self._on_event(replace(progress, preview=str(path)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
