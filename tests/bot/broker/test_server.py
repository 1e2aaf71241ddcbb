"""nats-server as the bot's child: it comes back, never outlives the bot, and says what is wrong."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import re
import signal
import socket
import ssl
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import nkeys
import psutil
import pytest
from aiohttp.test_utils import unused_port

from bot.broker import server_config
from bot.broker.broker import open_broker
from bot.broker.errors import BrokerError
from bot.broker.keys import KeyPair
from bot.broker.server import NatsServer, find_server
from bot.core.remote_settings import RemoteSettings
from generator.contract.subjects import MAX_PAYLOAD_BYTES
from generator.link import client
from generator.link.client import ServerAccess, tls_context
from generator.link.errors import ServerUnreachableError
from tests.brokers import TestBroker, start_broker
from tests.patience import PATIENCE, until
from tests.programs import need_program


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level tests of other rooms have left behind."""
    caplog.set_level(logging.INFO, logger="bot")


async def test_a_killed_server_is_started_again_with_the_same_hosts(tmp_path: Path) -> None:
    async with start_broker(tmp_path, "home") as (broker, keys):
        home = await broker.connect_host("home", keys[0])
        first = broker.broker.server_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: home.is_closed)
        await until(lambda: broker.broker.server_pid not in (None, first))
        await connect_when_there(broker, "home", keys[0])
    assert not psutil.pid_exists(first)


async def connect_when_there(broker: TestBroker, name: str, key: KeyPair) -> None:
    """Get in as a host, as soon as a server that is started takes anybody in."""
    for _ in range(int(PATIENCE)):
        try:
            connected = await broker.connect_host(name, key)
        except ServerUnreachableError:
            await asyncio.sleep(0.1)
        else:
            await connected.close()
            return
    pytest.fail("it never got in")


async def test_the_server_ends_with_the_bot_however_that_ends(tmp_path: Path) -> None:
    need_program("nats-server")
    for number in (signal.SIGKILL, signal.SIGTERM):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bot.broker.holder", str(tmp_path)),
            f"127.0.0.1:{unused_port()}",
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        server = int(await process.stdout.readline())
        assert os.getsid(server) != os.getsid(process.pid), "Ctrl-C in a terminal would reach both"
        process.send_signal(number)
        await process.wait()
        await until(functools.partial(has_ended, server))


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE  # nobody reaps orphans here
    except psutil.NoSuchProcess:
        return True


async def test_no_key_stands_where_other_users_could_see_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="bot")
    async with start_broker(tmp_path, "home") as (broker, keys):
        await (await broker.connect_host("home", keys[0])).close()
        assert broker.broker.server_pid is not None
        process = psutil.Process(broker.broker.server_pid)
        shown = [*process.cmdline(), *process.environ().values(), caplog.text]
        shown += [repr(broker.broker.access), str(broker.broker.access)]
        secrets = (keys[0].seed, broker.registry.bot_key().seed)
        assert not [each for each in shown if any(secret in each for secret in secrets)]
    for file in (tmp_path / "remote").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"listen": "127.0.0.1:{taken}"}, "The port of remote.listen is in use by another program"),
        ({"listen": "192.0.2.1:4222"}, "isn't an address of this machine"),
        (
            {"listen": "127.0.0.1:{free}", "server": "/nowhere/nats-server"},
            "remote.server: /nowhere/nats-server isn't a program that can be run",
        ),
        ({"listen": "127.0.0.1:{free}", "server": "/bin/false"}, "/bin/false can't be started"),
    ],
)
async def test_what_keeps_it_from_starting_is_a_sentence(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    need_program("nats-server")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"taken": taken.getsockname()[1], "free": unused_port()}
        given = {name: value.format(**ports) for name, value in settings.items()}
        with pytest.raises(BrokerError, match=said) as raised:
            async with open_broker(RemoteSettings.model_validate(given), tmp_path):
                pytest.fail("it started")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "localhost"])  # noqa: S104
async def test_the_bot_reaches_its_own_server_wherever_that_listens(
    tmp_path: Path, host: str
) -> None:
    need_program("nats-server")
    settings = RemoteSettings(listen=f"{host}:{unused_port()}", address="bot.example.com")
    async with open_broker(settings, tmp_path) as broker:
        client = await broker.connect(_nothing)
        assert client.is_connected
        await client.close()


