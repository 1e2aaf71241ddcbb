"""Who is there: the workers that GPU hosts say hello for, over one connection to their server.

A worker that says hello comes into the pool, and one that isn't heard for some seconds, or says
bye, leaves it; neither is trouble. What a host says is only believed of itself, and costs nobody
else anything: the server lets it speak under its own name alone, and who says too much isn't read.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.msg import Msg

from bot.workers.backend import EventCallback
from bot.workers.remote.connection import RemoteConnection
from bot.workers.remote.files import FileDesk
from bot.workers.remote.flood import FloodGate
from generator.contract import subjects
from generator.contract.bounds import shorten
from generator.contract.errors import MessageError
from generator.contract.remote import (
    HELLO_SECONDS,
    LOST_AFTER_SECONDS,
    Hello,
    model_hash,
    pack,
    text_of,
    unpack,
)
from generator.contract.version import VERSION
from generator.contract.wire import WIRE_VERSION
from generator.contract.worker_settings import WorkerSettings
from generator.link.errors import LinkError
from generator.link.lasting import Connect, LastingLink
from generator.link.mailbox import Mailbox, answer_later

logger = logging.getLogger(__name__)

_WATCH_SECONDS = 0.25
_MOST_WORKERS = 1024
_MOST_DEVICES = 32  # of one host
_MOST_REFUSALS = 10  # sentences about one worker; there may be more to say, and nobody to read it
_HELLOS_A_SECOND, _EVENTS_A_SECOND = 5, 2000  # of one worker; a host that says more isn't read
_HELLOS_AT_ONCE = 200  # after a line was down for minutes
_SUSPENDED_SECONDS = 60.0
_MENDED_SECONDS = 60.0  # without a refusal; what is wrong is said again before
_STALE_SECONDS = 2.5 * HELLO_SECONDS  # a run that isn't heard for so long may have ended
_RIVALS = (
    "two machines connected with the same join line, and the second is ignored; give each its "
    "own line (`hotshot-bot host add`)."
)
_MOST_HELLO_BYTES, _MOST_EVENT_BYTES = 4096, 3_000_000


@dataclass(frozen=True, slots=True)
class FleetCallbacks:
    """Who hears which workers come, stop taking jobs and go, by their names."""

    come: Callable[[str], None]
    drain: Callable[[str], None]
    go: Callable[[str], None]


@dataclass(slots=True)
class RemoteWorker:
    """A worker as its hellos show it.

    ``refusals`` are what of it wasn't taken in since the start.
    """

    host: str
    device: str
    hello: Hello | None = None
    heard_at: float = 0.0  # by the loop's clock
    is_here: bool = False
    is_in_pool: bool = False
    was_drained: bool = False  # its supervisor takes no more jobs
    refusals: list[str] = field(default_factory=list)
    refused: str = ""  # what of its run wasn't taken in last, and when
    refused_at: float = 0.0
    connection: RemoteConnection | None = None
    rival: str = ""  # another run that comes by the same name, and since when
    rival_since: float = 0.0
    gates: dict[str, FloodGate] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.host}.{self.device}"

    @property
    def trouble(self) -> str:
        """What of it isn't taken in now; "" where it said no such thing for a while."""
        return self.refused if time.monotonic() - self.refused_at < _MENDED_SECONDS else ""

    @property
    def is_draining(self) -> bool:
        return self.hello is not None and self.hello.state == "draining"


