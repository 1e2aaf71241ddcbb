"""Answers Prometheus and whoever looks after the bot: ``/metrics``, ``/healthz``, ``/readyz``.

A browser on this machine may be made to ask for these by any page, under a name of that page's
choosing; so the name that was asked for has to be one of the machine's, or one of the config's.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from urllib.parse import urlsplit

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.core.monitoring_settings import MetricsSettings
from bot.metrics.families import Families
from bot.metrics.readiness import ReadinessCheck
from bot.metrics.snapshot import Snapshot

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_AGAIN_SECONDS = 30.0
_BEYOND = (
    "metrics.listen is %s, so other machines can read the bot's figures, which hold no names and "
    "no prompts; let only Prometheus's machine reach that port."
)
_TAKEN = (
    "Nothing can listen at metrics.listen, %s (%s); the bot continues without metrics and tries "
    "again every %g s. Choose another port, or stop what uses it."
)


class MetricsServer:
    """The three pages. ``snapshot`` is taken before each answer to Prometheus."""

    def __init__(
        self,
        settings: MetricsSettings,
        families: Families,
        snapshot: Snapshot,
        readiness: ReadinessCheck,
    ) -> None:
        self._settings = settings
        self._families = families
        self._snapshot = snapshot
        self._readiness = readiness
        self._encoding = asyncio.Lock()
        self._names = {"localhost", socket.gethostname().lower(), *settings.hosts}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Answer while inside, from whenever the address can be had."""
        address = self._settings.listen_address
        if not address.is_loopback:
            logger.warning(_BEYOND, address)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        trying: asyncio.Task[None] | None = None
        try:
            await self._listen(runner)
        except OSError as error:
            logger.error(_TAKEN, address, _reason(error), _AGAIN_SECONDS)  # noqa: TRY400 - a sentence is all
            trying = asyncio.create_task(self._retry(runner))
        try:
            yield
        finally:
            if trying is not None:
                trying.cancel()
                await asyncio.gather(trying, return_exceptions=True)
            await runner.cleanup()
            await self._readiness.close()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._check_host])
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._health)
        application.router.add_get("/readyz", self._ready)
        return application

    async def _listen(self, runner: web.AppRunner) -> None:
        """Begin to listen. Raises OSError."""
        address = self._settings.listen_address
        site = web.TCPSite(runner, address.host, address.port)
        try:
            await site.start()
        except OSError:
            await site.stop()
            raise
        logger.info("metrics at http://%s/metrics", address)

    async def _retry(self, runner: web.AppRunner) -> None:
        is_listening = False
        while not is_listening:
            await asyncio.sleep(_AGAIN_SECONDS)
            with contextlib.suppress(OSError):
                await self._listen(runner)
                is_listening = True

    @web.middleware
    async def _check_host(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._is_known(request.headers.get("Host", "")):
            words = "This name isn't the bot's; metrics.hosts in its config allows other names.\n"
            return web.Response(status=403, text=words)
        return await handler(request)

    def _is_known(self, host: str) -> bool:
        """Return whether a Host header names this machine; an IP address is no page's name."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._names or name == self._settings.listen_address.host.lower()
        return True

    async def _metrics(self, _: web.Request) -> web.Response:
        async with self._encoding:
            self._snapshot.take()
            body = await asyncio.to_thread(generate_latest, self._families.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _health(self, _: web.Request) -> web.Response:
        return _json({"alive": True})

    async def _ready(self, _: web.Request) -> web.Response:
        found = await self._readiness.check()
        reasons = {name: reason for name, reason in asdict(found).items() if reason}
        answer = {"ready": found.is_ready, "reasons": reasons}
        return _json(answer, status=200 if found.is_ready else 503)


def _reason(error: OSError) -> str:
    """Return the system's own word for an error; an event loop adds the address to it."""
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


def _json(values: dict[str, object], status: int = 200) -> web.Response:
    text = json.dumps(values) + "\n"
    return web.Response(text=text, status=status, content_type="application/json")
