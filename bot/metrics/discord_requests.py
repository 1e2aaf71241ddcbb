"""Requests to Discord, as the HTTP client tells of them: how many, how long, how many too many."""

from __future__ import annotations

import time
from types import SimpleNamespace

import aiohttp

from bot.metrics.families import Families, begin_at_zero

_TOO_MANY = 429
_SCOPES = ("user", "shared", "global", "unknown")
_STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "429", "none")


def watch_requests(trace: aiohttp.TraceConfig, families: Families) -> None:
    """Have the requests of sessions with this ``trace`` counted."""
    begin_at_zero(families.requests, *((status,) for status in _STATUSES))
    begin_at_zero(families.rate_limited, *((scope,) for scope in _SCOPES))

    async def begin(
        _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestStartParams
    ) -> None:
        context.counted_since = time.perf_counter()

    async def end(
        _: aiohttp.ClientSession, context: SimpleNamespace, told: aiohttp.TraceRequestEndParams
    ) -> None:
        families.request_seconds.observe(time.perf_counter() - context.counted_since)
        status = told.response.status
        if status != _TOO_MANY:
            families.requests.labels(f"{status // 100}xx").inc()
            return
        families.requests.labels(str(status)).inc()
        scope = told.response.headers.get("X-RateLimit-Scope", "")
        families.rate_limited.labels(scope if scope in _SCOPES else "unknown").inc()

    async def fail(
        _: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestExceptionParams
    ) -> None:
        families.requests.labels("none").inc()

    trace.on_request_start.append(begin)
    trace.on_request_end.append(end)
    trace.on_request_exception.append(fail)
