"""Starts that fail end in one sentence and exit code 2; logs hold no token."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from bot.__main__ import main
from bot.sandbox import Person, Refusal, Sandbox
from bot.sandbox.rest.fault_injection import RequestMatcher
from bot.storage.migrate import known_revisions
from tests.bot.end_to_end.process import Bot, Setup, run_command, run_to_end, running
from tests.bot.fork_server import ROOT
from tests.bot.sandboxes import make_sandbox
from tests.patience import PATIENCE


class ForeignGateway(RequestMatcher):
    """A REST side on this machine that names a gateway that isn't."""

    async def act(self, _request: web.Request) -> web.Response:
        limits = {"total": 1, "remaining": 1, "reset_after": 1, "max_concurrency": 1}
        body = {"url": "wss://gateway.example.com", "shards": 1, "session_start_limit": limits}
        return web.Response(body=json.dumps(body), content_type="application/json")


async def refused(setup: Setup, command: str = "run", **values: dict[str, object]) -> str:
    """The one line that such a start ends with."""
    code, printed = await run_to_end(setup.write(**values), command)
    assert code == 2, printed
    last = printed.strip().splitlines()[-1]
    assert last.startswith("hotshot-bot: ")
    assert last.endswith(".")
    assert "Traceback" not in printed
    return last


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "hotshot-bot: the following arguments are required: COMMAND; see hotshot-bot --help."),
        ("doctr", "hotshot-bot: COMMAND: invalid choice: 'doctr' (do you mean doctor?); see "),
        (
            "run --confg x",
            "hotshot-bot run: unrecognized arguments: --confg x (do you mean --config",
        ),
        ("sandbox --port x", "hotshot-bot sandbox: --port: 'x' is not a whole number; see "),
    ],
)
def test_a_line_that_makes_no_sense_is_one_sentence(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(said)
    assert printed.count("\n") == 1


async def test_no_token(setup: Setup) -> None:
    sentence = await refused(setup, discord={"token": " "})
    assert "hotshot-bot sandbox" in sentence
    assert "README" in sentence


async def test_a_wrong_token(setup: Setup) -> None:
    assert "refuses the bot's token" in await refused(setup, discord={"token": "wrong"})


async def test_a_foreign_base_url(setup: Setup) -> None:
    sentence = await refused(setup, discord={"base_url": "http://192.0.2.1:9"})
    assert "allow_foreign_base_url" in sentence


async def test_a_gateway_elsewhere(setup: Setup, discord: Sandbox) -> None:
    discord.add_fault(ForeignGateway("GET", "/gateway/bot"))
    sentence = await refused(setup)
    assert "wss://gateway.example.com" in sentence
    assert "allow_foreign_base_url" in sentence


async def test_a_broken_config(setup: Setup) -> None:
    sentence = await refused(setup, queue={"size": "many"})
    assert "config.toml: queue.size" in sentence
    assert "valid integer" in sentence


async def test_a_model_that_is_not_there(setup: Setup) -> None:
    sentence = await refused(setup, generator={"model": "/nowhere/at/all"})
    assert "There is no model directory at /nowhere/at/all" in sentence


async def test_a_data_directory_that_is_a_file(setup: Setup) -> None:
    setup.data.touch()
    assert "storage.data_dir" in await refused(setup)


@pytest.mark.parametrize("command", ["run", "db upgrade"])
async def test_a_database_of_a_newer_version(setup: Setup, command: str) -> None:
    setup.data.mkdir()
    with sqlite3.connect(setup.data / "hotshot.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    assert "newer version (revision 9999" in await refused(setup, command)


async def test_a_file_that_is_no_database(setup: Setup) -> None:
    setup.data.mkdir()
    (setup.data / "hotshot.db").write_text("certainly not" * 100)
    assert "can't be used (file is not a database)" in await refused(setup)


async def test_a_second_bot_on_the_same_data(setup: Setup, discord: Sandbox) -> None:
    config = setup.write()
    async with running(config, discord) as bot:
        second = await Bot.start(config)
        assert await second.process.wait() == 2
        assert f"Another hotshot-bot (process {bot.process.pid}) already uses" in bot.log


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    """As ``hotshot-bot status | head -1`` is, once head has left."""
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\ndata_dir = "{tmp_path / "data"}"\n')
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "bot", "status", "--config", str(config)]
    with open(write, "wb") as nobody:  # noqa: PTH123 - a pipe
        ended = subprocess.run(
            command, check=False, cwd=ROOT, stdout=nobody, stderr=subprocess.PIPE
        )
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


async def test_the_sandbox_command(tmp_path: Path) -> None:
    """Serves until stopped; a port that is taken is a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, printed = await run_command(tmp_path, "sandbox", "--port", str(port))
    assert code == 2
    assert printed == (
        f"hotshot-bot: The sandbox can't listen on port {port} (address already in use); choose "
        "another with --port.\n"
    )
    code, printed = await run_command(tmp_path, "sandbox", "--port", "99999")
    assert (code, "(ports are from 0 to 65535)" in printed) == (2, True)
    serving = await Bot.launch(tmp_path / "log", "sandbox", "--port", "0", "--token", "abc")
    await serving.logged("The bot's token there is abc")
    assert await serving.stop(signal.SIGINT) == 0


async def test_discord_that_comes_late(tmp_path: Path) -> None:
    """Nobody listens there yet; the bot waits, without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    discord = make_sandbox(port=port, token="known beforehand")
    discord.world.url = f"http://127.0.0.1:{port}"
    bot = await Bot.start(Setup(tmp_path, discord).write())
    try:
        await bot.logged("Discord can't be reached, trying again in 1 s")
        async with discord:
            await discord.connected()
            assert await bot.stop() == 0
        assert "Traceback" not in bot.log
    finally:
        await bot.stop()


async def test_no_token_is_ever_logged(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(log={"level": "DEBUG"}), discord) as bot:
        sent = await ada.slash("gif", prompt="x", steps=100)
        message = await sent.message(lambda message: message.buttons)
        pressed = await ada.press(message, "Cancel")
        await sent.message(lambda message: "Cancelled" in message.text)
        shown = await ada.slash("history")
        await shown.message()
    assert f"job={setup.rows()[0]['id']} " in bot.log
    assert "INTERACTION_CREATE" in bot.log
    for secret in (discord.token, sent.token, pressed.token, shown.token):
        assert secret not in bot.log


async def test_db_upgrade(setup: Setup) -> None:
    code, printed = await run_to_end(setup.write(), "db upgrade")
    assert code == 0
    newest = known_revisions()[-1]
    assert printed.endswith(f"The database is at revision {newest}; before, it was new.\n")


async def test_status(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "hangs:create"
    config = setup.write(generator={"devices": "cpu:2"})
    code, printed = await run_to_end(config, "status")
    assert (code, printed) == (3, "bot        not running\n")
    async with running(config, discord) as bot:
        for _ in range(3):
            await (await ada.slash("gif", prompt="x")).acknowledged()
        await bot.logged("running, attempt 1", times=2)
        busy = await _status_that(setup, lambda shown: shown.count("busy") == 2)
        assert f"running, process {bot.process.pid}" in busy
        assert "queued     1" in busy
        assert "running    2" in busy
        assert {"worker 1   cpu", "worker 2   cpu"} <= {line[:14] for line in busy.splitlines()}
        for worker in bot.workers():  # either may have been started first
            assert f"cpu: busy, process {worker.pid}, float32" in busy
        [killed, survivor] = bot.workers()
        killed.kill()
        gone, stays = f"process {killed.pid}", f"cpu: busy, process {survivor.pid}"
        await _status_that(setup, lambda shown: gone not in shown and stays in shown)
        await bot.stop(signal.SIGKILL)
    code, printed = await run_command(setup.directory, "status", "--config", str(config))
    assert "not running" in printed


async def _status_that(setup: Setup, holds: Callable[[str], bool]) -> str:
    """What ``status`` prints, once it ``holds``."""
    config = setup.directory / "config.toml"
    deadline = time.monotonic() + PATIENCE
    while True:
        log = setup.directory / "status.log"
        log.unlink(missing_ok=True)
        asked = await Bot.launch(log, "status", "--config", str(config))
        assert await asked.process.wait() == 0
        if holds(asked.log):
            return asked.log
        assert time.monotonic() < deadline, asked.log


async def test_an_address_that_discord_keeps_out_for_a_while(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """The outer wall's 429, as shared hosts meet it: leaving would only bring the next start."""
    discord.add_fault(Refusal("GET", "/users/@me", status=429, via=False, retry_after=0.2))
    async with running(setup.write(), discord) as bot:
        assert "Discord asks to come back in 0.2 s" in bot.log
        await (await ada.slash("gif", prompt="x")).acknowledged()
