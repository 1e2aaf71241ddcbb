"""Requests that are made for a job are spans of its trace, and no others are."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.core.logs import job_context
from bot.tracing.discord_spans import watch_requests
from bot.tracing.spans import Span

JOB = "0f" * 16


async def answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=404 if "gone" in request.path else 200)


async def test_what_is_asked_for_a_job_is_in_its_trace() -> None:
    spans: list[Span] = []
    trace = aiohttp.TraceConfig()
    watch_requests(trace, spans.append, lambda job_id: int(job_id[:8], 16))
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession(trace_configs=[trace]) as client,
    ):
        await client.get(server.make_url("/nobodys"))
        with job_context(JOB, user=7):
            await client.get(server.make_url("/channels/123/messages/gone"))
            form = aiohttp.FormData()
            form.add_field("file", b"a GIF", filename="a.gif")
            await client.post(server.make_url("/channels/123/messages"), data=form)
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(f"http://127.0.0.1:{unused_port()}/users/@me")
    found = [(span.name, span.error, dict(span.attributes)) for span in spans]
    assert found == [
        ("GET /channels/{}/messages/gone", "404", {"http.response.status_code": 404}),
        ("upload", "", {"http.response.status_code": 200}),
        ("GET /users/@me", "ClientConnectorError", {}),
    ]
    assert {(span.trace_id, span.parent_id) for span in spans} == {(int(JOB, 16), 0x0F0F0F0F)}
