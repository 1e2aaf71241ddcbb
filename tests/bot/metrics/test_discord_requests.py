"""Requests are counted as a real client's session tells of them."""

from __future__ import annotations

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.metrics.discord_requests import watch_requests
from bot.metrics.families import Families


async def answer(request: web.Request) -> web.Response:
    scope = request.query.get("scope", "")
    headers = {"X-RateLimit-Scope": scope} if scope else {}
    return web.Response(status=int(request.match_info["status"]), headers=headers)


async def test_answers_are_counted_by_class_and_limits_by_scope() -> None:
    families, trace = Families(), aiohttp.TraceConfig()
    watch_requests(trace, families)
    application = web.Application()
    application.router.add_get("/{status}", answer)
    async with (
        TestServer(application) as server,
        aiohttp.ClientSession(trace_configs=[trace]) as client,
    ):
        for path in ("/200", "/204", "/404", "/503", "/429?scope=user", "/429?scope=strange"):
            async with client.get(server.make_url(path)):
                pass
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(f"http://127.0.0.1:{unused_port()}/")

    def value(name: str, **labels: str) -> float | None:
        return families.registry.get_sample_value(f"hotshot_discord_{name}", labels)

    counted = {
        status: value("requests_total", status=status)
        for status in ("2xx", "4xx", "5xx", "429", "none")
    }
    assert counted == {"2xx": 2, "4xx": 1, "5xx": 1, "429": 2, "none": 1}
    assert value("request_seconds_count") == 6
    scopes = {scope: value("rate_limited_total", scope=scope) for scope in ("user", "unknown")}
    assert scopes == {"user": 1, "unknown": 1}
    assert value("rate_limited_total", scope="strange") is None
