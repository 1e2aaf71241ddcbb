"""The NATS server as the bot uses it: how to reach it, and which GPU hosts may come.

``open_broker`` starts the bot's own server, or takes the one that ``remote.url`` names, and keeps
it at what ``hotshot-bot host add`` and ``remove`` say while the bot runs. What is said over it is
for ``bot.workers`` to know.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

from bot.broker.certificates import ensure_authority, ensure_server_certificate, server_files
from bot.broker.errors import BrokerError
from bot.broker.keys import KeyPair
from bot.broker.private_files import locked_directory, write_private
from bot.broker.registry import HostList, HostRecord, HostRegistry, bot_id
from bot.broker.server import NatsServer, find_server
from bot.broker.server_config import server_config
from bot.core.remote_settings import Address, RemoteSettings
from generator.link.client import Callback, ServerAccess, connect

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.25
_RENEW_EVERY_SECONDS = 24 * 3600.0
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Broker:
    """An open broker. Made by ``open_broker``."""

    def __init__(
        self,
        registry: HostRegistry,
        access: ServerAccess,
        key: KeyPair,
        hosts: HostList,
        own: _OwnServer | None,
    ) -> None:
        self._registry = registry
        self._key = key
        self._own = own
        self._list = hosts
        self._suspended: dict[str, float] = {}  # name -> until when, by the monotonic clock
        self._is_behind = False  # the server has yet to go by the list
        self._served = frozenset(hosts.hosts)  # whom the server lets in
        self._trouble = ""
        self._removed_callback: Callable[[str], None] = lambda _: None
        self.access = access
        """How the bot itself connects."""

    @property
    def bot(self) -> str:
        """What tells this bot from others, as join lines say it."""
        return bot_id(self._key.public)

    @property
    def server_pid(self) -> int | None:
        """The process of the bot's own server; None where it isn't the bot's, or isn't there."""
        return self._own.server.pid if self._own else None

    @property
    def hosts(self) -> Mapping[str, HostRecord]:
        """The hosts that may come now; a word of any other is not to be listened to."""
        return {
            name: record for name, record in self._list.hosts.items() if name not in self._suspended
        }

    def may_come(self, host: str) -> bool:
        """Return whether a host's word is to be listened to."""
        return host in self._list.hosts and host not in self._suspended

    def set_removed_callback(self, callback: Callable[[str], None]) -> None:
        """Have ``callback`` called with each host that may come no more, once it is cut off."""
        self._removed_callback = callback

    async def connect(self, on_closed: Callback) -> Client:
        """Connect as the bot, once; ``on_closed`` is called at the end. Raises LinkError."""
        return await connect(self.access, name="bot", on_closed=on_closed)

    def suspend(self, host: str, seconds: float) -> None:
        """Disconnect a host that does harm, and let it come again after a while.

        A server that isn't the bot's goes on letting it in.
        """
        self._suspended[host] = time.monotonic() + seconds
        self._is_behind = True

    async def watch(self) -> None:
        """Take in changes of the list whenever they come, until cancelled."""
        renew_at = time.monotonic() + _RENEW_EVERY_SECONDS
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            now = time.monotonic()
            try:
                await self._follow(now)
                if self._own is not None:
                    self._own.server.log.tell_counts()
                    if now >= renew_at:
                        renew_at = now + _RENEW_EVERY_SECONDS
                        await self._own.renew()
                self._trouble = ""
            except BrokerError as error:
                if str(error) != self._trouble:  # four times a second is too often
                    self._trouble = str(error)
                    logger.error("%s", error)  # noqa: TRY400 - its sentence says it all

    async def _follow(self, now: float) -> None:
        """Go by the list as it is now, and let those come again whose suspension is over."""
        over = [name for name, until in self._suspended.items() if until <= now]
        for name in over:
            del self._suspended[name]
        found = await asyncio.to_thread(self._registry.read)
        if not over and found == self._list and not self._is_behind:
            return
        self._list, self._is_behind = found, True
        await self._apply()
        self._is_behind = False
        removed, self._served = self._served - found.hosts.keys(), frozenset(found.hosts)
        for name in removed:
            self._removed_callback(name)

    async def _apply(self) -> None:
        revision = self._list.revision
        if self._own is not None and not await self._own.set_hosts(self.hosts):
            raise BrokerError("nats-server didn't load its new list of hosts; trying again.")
        await asyncio.to_thread(self._registry.note_applied, revision)


