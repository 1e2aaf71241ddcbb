"""Spans of the requests to Discord that are made for a job: the answer, the upload, the edits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp
from yarl import URL

from bot.core.logs import bound_id
from bot.tracing.spans import Span, SpanSink, new_span_id, trace_id_of

_WORD = re.compile(r"@?[a-z-]{1,24}|v\d+")  # of a path; all else is an id or a token
_MULTIPART = "multipart/"


def watch_requests(
    trace: aiohttp.TraceConfig, sink: SpanSink, parent_of: Callable[[str], int]
) -> None:
    """Have requests of sessions with this ``trace`` become spans, where they are for a job."""

    async def begin(
        _: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestStartParams
    ) -> None:
        job_id = bound_id("job")
        context.span_job = job_id if isinstance(job_id, str) else ""
        if context.span_job:
            context.span_began = time.time_ns()
            context.span_parent = parent_of(context.span_job)

    def say(context: SimpleNamespace, name: str, status: int, error: str) -> None:
        sink(
            Span(
                name=name,
                trace_id=trace_id_of(context.span_job),
                span_id=new_span_id(),
                parent_id=context.span_parent,
                start=context.span_began,
                end=time.time_ns(),
                attributes={"http.response.status_code": status} if status else {},
                error=error,
            )
        )

    async def end(
        _: aiohttp.ClientSession, context: SimpleNamespace, told: aiohttp.TraceRequestEndParams
    ) -> None:
        if not context.span_job:
            return
        status = told.response.status
        sent_as = told.response.request_info.headers.get("Content-Type", "")
        is_upload = sent_as.startswith(_MULTIPART)
        name = "upload" if is_upload else f"{told.method} {route_of(told.url)}"
        say(context, name, status, str(status) if status >= 400 else "")

    async def fail(
        _: aiohttp.ClientSession,
        context: SimpleNamespace,
        told: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        if context.span_job:
            name = f"{told.method} {route_of(told.url)}"
            say(context, name, 0, type(told.exception).__name__)

    trace.on_request_start.append(begin)
    trace.on_request_end.append(end)
    trace.on_request_exception.append(fail)


def route_of(url: URL) -> str:
    """Return a path without the ids and tokens in it."""
    parts = url.path.strip("/").split("/")
    return "/" + "/".join(part if _WORD.fullmatch(part) else "{}" for part in parts)
