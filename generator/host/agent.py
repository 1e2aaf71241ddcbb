"""The agent of a GPU host: one connection to the bot's server, and a worker for each device.

It needs no port and no address of its own: it dials, and dials again for ever. The first SIGTERM
lets it finish what it has in hand, the second one doesn't.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from generator.contract import logs, subjects
from generator.contract.errors import HotshotError
from generator.contract.remote import HELLO_SECONDS, LEASE_SECONDS, pack
from generator.contract.worker_settings import HOTSHOT_ENGINE
from generator.host.cache import FileCache
from generator.host.device import HostDevice
from generator.host.place import HostPlace
from generator.host.transfer import HostDiskError
from generator.link.errors import KeyRefusedError, LinkError
from generator.link.lasting import Connect, LastingLink

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What an agent is started with. ``directory`` is its own, for files that jobs need."""

    host: str
    devices: Sequence[str]
    directory: Path
    cache_bytes: int
    memory_limit: int
    lease: float = LEASE_SECONDS
    models: Mapping[str, str] = field(default_factory=dict)
    cards: Mapping[str, str] = field(default_factory=dict)
    engine: str = HOTSHOT_ENGINE
    log_level: str = "INFO"
    log_format: str = logs.TEXT


class AlreadyRunsError(HotshotError):
    """Another agent works in the same directory."""

    is_translated = False


async def run_agent(settings: AgentSettings, connect: Connect) -> None:
    """Run a host's workers until SIGTERM or SIGINT. Raises HotshotError."""
    try:
        agent = Agent(settings, connect)
    except OSError as error:
        raise HostDiskError(
            "The directory {directory} can't be used ({reason}); name another with --cache-dir.",
            directory=settings.directory,
            reason=error.strerror or type(error).__name__,
        ) from error
    await agent.run()


class Agent:
    """Runs the workers of a host until told to leave."""

    def __init__(self, settings: AgentSettings, connect: Connect) -> None:
        self._lock = _lock(settings)
        outputs = settings.directory / "outputs"
        outputs.mkdir(parents=True, exist_ok=True)
        for left in outputs.iterdir():  # of a run that was killed
            left.unlink(missing_ok=True)
        cache = FileCache(settings.directory, settings.cache_bytes)
        cache.open()
        self._devices: list[HostDevice] = []
        self._refusal: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._was_connected = False
        self._link = LastingLink(
            connect,
            {f"hs.to.{settings.host}.*": self._hear},
            on_connected=self._handle_connected,
            on_trouble=self._handle_trouble,
        )
        self._place = HostPlace(
            host=settings.host,
            link=self._link,
            cache=cache,
            outputs=outputs,
            memory_limit=settings.memory_limit,
            lease=settings.lease,
            models=settings.models,
            cards=settings.cards,
            engine=settings.engine,
            log_level=settings.log_level,
            log_format=settings.log_format,
        )
        self._devices = [HostDevice(device, self._place) for device in settings.devices]
        self._by_subject = {device.subject: device for device in self._devices}

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises KeyRefusedError where the bot doesn't know us."""
        leaving = _Leaving()
        greeting = asyncio.create_task(self._greet(), name="hellos")
        tasks = [
            greeting,
            asyncio.create_task(self._link.run(), name="link"),
            asyncio.create_task(leaving.asked.wait(), name="leaving"),
        ]
        try:
            ends: list[asyncio.Future[Any]] = [self._refusal, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._refusal.done():
                self._refusal.result()
            for task in tasks:
                if task.done():
                    task.result()  # a link or hellos that ended are a mistake that has to be seen
            if leaving.asked.is_set():
                await self._drain(leaving)
                greeting.cancel()  # a hello after it would take back the goodbye
                self._say_bye()
        finally:
            await asyncio.gather(*(device.stop() for device in self._devices))
            await self._link.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            leaving.restore()
            os.close(self._lock)

    async def _drain(self, leaving: _Leaving) -> None:
        logger.info(
            "stopping as soon as the bot has what is being made; a second signal stops at once"
        )
        draining = asyncio.gather(*(device.drain() for device in self._devices))
        self._greet_once()
        at_once = asyncio.create_task(leaving.asked_again.wait())
        ends: list[asyncio.Future[Any]] = [draining, at_once]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, at_once):
            task.cancel()
        await asyncio.gather(draining, at_once, return_exceptions=True)

    async def _greet(self) -> None:
        """Say hello each second, repeat what wasn't heard, and watch the leases."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(HELLO_SECONDS)
            late = max(0.0, time.monotonic() - began - 2 * HELLO_SECONDS)
            for device in self._devices:
                device.check_lease(late)
                device.repeat()
            self._greet_once()

    def _greet_once(self) -> None:
        for device in self._devices:
            self._say(device, subjects.HELLO, pack(device.hello().to_dict()))

    def _say_bye(self) -> None:
        for device in self._devices:
            self._say(device, subjects.BYE, pack({"boot": self._place.boot}))

    def _say(self, device: HostDevice, kind: str, frame: bytes) -> None:
        token = subjects.device_token(device.device)
        self._link.publish(subjects.from_worker(self._place.host, token, kind), frame)

    def _hear(self, message: Msg) -> None:
        device = self._by_subject.get(message.subject)
        if device is not None:
            device.hear(message.data)

    def _handle_connected(self) -> None:
        logger.info("connected to the bot's server as %s", self._place.host)
        self._was_connected = True
        for device in self._devices:
            device.repeat()
        self._greet_once()

    def _handle_trouble(self, error: LinkError) -> None:
        if isinstance(error, KeyRefusedError) and not self._was_connected:
            with contextlib.suppress(asyncio.InvalidStateError):
                self._refusal.set_exception(error)
            return
        logger.warning("%s Trying again.", error)


def _lock(settings: AgentSettings) -> int:
    """Keep other agents from this one's directory. Raises OSError, AlreadyRunsError."""
    lock = os.open(settings.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise
        raise AlreadyRunsError(
            "A `hotshot worker` for {host} runs here already; name all devices in one with "
            "--devices, or give each its own line (`hotshot-bot host add`).",
            host=settings.host,
        ) from error
    return lock


class _Leaving:
    """What signals ask for: the first to leave, the second to leave at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.asked_again = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signal)

    def _signal(self) -> None:
        (self.asked_again if self.asked.is_set() else self.asked).set()

    def restore(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