class RemoteHub:
    """Hears hosts, keeps the pool in step, and is the ``WorkerBackend`` of their workers.

    ``files`` has the bot's blobs, ``scratch`` what is made. ``may_come`` says which hosts are let
    in, and ``suspend`` keeps one out for so many seconds.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        files: Path,
        scratch: Path,
        fleet: FleetCallbacks,
        may_come: Callable[[str], bool] = lambda _: True,
        suspend: Callable[[str, float], None] = lambda _, __: None,
        lost_after: float = LOST_AFTER_SECONDS,
    ) -> None:
        self._scratch = scratch
        self._fleet = fleet
        self._may_come = may_come
        self._suspend = suspend
        self._lost_after = lost_after
        self._workers: dict[tuple[str, str], RemoteWorker] = {}
        self._desk = FileDesk(self._connection_of, files, self._publish)
        self._link = LastingLink(
            connect,
            {
                subjects.EVERYTHING_FROM_HOSTS: self._hear,
                subjects.EVERY_BLOB: self._desk.take_request,
                subjects.EVERY_PUT: self._desk.take_chunk,
            },
            on_connected=lambda: logger.info("connected to the server of GPU hosts"),
            on_trouble=self._handle_trouble,
        )

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    def workers(self) -> list[RemoteWorker]:
        """Return all workers that said hello since the start, for reports."""
        return list(self._workers.values())

    async def run(self) -> None:
        """Hear hosts until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._link.run(), name="link")
                group.create_task(self._watch(), name="watch hosts")
        finally:
            await self._desk.close()

    async def close(self) -> None:
        """Say what is still to be said."""
        await self._link.close()

    async def start(self, settings: WorkerSettings, on_event: EventCallback) -> RemoteConnection:
        """Begin a session with the worker that ``settings.device`` names.

        One that is gone leaves the pool, which ends this.
        """
        host, _, device = settings.device.partition(".")
        worker = self._workers[host, device]
        ours = await asyncio.to_thread(model_hash, settings.model)
        if not worker.is_here or worker.was_drained:
            worker.is_in_pool = worker.was_drained = False
            self._fleet.go(worker.name)
            if worker.is_here:
                self._welcome(worker)
            await asyncio.Event().wait()
        subject = subjects.to_worker(host, device)
        mailbox = Mailbox(
            secrets.token_hex(8),
            lambda frame: self._link.publish(subject, frame),
            answer_later,
        )

        def stopped() -> None:
            if worker.connection is connection:
                worker.connection = None

        connection = RemoteConnection(
            worker.name,
            settings,
            mailbox,
            on_event,
            scratch=self._scratch,
            model_hash=ours,
            boot=worker.hello.boot if worker.hello else "",
            on_stopped=stopped,
        )
        worker.connection = connection
        return connection

    def remove(self, host: str) -> None:
        """Forget a host, which may not come again."""
        for worker in [each for each in self._workers.values() if each.host == host]:
            self._lose(worker, "was removed")

    # -- what hosts say ----------------------------------------------------------------------------

    def _hear(self, message: Msg) -> None:
        sender = subjects.parse_sender(message.subject)
        if sender is None:
            return
        worker = self._worker(sender.host, sender.device)
        if worker is None or not self._may_be_read(worker, sender.kind, message.data):
            return
        try:
            self._take(worker, sender.kind, message.data)
        except MessageError as error:
            self._refuse(worker, str(error))

    def _take(self, worker: RemoteWorker, kind: str, frame: bytes) -> None:
        values, body = unpack(frame)
        if kind == subjects.HELLO:
            self._take_hello(worker, Hello.from_dict(values))
        elif kind == subjects.BYE:
            if worker.hello is not None and text_of(values, "boot") == worker.hello.boot:
                self._lose(worker, "says goodbye")
        elif (
            worker.connection is not None
            and text_of(values, "session") == worker.connection.session
        ):
            worker.connection.hear(values, body)

    def _take_hello(self, worker: RemoteWorker, hello: Hello) -> None:
        if not self._may_come(worker.host):  # a server that isn't the bot's may let it in still
            return
        if worker.hello is not None and worker.hello.boot != hello.boot:
            if self._is_rival(worker, hello.boot):
                return
            self._lose(worker, "was restarted")
            worker.refused = ""  # that was of the run before
        worker.hello = hello
        worker.heard_at = asyncio.get_running_loop().time()
        if hello.wire != WIRE_VERSION:
            self._refuse(
                worker,
                f"the host speaks version {hello.wire} and the bot {WIRE_VERSION} "
                f"({shorten(hello.package)}, {VERSION}); install the same Hotshot on both.",
            )
            return
        self._say(worker, "heard")
        if worker.connection is not None:
            worker.connection.greet(hello)
        self._welcome(worker)

    def _is_rival(self, worker: RemoteWorker, boot: str) -> bool:
        """Return whether the run that a worker is known by goes on beside this one.

        Who came first stays. The other is told so, unless the first was only just killed.
        """
        now = asyncio.get_running_loop().time()
        if not worker.is_here or now - worker.heard_at > _STALE_SECONDS:
            return False
        if worker.rival != boot:
            worker.rival, worker.rival_since = boot, now
        elif now - worker.rival_since > self._lost_after:
            self._refuse(worker, _RIVALS)
        return True

    def _welcome(self, worker: RemoteWorker) -> None:
        if not worker.is_here:
            worker.is_here = True
            logger.info("%s is here", worker.name)
        if worker.is_draining:
            if worker.is_in_pool and not worker.was_drained:
                worker.was_drained = True
                self._fleet.drain(worker.name)
        elif not worker.is_in_pool:
            worker.is_in_pool = True
            self._fleet.come(worker.name)

    def _worker(self, host: str, device: str) -> RemoteWorker | None:
        found = self._workers.get((host, device))
        if found is None:
            of_host = sum(each.host == host for each in self._workers.values())
            if of_host >= _MOST_DEVICES:
                return None
            if len(self._workers) >= _MOST_WORKERS and not self._forget_one():
                return None
            found = self._workers[host, device] = RemoteWorker(host, device)
        return found

    def _forget_one(self) -> bool:
        for key, worker in self._workers.items():
            if not worker.is_here and not worker.is_in_pool:
                del self._workers[key]
                return True
        return False

    def _may_be_read(self, worker: RemoteWorker, kind: str, frame: bytes) -> bool:
        """Return whether a worker says no more, and nothing longer, than it needs to."""
        is_event = kind == subjects.EVENT
        gate = worker.gates.get(kind)
        if gate is None:
            gate = worker.gates[kind] = (
                FloodGate(_EVENTS_A_SECOND, _EVENTS_A_SECOND)
                if is_event
                else FloodGate(_HELLOS_A_SECOND, _HELLOS_AT_ONCE)
            )
        if len(frame) <= (_MOST_EVENT_BYTES if is_event else _MOST_HELLO_BYTES) and gate.opens():
            return True
        if gate.is_first_refusal():
            logger.warning("%s sends more than the bot reads (%s)", worker.name, kind)
            self._suspend(worker.host, _SUSPENDED_SECONDS)
        return False

    def _refuse(self, worker: RemoteWorker, sentence: str) -> None:
        """Say why something isn't taken in, once, to the log and to the host's."""
        worker.refused, worker.refused_at = sentence, time.monotonic()
        if sentence not in worker.refusals and len(worker.refusals) < _MOST_REFUSALS:
            worker.refusals.append(sentence)
            logger.warning("%s: %s", worker.name, sentence)
            self._say(worker, "refused", text=sentence[:200])

    def _say(self, worker: RemoteWorker, kind: str, **values: str) -> None:
        session = worker.connection.session if worker.connection else ""
        frame = pack({"kind": kind, "session": session, **values})
        self._link.publish(subjects.to_worker(worker.host, worker.device), frame)

    # -- who isn't there ---------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Give up workers that aren't heard; a bot that was stopped itself gives them time."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(_WATCH_SECONDS)
            late = max(0.0, loop.time() - began - 2 * _WATCH_SECONDS)
            for worker in self.workers():
                worker.heard_at += late
                if worker.is_here and loop.time() - worker.heard_at > self._lost_after:
                    self._lose(worker, f"wasn't heard from for {self._lost_after:g} s")

    def _lose(self, worker: RemoteWorker, how: str) -> None:
        if worker.is_here:
            logger.info("%s %s", worker.name, how)
        worker.is_here = False
        if worker.connection is not None:
            worker.connection.lose(worker.host)

    def _handle_trouble(self, error: LinkError) -> None:
        logger.warning("the server of GPU hosts can't be reached: %s", error)

    # -- for files ---------------------------------------------------------------------------------

    def _connection_of(self, host: str, device: str) -> RemoteConnection | None:
        worker = self._workers.get((host, device))
        return worker.connection if worker else None

    def _publish(self, subject: str, frame: bytes) -> None:
        self._link.publish(subject, frame)


@asynccontextmanager
async def run_hub(hub: RemoteHub) -> AsyncIterator[asyncio.Task[None]]:
    """Hear hosts inside; say the last words on the way out."""
    hearing = asyncio.create_task(hub.run(), name="hub")
    try:
        yield hearing
    finally:
        await hub.close()
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