class _OwnServer:
    """The bot's own server, with the files that it reads."""

    def __init__(
        self, settings: RemoteSettings, registry: HostRegistry, key: KeyPair, program: Path
    ) -> None:
        self._listen = settings.listen_address
        self._names = certificate_names(settings)
        self._directory = registry.directory
        self._key = key
        self._config = registry.directory / "nats.conf"
        self.server = NatsServer(program, self._config)

    async def start(self, hosts: Mapping[str, HostRecord]) -> None:
        """Start it, for these hosts. Raises BrokerError."""
        await asyncio.to_thread(self._write_certificate)
        await self._write(hosts)
        await self.server.start()

    async def set_hosts(self, hosts: Mapping[str, HostRecord]) -> bool:
        """Have it let in these hosts and disconnect others; False where it doesn't do so.

        One that isn't there at the moment reads the file when it is started again.
        """
        await self._write(hosts)
        return self.server.pid is None or await self.server.reload()

    async def renew(self) -> None:
        """Make its certificate anew where the old one ends within a year."""
        if await asyncio.to_thread(self._write_certificate):
            await self.server.reload()

    def _write_certificate(self) -> bool:
        with locked_directory(self._directory):
            return ensure_server_certificate(self._directory, self._names)

    async def _write(self, hosts: Mapping[str, HostRecord]) -> None:
        names = {record.public_key: f"host {name}" for name, record in hosts.items()}
        self.server.log.set_names(names | {self._key.public: "the bot"})
        certificate, certificate_key = server_files(self._directory)
        text = server_config(
            self._listen,
            hosts,
            bot_key=self._key.public,
            certificate=certificate,
            certificate_key=certificate_key,
        )
        await asyncio.to_thread(write_private, self._config, text.encode())


@asynccontextmanager
async def open_broker(settings: RemoteSettings, data_dir: Path) -> AsyncIterator[Broker]:
    """Start the bot's own server, or take the named one, and follow the list of hosts.

    Raises BrokerError.
    """
    registry = HostRegistry(data_dir)
    key = await asyncio.to_thread(registry.bot_key)
    access = await asyncio.to_thread(bot_access, settings, registry)
    hosts = await asyncio.to_thread(registry.read)
    own = None
    if settings.listen:
        own = _OwnServer(settings, registry, key, find_server(settings.server))
        await own.start(hosts.hosts)
    broker = Broker(registry, access, key, hosts, own)
    tasks: list[asyncio.Task[None]] = []
    try:
        await asyncio.to_thread(registry.note_applied, hosts.revision)
        tasks.append(asyncio.create_task(broker.watch(), name="list of hosts"))
        if own is not None:
            tasks.append(asyncio.create_task(own.server.keep_running(), name="nats-server"))
        logger.info("GPU hosts are served at %s", settings.dial_address or settings.listen)
        yield broker
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if own is not None:
            await own.server.stop()


def certificate_names(settings: RemoteSettings) -> list[str]:
    """Return the names and addresses that the bot's own server can prove to have."""
    addresses = [settings.dial_address, settings.listen_address]
    dialled = [each.host for each in addresses if each is not None and not each.is_everywhere]
    return [*dialled, *_THIS_MACHINE]


def authority_of(settings: RemoteSettings, registry: HostRegistry) -> str:
    """Return the certificate, in PEM, that proves the server; "" for whom the system trusts.

    Raises BrokerError.
    """
    if settings.listen:
        with locked_directory(registry.directory):
            return ensure_authority(registry.directory)
    if settings.ca_file is None:
        return ""
    try:
        return settings.ca_file.expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BrokerError(f"remote.ca_file: {settings.ca_file} can't be read: {error}.") from error


def bot_access(settings: RemoteSettings, registry: HostRegistry) -> ServerAccess:
    """Return how the bot itself connects: to its own server, on this machine.

    Raises BrokerError.
    """
    seed, authority = registry.bot_key().seed, authority_of(settings, registry)
    if settings.url:
        return ServerAccess(url=f"tls://{settings.dial_address}", seed=seed, ca=authority)
    listen = settings.listen_address
    near = Address("localhost", listen.port) if listen.is_everywhere else listen
    return ServerAccess(url=f"tls://{near}", seed=seed, ca=authority)
