"""Connecting to what isn't the bot's server: each is a sentence, and nothing is said to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nkeys
import pytest

from generator.link.client import ServerAccess, connect, tls_context
from generator.link.errors import LinkError, ServerUnreachableError, ServerUntrustedError

SEED = nkeys.encode_seed(b"s" * 32, nkeys.PREFIX_BYTE_USER).decode()


@asynccontextmanager
async def serving(
    first_words: bytes, *, then: bytes = b"", hangs_up: bool = False
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that begins with these words; yields its port and what it was told."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first_words)
        if hangs_up:
            writer.close()
            return
        while data := await reader.read(1000):
            heard.append(data)
            writer.write(then)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


async def refused(port: int, seconds: float = 10.0) -> LinkError:
    access = ServerAccess(url=f"tls://127.0.0.1:{port}", seed=SEED)
    closed: list[bool] = []

    async def on_closed() -> None:
        closed.append(True)

    with pytest.raises(LinkError) as raised:
        await connect(access, name="test", on_closed=on_closed, connect_seconds=seconds)
    assert not closed, "there was nothing to close"
    assert SEED not in str(raised.value)
    assert f"127.0.0.1:{port}" in str(raised.value)
    return raised.value


@pytest.mark.parametrize("required", [b"", b',"tls_required":false,"tls_available":true'])
async def test_a_server_that_asks_for_no_tls_is_told_nothing(required: bytes) -> None:
    info = b'INFO {"auth_required":true,"nonce":"abc","max_payload":1000%s}\r\n' % required
    async with serving(info) as (port, heard):
        error = await refused(port)
    assert isinstance(error, ServerUntrustedError)
    assert "TLS" in str(error)
    assert heard == []


async def test_a_server_without_tls_behind_its_word_is_not_trusted() -> None:
    info = b'INFO {"auth_required":true,"nonce":"abc","tls_required":true}\r\n'
    async with serving(info, then=b"+OK\r\n" * 20) as (port, _):
        error = await refused(port)
    assert isinstance(error, ServerUntrustedError)
    assert "doesn't speak TLS" in str(error)


@pytest.mark.parametrize(
    "words",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"INFO {]\r\n", b"\xff\n"],
)
async def test_another_program_is_no_nats_server(words: bytes) -> None:
    async with serving(words) as (port, _):
        error = await refused(port)
    assert isinstance(error, ServerUntrustedError)
    assert "isn't a NATS server" in str(error)


async def test_one_that_hangs_up_or_says_nothing_is_out_of_reach() -> None:
    async with serving(b"", hangs_up=True) as (port, _):
        await refused(port)
    async with serving(b"") as (port, _):
        assert isinstance(await refused(port, seconds=0.1), ServerUnreachableError)


async def test_a_port_that_nobody_has_is_out_of_reach() -> None:
    async with serving(b"") as (port, _):
        pass
    assert isinstance(await refused(port), ServerUnreachableError)


def test_a_damaged_certificate_has_its_sentence() -> None:
    with pytest.raises(LinkError, match="can't be read"):
        tls_context("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
