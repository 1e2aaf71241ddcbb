"""Trouble on demand: what goes wrong with a request before the sandbox looks at it.

A fault is asked about every REST request, in the order they were queued; the first that takes
one answers it. Slow answers and broken connections have their place here beside ``Refusal``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from aiohttp import web

from bot.sandbox.rest import answer


class Fault(Protocol):
    def takes(self, method: str, path: str) -> bool:
        """Whether this request is hit; one that is counts."""
        ...

    async def act(self, request: web.Request, /) -> web.StreamResponse | None:
        """The answer in place of the real one; None lets the request through after all."""
        ...


@dataclass(slots=True)
class Matching:
    """The next ``times`` requests of ``method`` ("*" for any) to a path like ``pattern``."""

    method: str
    pattern: str
    times: int = 1

    def takes(self, method: str, path: str) -> bool:
        hit = self.times > 0 and self.method in ("*", method) and fnmatchcase(path, self.pattern)
        self.times -= hit
        return hit


@dataclass(slots=True)
class Refusal(Matching):
    """Answers with a status and Discord's error body; 429 says when to come again."""

    status: int = 503
    code: int = 0
    message: str = "Trouble on demand"
    retry_after: float = 0.1

    async def act(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        headers: dict[str, str] = {}
        if self.status == 429:
            body |= {"retry_after": self.retry_after, "global": False}
            headers = {"Via": "1.1 google", "Retry-After": str(self.retry_after)}
        response = answer(body, self.status)
        response.headers.update(headers)
        return response


@dataclass(slots=True)
class Delay(Matching):
    """Answers as always, ``seconds`` late."""

    seconds: float = 1.0

    async def act(self, _request: web.Request) -> None:
        await asyncio.sleep(self.seconds)


class Faults:
    """The queue of trouble still to come."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._queue.append(fault)

    async def strike(self, request: web.Request, path: str) -> web.StreamResponse | None:
        """The answer of the first fault that takes this request; None where none does."""
        for fault in self._queue:
            if fault.takes(request.method, path):
                return await fault.act(request)
        return None
