"""A backend without processes: a host far away that has directories of its own.

Its workers behave as the engines of the same name do. Every message crosses as the bytes that a
network would carry; files are brought to the host by their hash, checked there, and brought back.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from bot.core.errors import HostLostError, WorkerDiedError, WorkerStartError
from bot.jobs.outcomes import MadeFile
from bot.workers.backend import EventCallback
from generator.contract import wire
from generator.contract.errors import Failure, FailureKind
from generator.contract.file_reference import FileReference
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Capabilities,
    Command,
    Event,
    Finished,
    Generate,
    Progress,
    Ready,
    Shutdown,
    SlotFreed,
    Started,
    StartFailed,
    output_name,
)
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings

_STEP_SECONDS = 0.02
NO_MODEL = Failure(FailureKind.MODEL, Text("There is no model at nano; give a directory."))


class FarBackend:
    """Starts workers on a host whose directory is ``host``; ``files`` are the bot's."""

    def __init__(self, *, files: Path, host: Path, here: Path) -> None:
        self._files, self._here = files, here
        self.host = host
        self.capabilities: dict[str, Capabilities] = {}  # by device, where it isn't the usual
        self.connections: list[FarConnection] = []

    async def start(self, settings: WorkerSettings, on_event: EventCallback) -> FarConnection:
        connection = FarConnection(self, settings, on_event)
        self.connections.append(connection)
        return connection

    def bring(self, reference: FileReference) -> Path:
        """Bring one of the bot's files to the host, unless it is there; return where."""
        there = reference.path_in(self.host)
        if not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(reference.path_in(self._files), there)
        assert FileReference.of_file(there) == reference
        return there

    def bring_back(self, name: str) -> Path:
        """Bring a file that was made here; return where."""
        return Path(shutil.move(self.host / name, self._here / name))


class FarConnection:
    """A worker on that host; ``engine`` says how it behaves."""

    pid = None
    memory_bytes = None
    memory_limit_bytes = None

    def __init__(
        self, backend: FarBackend, settings: WorkerSettings, on_event: EventCallback
    ) -> None:
        loop = asyncio.get_running_loop()
        self._backend, self._settings, self._on_event = backend, settings, on_event
        self._engine = settings.engine.partition(":")[0].rpartition(".")[2]
        self._ready: asyncio.Future[Ready] = loop.create_future()
        self._commands: asyncio.Queue[bytes] = asyncio.Queue()
        self._jobs: asyncio.Queue[Generate] = asyncio.Queue()
        self._cancelled: set[tuple[str, int]] = set()
        self.said: list[Event] = []
        self.given: list[Generate] = []
        self.died: asyncio.Future[WorkerDiedError] = loop.create_future()
        self._tasks = [loop.create_task(work()) for work in (self._take_commands, self._live)]

    @property
    def name(self) -> str:
        return f"far worker on {self._settings.device}"

    async def ready(self) -> Ready:
        return await asyncio.shield(self._ready)

    def submit(self, job: Generate) -> None:
        self._commands.put_nowait(wire.encode(job))

    def cancel(self, job_id: str, attempt: int) -> None:
        self._commands.put_nowait(wire.encode(Cancel(job_id, attempt)))

    async def stop(self) -> None:
        if self._ready.done():
            self._commands.put_nowait(wire.encode(Shutdown()))
        else:
            self.die(WorkerDiedError(-9))
        await asyncio.shield(self.died)

    async def kill(self) -> None:
        self.die(WorkerDiedError(-9))

    def lose_host(self) -> None:
        """Cut the connection: whatever the worker does, nobody hears of it any more."""
        self.die(HostLostError("far"))

    def lose_process(self) -> None:
        """Have the worker killed, whatever it is at."""
        self.die(WorkerDiedError(-9))

    def die(self, death: WorkerDiedError) -> None:
        for task in self._tasks:
            task.cancel()
        if not self.died.done():
            self.died.set_result(death)
        if not self._ready.done():
            self._ready.set_exception(death)
            self._ready.exception()  # nobody may be waiting

    async def _take_commands(self) -> None:
        while True:
            command = wire.decode(await self._commands.get())
            self._take(command)  # type: ignore[arg-type]

    def _take(self, command: Command) -> None:
        match command:
            case Generate():
                self.given.append(command)
                self._jobs.put_nowait(command)
            case Cancel(job_id, attempt):
                self._cancelled.add((job_id, attempt))
            case Shutdown():
                self.die(WorkerDiedError(0))

    async def _live(self) -> None:
        match self._engine:
            case "raises_in_setup":
                self.say(StartFailed(NO_MODEL))
                return
            case "killed_in_setup":
                self.die(WorkerDiedError(-9))
            case "hangs_in_setup":
                await asyncio.Event().wait()
        self.say(Ready(self._capabilities(), 0.1))
        while True:
            await self._make(await self._jobs.get())

    def _capabilities(self) -> Capabilities:
        device = self._settings.device
        usual = Capabilities(
            model=self._settings.model,
            device=device,
            dtype="float32",
            max_frames=24,
            max_pixels=1024 * 1024,
        )
        return self._backend.capabilities.get(device, usual)

    async def _make(self, job: Generate) -> None:
        self.say(Started(job.job_id, job.attempt))
        request = job.request.with_files_at(self._backend.bring)
        if self._engine == "hangs":
            await asyncio.Event().wait()
        for step in range(1, request.steps + 1):
            await asyncio.sleep(_STEP_SECONDS if self._engine == "slow" else 0)
            self.say(Progress(job.job_id, job.attempt, "denoise", step, request.steps))
            if self._engine == "killed":
                self.die(WorkerDiedError(-9))
                return
            if (job.job_id, job.attempt) in self._cancelled:
                self.say(SlotFreed(job.job_id, job.attempt))
                self.say(Cancelled(job.job_id, job.attempt))
                return
        self.say(SlotFreed(job.job_id, job.attempt))
        if self._engine == "writes_long":  # while the next one is computed
            self._tasks.append(asyncio.create_task(self._write(job, _STEP_SECONDS * 10)))
        else:
            await self._write(job, 0)

    async def _write(self, job: Generate, seconds: float) -> None:
        await asyncio.sleep(seconds)
        output = self._backend.host / job.output_name
        output.write_text(job.request.prompt)
        made = FileReference.of_file(output)
        self.say(Finished(job.job_id, job.attempt, made, 0.1, output.stat().st_size))

    def say(self, event: Event) -> None:
        """Have the worker say something to the bot."""
        self.said.append(event)
        self._hear(self._encode(event))

    def _encode(self, event: Event) -> bytes:
        """As a worker of this version, or of a newer one that can more, writes it."""
        values = wire.to_dict(event)
        if isinstance(event, Ready):
            beside = dict.fromkeys(event.capabilities.unknown, True)
            values["capabilities"] |= beside
        return json.dumps(values).encode()

    def _hear(self, data: bytes) -> None:
        """The bot's side of the connection."""
        event = wire.decode(data)
        match event:
            case Ready() | StartFailed() if self._ready.done():
                pass  # the bot has given up waiting
            case Ready():
                self._ready.set_result(event)
            case StartFailed(failure=failure):
                self._ready.set_exception(WorkerStartError(failure))
            case Finished(job_id, attempt, output, seconds, size_bytes):
                name = output_name(job_id, attempt, output.suffix)
                path = self._backend.bring_back(name)
                self._on_event(MadeFile(job_id, attempt, path, seconds, size_bytes))
            case _:
                self._on_event(event)  # type: ignore[arg-type]
