"""What ``doctor`` finds of ``[remote]``, with the real server, running or not."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from aiohttp.test_utils import unused_port

from bot.app.lock import lock_data_directory
from bot.broker.errors import BrokerError
from bot.broker.registry import HostRegistry
from bot.cli.doctor_remote import describe_remote
from bot.core.config import Settings
from generator.contract.findings import Doubt
from generator.link.errors import LinkError
from tests.brokers import start_broker
from tests.programs import need_program


def settings(data_dir: Path, **remote: str) -> Settings:
    return Settings.model_validate({"storage": {"data_dir": data_dir}, "remote": remote})


def test_a_server_that_could_be_started(tmp_path: Path) -> None:
    program = need_program("nats-server")
    given = settings(tmp_path, listen=f"127.0.0.1:{unused_port()}")
    said = describe_remote(given, is_online=True)
    assert isinstance(said, Doubt)
    assert str(program) in said
    assert "hosts that may connect: none" in said
    assert not (tmp_path / "remote").exists(), "it only looks"
    HostRegistry(tmp_path).add("home")
    again = describe_remote(given, is_online=False)
    assert not isinstance(again, Doubt)
    assert again.endswith("hosts that may connect: home")


def test_an_address_that_hosts_could_not_dial_is_a_doubt(tmp_path: Path) -> None:
    need_program("nats-server")
    HostRegistry(tmp_path).add("home")
    said = describe_remote(settings(tmp_path, listen=f"0.0.0.0:{unused_port()}"), is_online=False)
    assert isinstance(said, Doubt)
    assert "set remote.address" in said


async def test_a_server_of_a_running_bot_is_asked(tmp_path: Path) -> None:
    with lock_data_directory(tmp_path):
        async with start_broker(tmp_path, "home") as (broker, _):
            given = settings(tmp_path, listen=broker.settings.listen)
            said = await asyncio.to_thread(describe_remote, given, is_online=True)
    assert "of the running bot; it accepts the bot; hosts that may connect: home" in said


@pytest.mark.parametrize(
    ("remote", "said"),
    [
        ({"listen": "127.0.0.1:{taken}"}, "in use by another program"),
        ({"listen": "192.0.2.1:4222"}, "isn't an address of this machine"),
        ({"listen": "127.0.0.1:4222", "server": "/bin/true"}, "/bin/true isn't a nats-server"),
        ({"listen": "127.0.0.1:4222", "server": "/nowhere"}, "/nowhere isn't a program"),
        ({"url": "tls://127.0.0.1:{free}"}, "`hotshot-bot host config` makes one"),
    ],
)
def test_what_has_to_be_mended(tmp_path: Path, remote: dict[str, str], said: str) -> None:
    need_program("nats-server")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"taken": taken.getsockname()[1], "free": unused_port()}
        given = {name: value.format(**ports) for name, value in remote.items()}
        with pytest.raises(BrokerError, match=said):
            describe_remote(settings(tmp_path, **given), is_online=True)


def test_a_server_elsewhere_is_asked_with_the_bots_key(tmp_path: Path) -> None:
    HostRegistry(tmp_path).bot_key()
    given = settings(tmp_path, url=f"tls://127.0.0.1:{unused_port()}")
    assert "hosts that may connect" in describe_remote(given, is_online=False)
    with pytest.raises(LinkError, match="can't be reached"):
        describe_remote(given, is_online=True)
