"""A connection to a NATS server that lasts: made anew, for ever, whenever it is lost.

nats-py can connect again by itself, but keeps what was published meanwhile and says it later, when
it is no longer true, and gives up after a while. So each connection is a client of its own here;
whoever speaks is told at once that nobody hears. A link that is cut ends no TCP connection, so the
server is asked every other second whether it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError

from generator.link.errors import LinkError

logger = logging.getLogger(__name__)

Handler = Callable[[Msg], None]
Connect = Callable[[Callable[[], Awaitable[None]]], Awaitable[Client]]
"""Connects once; what it is given is called when that connection is over. Raises LinkError."""

_FIRST_DELAY, _LONGEST_DELAY = 0.25, 10.0  # seconds between two tries
_ASK_SECONDS, _ANSWER_SECONDS = 2.0, 3.0
_GATHER_SECONDS = 0.002  # what is said so soon after the last that left goes together
_MOST_WAITING_BYTES = 32 * 2**20  # of what was said and hasn't left
_PENDING_BYTES = 32 * 2**20  # of one subscription's, not yet taken in; more are lost


class NotConnectedError(ConnectionError):
    """The connection is lost, or nobody answers at the other end of it."""


class LastingLink:
    """Subscribes ``handlers``, by subject, on each connection; they must not block.

    ``on_connected`` and ``on_trouble`` (a sentence, once for each reason) are for the log.
    """

    def __init__(
        self,
        connect: Connect,
        handlers: Mapping[str, Handler],
        *,
        on_connected: Callable[[], None] = lambda: None,
        on_trouble: Callable[[LinkError], None] = lambda _: None,
    ) -> None:
        self._connect = connect
        self._handlers = handlers
        self._on_connected = on_connected
        self._on_trouble = on_trouble
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._outbox: deque[tuple[str, bytes]] = deque()
        self._outbox_bytes = 0
        self._has_mail = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def is_connected(self) -> bool:
        return self._client is not None and not self._lost.is_set()

    def publish(self, subject: str, frame: bytes) -> bool:
        """Send a frame; False where that can't be, and the frame is dropped."""
        if not self.is_connected or self._outbox_bytes > _MOST_WAITING_BYTES:
            return False
        self._outbox.append((subject, frame))
        self._outbox_bytes += len(frame)
        self._has_mail.set()
        return True

    async def request(self, subject: str, frame: bytes, seconds: float) -> bytes:
        """Return the answer to a frame. Raises NotConnectedError, also after so many seconds."""
        client = self._client
        if client is None or self._lost.is_set():
            raise NotConnectedError("there is no connection")
        asking = asyncio.ensure_future(client.request(subject, frame, timeout=seconds))
        asking.add_done_callback(_retrieve)  # nobody may be waiting any more
        losing = asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({asking, losing}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise NotConnectedError("the connection was lost")
            return asking.result().data
        except NoRespondersError as error:
            raise NotConnectedError("nobody is there") from error
        except (Error, OSError) as error:
            raise NotConnectedError(str(error) or "no answer") from error
        finally:
            asking.cancel()
            losing.cancel()

    def drop(self) -> None:
        """Give up this connection and make another."""
        self._lost.set()

    async def run(self) -> None:
        """Keep a connection until cancelled."""
        logging.getLogger("asyncio").addFilter(_is_worth_a_line)
        delay, said = _FIRST_DELAY, ""
        while True:
            try:
                self._lost = asyncio.Event()
                client = await self._connect(self._on_closed(self._lost))
            except LinkError as error:
                if str(error) != said:
                    said = str(error)
                    self._on_trouble(error)
            else:
                delay, said = _FIRST_DELAY, ""
                await self._serve(client)
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, _LONGEST_DELAY)

    async def close(self) -> None:
        """Send what was said, for a moment, and close the connection."""
        with contextlib.suppress(TimeoutError, Error, OSError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                if self._client is not None:
                    await self._send_outbox(self._client, self._lost)
                    await self._client.flush(int(_ANSWER_SECONDS))

    @staticmethod
    def _on_closed(lost: asyncio.Event) -> Callable[[], Awaitable[None]]:
        async def closed() -> None:
            lost.set()

        return closed

    async def _serve(self, client: Client) -> None:
        """Use a connection until it is lost."""
        lost = self._lost
        self._outbox.clear()
        self._outbox_bytes = 0
        tasks: list[asyncio.Task[Any]] = []
        try:
            for subject, handler in self._handlers.items():
                await client.subscribe(
                    subject, cb=_as_coroutine(handler), pending_bytes_limit=_PENDING_BYTES
                )
            self._client = client
            self._on_connected()
            tasks = [
                asyncio.create_task(work, name="link")
                for work in (self._send(client, lost), self._ask(client, lost), lost.wait())
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except (Error, OSError) as error:
            logger.debug("a connection was lost: %s", error)
        finally:
            lost.set()
            self._client = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            closing = asyncio.create_task(_close(client), name="link closes")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _send(self, client: Client, lost: asyncio.Event) -> None:
        """Send what is said until ``lost``: a client that publishes drops its cancellation."""
        loop, sent_at = asyncio.get_running_loop(), 0.0
        while not lost.is_set():
            await self._has_mail.wait()
            if (left := sent_at + _GATHER_SECONDS - loop.time()) > 0:
                await asyncio.sleep(left)
            self._has_mail.clear()
            await self._send_outbox(client, lost)
            sent_at = loop.time()

    async def _send_outbox(self, client: Client, lost: asyncio.Event) -> None:
        while self._outbox and not lost.is_set():
            subject, frame = self._outbox.popleft()
            self._outbox_bytes -= len(frame)
            await client.publish(subject, frame)

    @staticmethod
    async def _ask(client: Client, lost: asyncio.Event) -> None:
        """Raise an error once the server doesn't answer."""
        while not lost.is_set():
            await asyncio.sleep(_ASK_SECONDS)
            async with asyncio.timeout(_ANSWER_SECONDS * 2):
                await client.flush(int(_ANSWER_SECONDS))


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return False for what asyncio says of every client of nats-py that ends over TLS."""
    return "eof_received() has no effect when using ssl" not in str(record.msg)


def _retrieve(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _as_coroutine(handler: Handler) -> Callable[[Msg], Awaitable[None]]:
    async def handle(message: Msg) -> None:
        try:
            handler(message)
        except Exception:  # nats-py would only hand it to a callback
            logger.exception("a message on %s couldn't be handled", message.subject)

    return handle


async def _close(client: Client) -> None:
    """Close a client whose link may be cut: then nothing that waits for the other side ends."""
    with contextlib.suppress(TimeoutError, Error, OSError, asyncio.CancelledError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            await client.close()
    writer = getattr(getattr(client, "_transport", None), "_io_writer", None)
    if writer is not None:
        writer.transport.abort()
