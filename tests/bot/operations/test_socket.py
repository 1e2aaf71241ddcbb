"""The owner's socket: for the bot's own user alone, and whatever comes there is survived."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.core.config import Settings
from bot.core.owner_settings import OwnerSettings
from bot.operations.socket_client import NotRunningError, ask
from bot.operations.socket_server import OwnerServer, owner_socket, peer_user
from bot.operations.wire import MAX_REQUEST, SocketError, WireError, decode_answer, socket_path
from tests.bot.operations.rig import OperationsRig
from tests.patience import PATIENCE


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a short name: a socket's path has at most 108 bytes."""
    return tmp_path_factory.mktemp("s")


def settings_with(path: Path) -> Settings:
    return Settings(owner=OwnerSettings(socket=path))


async def asked(settings: Settings, do: str, **said: Any) -> Any:
    return await asyncio.to_thread(ask, settings, do, said)


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_it_is_the_users_own_and_answers(owner: OperationsRig, short: Path) -> None:
    path = short / "own" / "socket"
    settings = settings_with(path)
    async with owner_socket(owner.operations, settings):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        drained = await asked(settings, "drain")
        assert (drained.result["is_drained"], drained.error) == (True, "")
        assert "No new GIFs" in drained.text
        refusal = await asked(settings, "jobs", job="%")
        assert refusal.error.startswith("job can't be used like that")
        # several lines of one connection
        async with connected(path) as (reader, writer):
            for do in ("resume", "blocked"):
                writer.write(json.dumps({"version": 1, "do": do}).encode() + b"\n")
                assert decode_answer(await reader.readline()).error == ""
    assert not path.exists()
    with pytest.raises(NotRunningError, match="No bot takes commands"):
        await asked(settings, "status")


HOSTILE = {
    b"\n": "it isn't JSON",
    b"{}\n": "version 1 is spoken",
    b"[1]\n": "version 1 is spoken",
    b'{"version": 2, "do": "status"}\n': "version 1 is spoken",
    b'{"version": 1}\n': "is expected",
    b'{"version": 1, "do": ["status"]}\n': "is expected",
    b'{"version": 1, "do": "status", "with": []}\n': "is expected",
    b'{"version": 1, "do": "status", "with": {"x": 1}}\n': "x can't be used like that",
    b'{"version": 1, "do": "\\ud800"}\n': "There is no",
    b"[" * 50_000 + b"\n": "it isn't JSON",
    b"\xff\xfe\n": "it isn't JSON",
    b'{"version": 1, "do": "announce", "with": {"text": 7}}\n': "text can't be used like that",
    b'{"version": 1, "do": "block", "with": {"user": 1e400}}\n': "user can't be used like that",
}


async def test_hostile_lines_are_answered_by_a_sentence(owner: OperationsRig, short: Path) -> None:
    path = short / "own" / "socket"
    async with owner_socket(owner.operations, settings_with(path)):
        for line, words in HOSTILE.items():
            async with connected(path) as (reader, writer):
                writer.write(line)
                answer = decode_answer(await reader.readline())
                assert words in answer.error, line[:80]
                assert "\n" not in answer.error
        async with connected(path) as (reader, writer):  # a line without end
            writer.write(b"x" * (3 * MAX_REQUEST))
            assert "at most" in decode_answer(await reader.readline()).error
        async with connected(path) as (reader, writer):  # half a line
            writer.write(b'{"version": 1, "do": "sta')
        crowd = [await asyncio.open_unix_connection(path) for _ in range(40)]
        refusals = [await reader.readline() for reader, _ in crowd[30:]]
        assert all("Too many" in decode_answer(line).error for line in refusals)
        for _, writer in crowd:
            writer.close()
        async with asyncio.timeout(PATIENCE):
            while (await asked(settings_with(path), "status")).error:
                pass  # till they are gone


async def test_other_users_are_refused(owner: OperationsRig, short: Path) -> None:
    server = OwnerServer(owner.operations, frozenset({os.geteuid() + 1}))
    path = short / "socket"
    async with await asyncio.start_unix_server(server.serve, path):
        answer = await asked(settings_with(path), "drain")
    assert "Only the user" in answer.error
    assert not owner.rig.jobs.holds.is_drained


def test_whose_the_other_end_is() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_user(ours) == os.geteuid()


async def test_a_dead_bots_socket_is_replaced_and_a_living_ones_isnt(
    owner: OperationsRig, short: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = short / "own" / "socket"
    settings = settings_with(path)
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotRunningError):
        await asked(settings, "status")
    async with owner_socket(owner.operations, settings):
        assert (await asked(settings, "blocked")).error == ""
        async with owner_socket(owner.operations, settings):
            assert "Another bot takes commands" in caplog.text
        assert (await asked(settings, "blocked")).error == ""


async def test_a_bot_runs_without_a_socket_that_cant_be_made(
    owner: OperationsRig, short: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (short / "open").mkdir(mode=0o755)
    (short / "open").chmod(0o755)
    (short / "own").mkdir(mode=0o700)
    (short / "own" / "file").write_text("precious")
    cases = {
        short / "open" / "socket": "is open to others",
        short / "own" / "file": "isn't a socket",
        short / "gone" / "there" / "socket": "can't be made",
        short / ("x" * 110): "longer than the 103 bytes",
    }
    for path, words in cases.items():
        caplog.clear()
        async with owner_socket(owner.operations, settings_with(path)):
            assert words in caplog.text
    assert (short / "own" / "file").read_text() == "precious"
    with pytest.raises(SocketError, match=r"owner\.socket"):
        socket_path(settings_with(short / ("x" * 110)))


async def test_an_answer_that_is_none(short: Path) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"version": 1, "ok": true}\n')
        writer.close()

    path = short / "socket"
    async with await asyncio.start_unix_server(babble, path):
        with pytest.raises(SocketError, match="can't be understood"):
            await asked(settings_with(path), "status")
    with pytest.raises(WireError):
        decode_answer(b'{"version": 1, "ok": false, "error": ""}')
