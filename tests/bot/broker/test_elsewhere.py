"""A NATS server that somebody runs already, with the block that ``host config`` prints in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp.test_utils import unused_port
from nats.aio.client import Client

from bot.broker.broker import open_broker
from bot.broker.certificates import ensure_authority, ensure_server_certificate, server_files
from bot.broker.registry import HostRegistry
from bot.broker.server_config import accounts_block
from bot.core.remote_settings import RemoteSettings
from generator.link.client import tls_context
from generator.link.errors import KeyRefusedError
from tests.brokers import TestBroker
from tests.patience import PATIENCE, until, wait_until
from tests.programs import need_program

CONFIG = """
listen: "127.0.0.1:{port}"
tls {{ cert_file: "{certificate}", key_file: "{key}" }}
include "hotshot.conf"
"""
# what else is on that server
NEIGHBOURS = "accounts { NEWS { users: [ {user: news, password: news} ] }\n"


@contextmanager
def serve(directory: Path, port: int, block: str) -> Iterator[None]:
    """Somebody's server, which has an account of theirs beside the bot's."""
    ensure_server_certificate(directory, ["127.0.0.1"])
    certificate, key = server_files(directory)
    config = directory / "nats.conf"
    config.write_text(CONFIG.format(port=port, certificate=certificate, key=key))
    (directory / "hotshot.conf").write_text(block.replace("accounts {\n", NEIGHBOURS))
    server = psutil.Popen([need_program("nats-server"), "-c", config])
    try:
        wait_until(lambda: any(each.laddr.port == port for each in server.net_connections()))
        yield
    finally:
        server.kill()
        server.wait()


async def test_the_block_lets_in_the_bot_and_its_hosts_apart_from_all_others(
    tmp_path: Path,
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    registry, port = HostRegistry(tmp_path / "data"), unused_port()
    key = registry.add("home")
    block = accounts_block(registry.read().hosts, bot_key=registry.bot_key().public)
    (theirs / "authority.pem").write_text(ensure_authority(theirs))
    settings = RemoteSettings(url=f"tls://127.0.0.1:{port}", ca_file=theirs / "authority.pem")
    with serve(theirs, port, block):
        async with open_broker(settings, tmp_path / "data") as broker:
            assert broker.server_pid is None
            test = TestBroker(broker, registry, settings)
            bot, home = await test.connect_bot(), await test.connect_host("home", key)
            neighbour = Client()
            context = tls_context(broker.access.ca)
            await neighbour.connect(broker.access.url, tls=context, user="news", password="news")
            heard, overheard = await bot.subscribe("hs.>"), await neighbour.subscribe(">")
            for client in (bot, neighbour):
                await client.flush(timeout=int(PATIENCE))
            for client, words in ((neighbour, b"not me"), (home, b"here")):
                await client.publish("hs.from.home.cpu.hello", words)
                await client.flush(timeout=int(PATIENCE))
            assert (await heard.next_msg(timeout=PATIENCE)).data == b"here"
            await neighbour.flush(timeout=int(PATIENCE))
            assert (await overheard.next_msg(timeout=PATIENCE)).data == b"not me"
            assert overheard.pending_msgs == 0

            with pytest.raises(KeyRefusedError):
                await test.connect_host("late", registry.add("late"))
            registry.remove("home")
            await until(lambda: not broker.may_come("home"))
            for client in (bot, home, neighbour):
                await client.close()