async def _nothing() -> None:
    pass


def test_without_the_program_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BrokerError, match="apt-get install nats-server"):
        find_server("")


async def test_a_damaged_list_changes_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with start_broker(tmp_path, "home") as (broker, keys):
        file = tmp_path / "remote" / "hosts.json"
        whole = file.read_bytes()
        file.write_text("{")
        await until(lambda: "is damaged" in caplog.text)
        file.write_bytes(whole)
        broker.registry.add("rack")
        await until(lambda: "rack" in broker.broker.hosts)
        await connect_when_there(broker, "home", keys[0])
        assert caplog.text.count("is damaged") == 1


async def test_a_refusal_that_passes_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nats-server refuses whoever has yet to sign when it reads its list anew."""
    sign = client._TlsClient._connect_command
    said: list[bytes] = []

    def sign_badly_at_first(self: client._TlsClient) -> bytes:
        command = sign(self)
        said.append(command if said else re.sub(rb'"sig": ?"....', b'"sig":"AAAA', command))
        assert said[-1] != command or len(said) > 1
        return said[-1]

    monkeypatch.setattr(client._TlsClient, "_connect_command", sign_badly_at_first)
    async with start_broker(tmp_path, "home") as (broker, keys):
        home = await broker.connect_host("home", keys[0])
        assert home.is_connected
        await home.close()
    assert len(said) == 2


# -- who else may come to the port -----------------------------------------------------------------


async def test_peers_that_are_not_ours_disturb_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_config, "MAX_CONNECTIONS", 12)
    async with start_broker(tmp_path, "home", "rack") as (broker, keys):
        home = await broker.connect_host("home", keys[0])
        bot = await broker.connect_bot()
        port = broker.settings.listen_address.port
        for words in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(5000), b"CONNECT {}\r\n"):
            for _ in range(20):
                await _say(port, words)
        await _say_too_much(broker.access_of(keys[1]), port)
        crowd = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        await until(lambda: "maximum connections exceeded" in caplog.text)
        heard = await home.subscribe("hs.to.home.cpu")
        await home.flush(timeout=int(PATIENCE))
        await bot.publish("hs.to.home.cpu", b"hello")
        assert (await heard.next_msg(timeout=PATIENCE)).data == b"hello"
        for _, writer in crowd:
            writer.close()
    complaints = [each for each in caplog.messages if each.startswith("nats-server:")]
    assert 3 <= len(complaints) <= 12, complaints
    assert len(set(complaints)) == len(complaints)


async def _say(port: int, words: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        while await reader.read(1000):
            pass
    except OSError:
        pass
    writer.close()


async def _say_too_much(access: ServerAccess, port: int) -> None:
    """Be a host that announces a message that is longer than any may be, and sends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    info = json.loads((await reader.readline()).removeprefix(b"INFO "))
    await writer.start_tls(tls_context(access.ca), server_hostname="127.0.0.1")
    pair = nkeys.from_seed(bytearray(access.seed.encode()))
    signature = urlsafe_b64encode(pair.sign(info["nonce"].encode())).rstrip(b"=").decode()
    public = pair.public_key.decode()
    connect = {"nkey": public, "sig": signature, "verbose": False, "protocol": 1, "lang": "x"}
    writer.write(f"CONNECT {json.dumps(connect)}\r\nPING\r\n".encode())
    writer.write(f"PUB hs.blob.rack {MAX_PAYLOAD_BYTES + 1}\r\n".encode())
    answered = b""
    try:
        while data := await reader.read(1000):
            answered += data
    except (OSError, ssl.SSLError):
        pass
    writer.close()
    assert b"PONG" in answered, "it got in"
    assert b"Maximum Payload" in answered


async def test_one_that_cannot_be_started_again_for_now_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the machine has no room for another process."""
    server = NatsServer(tmp_path / "nats-server", tmp_path / "nats.conf")
    monkeypatch.setattr("sys.executable", str(tmp_path / "nothing"))
    keeping = asyncio.create_task(server.keep_running())
    await until(lambda: caplog.text.count("can't be started (No such file") == 2)
    assert not keeping.done()
    keeping.cancel()
