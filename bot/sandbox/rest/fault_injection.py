"""Fault injection: which request is hit, and when. ``fault_kinds`` says what happens to it.

A fault is asked about every REST request and every file of the CDN, in the order they were queued;
the first that takes one hits it, before the sandbox looks at the request or after it has answered.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from aiohttp import web


class Fault(Protocol):
    def takes(self, request: web.Request, path: str) -> bool:
        """Return whether this request is hit, and count it if it is."""
        ...

    async def act(self, request: web.Request, /) -> web.StreamResponse | None:
        """Return the answer in place of the real one, or None to let the request through.

        With an answer, the request has no effect.
        """
        ...

    async def afterwards(
        self, request: web.Request, response: web.StreamResponse, /
    ) -> web.StreamResponse:
        """Return what is sent, after all has happened, instead of the real answer."""
        ...


@dataclass
class RequestMatcher:
    """Decides which requests are hit.

    Those are the next ``times`` (None: all) of ``method`` ("*": any) to a path like ``pattern``.
    The first ``skip`` of them pass; each of the others is hit with a ``chance``, drawn by ``seed``.
    Only those that are hit use up ``times``. ``uploads`` True takes those with files alone, False
    those without.
    """

    method: str
    pattern: str
    times: int | None = 1
    skip: int = field(default=0, kw_only=True)
    chance: float = field(default=1.0, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    uploads: bool | None = field(default=None, kw_only=True)
    hits: int = field(default=0, init=False)  # how many it has hit so far
    _random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def takes(self, request: web.Request, path: str) -> bool:
        if self.times == 0 or not self._fits(request, path):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self._random.random() >= self.chance:
            return False
        if self.times is not None:
            self.times -= 1
        self.hits += 1
        return True

    def _fits(self, request: web.Request, path: str) -> bool:
        if self.method not in ("*", request.method) or not fnmatchcase(path, self.pattern):
            return False
        has_files = request.content_type == "multipart/form-data"
        return self.uploads is None or self.uploads == has_files

    async def afterwards(
        self, _request: web.Request, response: web.StreamResponse
    ) -> web.StreamResponse:
        """Return the answer as it is: a fault comes before it, unless its kind says otherwise."""
        return response


class FaultQueue:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._queue.append(fault)

    def clear(self) -> None:
        """Drop every fault, apart from those under way."""
        self._queue.clear()

    def claim(self, request: web.Request, path: str) -> Fault | None:
        """Return the first fault that takes this request, or None."""
        return next((fault for fault in self._queue if fault.takes(request, path)), None)
