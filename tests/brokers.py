"""A broker of a test's own: the product's, with the real nats-server, on a port of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp.test_utils import unused_port
from nats.aio.client import Client

from bot.broker.broker import Broker, open_broker
from bot.broker.keys import KeyPair
from bot.broker.registry import HostRegistry
from bot.core.remote_settings import RemoteSettings
from generator.contract.subjects import INBOX, inbox_prefix
from generator.link.client import ServerAccess, connect
from tests.programs import need_program


@dataclass(frozen=True, slots=True)
class TestBroker:
    """An open broker, and what comes to it by its list of hosts."""

    __test__ = False

    broker: Broker
    registry: HostRegistry
    settings: RemoteSettings

    def access_of(self, key: KeyPair) -> ServerAccess:
        return replace(self.broker.access, seed=key.seed)

    async def connect_bot(self) -> Client:
        return await connect(self.broker.access, name="bot", inbox_prefix=INBOX)

    async def connect_host(self, name: str, key: KeyPair) -> Client:
        return await connect(self.access_of(key), name=name, inbox_prefix=inbox_prefix(name))


@asynccontextmanager
async def start_broker(
    data_dir: Path, *hosts: str
) -> AsyncIterator[tuple[TestBroker, list[KeyPair]]]:
    """Start a broker for these hosts; yields their keys as well."""
    need_program("nats-server")
    settings = RemoteSettings(listen=f"127.0.0.1:{unused_port()}")
    registry = HostRegistry(data_dir)
    keys = [registry.add(name) for name in hosts]
    async with open_broker(settings, data_dir) as broker:
        yield TestBroker(broker, registry, settings), keys
