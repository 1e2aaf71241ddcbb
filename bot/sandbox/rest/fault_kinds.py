"""What goes wrong with a request: it is refused, answered late, or its connection breaks.

Each fault comes before the request has had its effect, or ``after`` it: then the bot's request
got through, and the bot doesn't know.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.rest.fault_injection import RequestMatcher
from bot.sandbox.rest.routes import json_response

# Discord's refusals by their code: the status that each comes with, and its words.
REFUSALS: dict[int, tuple[int, str]] = {
    10003: (404, "Unknown Channel"),
    10008: (404, "Unknown Message"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    20028: (429, "The write action you are performing on the channel has hit the write rate limit"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    50001: (403, "Missing Access"),
    50007: (403, "Cannot send messages to this user"),
    50013: (403, "Missing Permissions"),
    50027: (401, "Invalid Webhook Token"),
}

_BROKEN = 499  # as proxies note a connection that ended before its answer; never sent
_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
# Discord itself answers these with JSON; whatever stands before it, with a page.
_PAGES = {502: "502 Bad Gateway", 503: "503 Service Unavailable", 504: "504 Gateway Timeout"}


@dataclass
class RequestFault(RequestMatcher, ABC):
    """A fault injected before the request's effect, or ``after`` it."""

    after: bool = field(default=False, kw_only=True)

    async def act(self, request: web.Request) -> web.StreamResponse | None:
        return None if self.after else await self.inject(request)

    async def afterwards(
        self, request: web.Request, response: web.StreamResponse
    ) -> web.StreamResponse:
        struck = await self.inject(request) if self.after else None
        return struck or response

    @abstractmethod
    async def inject(self, request: web.Request) -> web.StreamResponse | None:
        """Return the answer in place of the real one, or None where that may come all the same."""


@dataclass
class Refusal(RequestFault):
    """Answers with a status and Discord's error body, or the page of what stands before Discord.

    ``code`` alone is enough where Discord has it in ``REFUSALS``. A 429 says when to come again
    (``retry_after`` seconds); with ``via`` False it is the outer wall's, in a header of its page.
    """

    status: int = 0
    code: int = 0
    message: str = ""
    retry_after: float = 0.1
    is_global: bool = False
    via: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        status, message = REFUSALS.get(self.code, (503, "Trouble on demand"))
        self.status = self.status or status
        self.message = self.message or message

    async def inject(self, request: web.Request) -> web.StreamResponse:
        if not self.after:
            await _drain_body(request)
        if self.status == 429:
            return self._rate_limited()
        if self.status in _PAGES:
            text = _PAGE.format(_PAGES[self.status])
            return web.Response(text=text, status=self.status, content_type="text/html")
        return json_response({"message": self.message, "code": self.code}, self.status)

    def _rate_limited(self) -> web.Response:
        if not self.via:
            text = _PAGE.format("429 Too Many Requests")
            page = web.Response(text=text, status=429, content_type="text/html")
            page.headers["Retry-After"] = str(self.retry_after)
            return page
        body: dict[str, Any] = {
            "message": "You are being rate limited.",
            "retry_after": self.retry_after,
            "global": self.is_global,
        }
        response = json_response(body | ({"code": self.code} if self.code else {}), 429)
        response.headers["Via"] = "1.1 google"
        response.headers["Retry-After"] = str(self.retry_after)
        response.headers["X-RateLimit-Scope"] = "global" if self.is_global else "user"
        if self.is_global:
            response.headers["X-RateLimit-Global"] = "true"
        return response


@dataclass
class HtmlPage(RequestFault):
    """Answers with a page where JSON belongs, as a proxy does that has words of its own."""

    status: int = 200

    async def inject(self, request: web.Request) -> web.StreamResponse:
        if not self.after:
            await _drain_body(request)
        text = _PAGE.format("One moment, please")
        response = web.Response(text=text, status=self.status, content_type="text/html")
        if self.status == 429:
            response.headers["Via"] = "1.1 google"
        return response


@dataclass
class Delay(RequestFault):
    """Answers as always, ``seconds`` late: with its effect, or ``after`` it the answer alone."""

    seconds: float = 1.0

    async def inject(self, _request: web.Request) -> None:
        await asyncio.sleep(self.seconds)


@dataclass
class Reset(RequestFault):
    """Breaks the connection, so that the client reads "connection reset by peer".

    Before the effect, once ``received`` bytes of the body have come (0: at once): where the body is
    longer than that, in mid-upload. ``after`` the effect, the answer is lost.
    """

    received: int = 0

    async def inject(self, request: web.Request) -> web.StreamResponse:
        left = 0 if self.after else self.received
        while left > 0 and (chunk := await request.content.read(left)):
            left -= len(chunk)
        reset_connection(request)
        return web.Response(status=_BROKEN)


async def _drain_body(request: web.Request) -> None:
    """Read the body to its end, however long, so that the client hears the answer."""
    async for _ in request.content.iter_any():
        pass


def reset_connection(request: web.Request) -> None:
    """Reset the connection; nothing that is written afterwards arrives."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:  # to linger for no time is what makes it a reset
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
