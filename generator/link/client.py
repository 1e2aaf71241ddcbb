"""Connects to a NATS server once, over verified TLS; what is then said is not its business.

nats-py takes ``tls://`` for a wish: where the server's first line, which comes before TLS, doesn't
ask for it, all goes on in the clear. Whoever sits between the two could write that line, so the
client here signs and sends nothing before TLS is up.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error

from generator.contract.subjects import INBOX
from generator.link.errors import KeyRefusedError, LinkError, ServerUntrustedError, explain

CONNECT_SECONDS = 10.0  # for each of TCP, TLS and the server's answer
_ASK_AGAIN_SECONDS = 0.5  # a server has read its list of keys by then
_PING_SECONDS = 2  # two that aren't answered end a connection

Callback = Callable[[], Awaitable[None]]
ErrorCallback = Callable[[Exception], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccess:
    """Where a server is, how to know it, and who to be there.

    ``url`` is ``tls://host:port``, and ``seed`` an nkey's. ``ca`` is the certificate, in PEM, of
    who signs the server's; without one, those count that the system trusts.
    """

    url: str
    seed: str = field(repr=False)
    ca: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """Return the host and the port, for sentences."""
        return urlsplit(self.url).netloc


async def connect(
    access: ServerAccess,
    *,
    name: str,
    inbox_prefix: str = INBOX,
    on_closed: Callback | None = None,
    on_error: ErrorCallback | None = None,
    connect_seconds: float = CONNECT_SECONDS,
) -> Client:
    """Return a client that is connected; it doesn't connect again by itself.

    ``on_closed`` is called when the connection is over, for whatever reason: connect anew then.
    ``on_error`` hears of what the server forbids, among other things. Raises LinkError; a refusal
    of the key is only believed the second time, since nats-server refuses whoever has yet to sign
    while it reads its list of keys anew.
    """
    connect_once = partial(
        _connect_once,
        access,
        name=name,
        inbox_prefix=inbox_prefix,
        on_closed=on_closed,
        on_error=on_error,
        connect_seconds=connect_seconds,
    )
    try:
        return await connect_once()
    except KeyRefusedError:
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
        return await connect_once()


async def _connect_once(
    access: ServerAccess,
    *,
    name: str,
    inbox_prefix: str,
    on_closed: Callback | None,
    on_error: ErrorCallback | None,
    connect_seconds: float,
) -> Client:
    client = _TlsClient()
    is_open = False

    async def closed() -> None:
        if is_open and on_closed is not None:
            await on_closed()

    async def failed(error: Exception) -> None:
        if not is_open:
            raise error  # else nats-py would try again, as often as it thinks fit
        if on_error is not None:
            await on_error(error)

    try:
        await client.connect(
            access.url,
            name=name,
            nkeys_seed_str=access.seed,
            tls=tls_context(access.ca),
            inbox_prefix=inbox_prefix,
            closed_cb=closed,
            error_cb=failed,
            allow_reconnect=False,
            connect_timeout=connect_seconds,  # type: ignore[arg-type]  # it is only waited for
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=2,
        )
    except BaseException as error:
        client.abandon()
        if isinstance(error, OSError | Error | ValueError | LinkError):
            raise explain(error, access.address) from error
        raise
    is_open = True
    return client


def tls_context(ca: str) -> ssl.SSLContext:
    """Return what verifies a server's certificate and name, and trusts no one else than ``ca``.

    Raises LinkError where that is no certificate.
    """
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as error:
        raise LinkError("The certificate of the server's authority can't be read.") from error
    if ca:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class _TlsClient(Client):
    """A client that says nothing to a server that doesn't ask for TLS, and flushes in order."""

    async def flush(self, timeout: int = int(CONNECT_SECONDS)) -> None:  # noqa: ASYNC109
        """Wait until the server has taken all that was said before.

        nats-py's own asks it ahead of what is still to be written, and so may return before a
        subscription has reached it.
        """
        await self._flush_pending(force_flush=True)
        await super().flush(timeout)

    def _connect_command(self) -> bytes:
        """Return the first command; nats-py has brought TLS up by now if it ever does."""
        if not self._server_info.get("tls_required"):
            server = self._current_server
            raise ServerUntrustedError(
                f"The server at {server.uri.netloc if server else 'this address'} doesn't ask for "
                "TLS, so it isn't the bot's, or somebody is in between; nothing was sent to it."
            )
        command: bytes = super()._connect_command()
        return command

    def abandon(self) -> None:
        """Hang up on a server that the client never got in at.

        ``close`` would wait for the end of a TLS that never began.
        """
        transport: Any = self._transport
        if transport:  # false where TCP didn't come up
            transport.close()
