"""The web application: its routes, and what every REST request passes through on its way.

It is recorded, hit by a fault perhaps, authorized, answered, and given rate limit headers.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.sandbox.errors import ApiError
from bot.sandbox.gateway import Gateway
from bot.sandbox.rest import (
    account as rest_account,
)
from bot.sandbox.rest import (
    channels as rest_channels,
)
from bot.sandbox.rest import (
    guild_expressions as rest_expressions,
)
from bot.sandbox.rest import (
    interaction_answers as rest_interactions,
)
from bot.sandbox.rest.fault_injection import FaultQueue
from bot.sandbox.rest.routes import (
    API,
    JOURNAL,
    RECORDED,
    WORLD,
    Journal,
    RecordedRequest,
    json_response,
    recorded_of,
    template_of,
)
from bot.sandbox.rest.schema import answer_problems
from bot.sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)

_WITHOUT_TOKEN = ("/interactions/", "/webhooks/")
_BUCKET = 50  # requests a second that the rate limit headers speak of


class RestApi:
    """Discord's REST side over one world."""

    def __init__(
        self, world: World, journal: Journal, faults: FaultQueue, *, check_answers: bool
    ) -> None:
        self._world = world
        self._journal = journal
        self._faults = faults
        self._check_answers = check_answers

    def application(self, gateway: Gateway) -> web.Application:
        """Return the application: REST below /api/v10, the CDN, the gateway's websocket at /."""
        app = web.Application(middlewares=[self._handle], client_max_size=2**20)
        app[WORLD], app[JOURNAL] = self._world, self._journal
        for module in (rest_account, rest_interactions, rest_channels, rest_expressions):
            for route in module.routes():
                app.router.add_route(route.method, API + route.path, route.handler)
        app.router.add_routes(rest_channels.cdn_routes())
        app.router.add_get("/", gateway.handle)
        return app

    @web.middleware
    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/":  # the gateway, which has faults of its own
            return await handler(request)
        if not request.path.startswith(API):
            return await self._with_fault(request, handler)
        recorded = self._record(request)

        async def answered(request: web.Request) -> web.StreamResponse:
            response = await self._respond(request, recorded, handler)
            self._finish(recorded, response)
            return response

        response = await self._with_fault(request, answered)
        if recorded.status is None:  # a fault has answered, and nothing else has happened
            recorded.status = response.status
            recorded.seconds = time.perf_counter() - recorded.started
        self._world.changes.notify()
        return response

    async def _with_fault(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return the handler's answer, or what a fault makes of it."""
        fault = self._faults.claim(request, request.path.removeprefix(API))
        if fault is None:
            return await handler(request)
        if RECORDED in request:
            recorded_of(request).fault = type(fault).__name__
        try:
            response = await fault.act(request)
            if response is None:
                response = await fault.afterwards(request, await handler(request))
        except ConnectionError as error:  # the client went before the fault was injected
            _log.info("%s %s came to nothing: %s", request.method, template_of(request), error)
            response = web.Response(status=499)
        return response

    def _record(self, request: web.Request) -> RecordedRequest:
        recorded = RecordedRequest(
            method=request.method,
            path=request.path.removeprefix(API),
            template=template_of(request),
            at=self._world.clock.now(),
            started=time.perf_counter(),
            authorization=request.headers.get("Authorization"),
            query=dict(request.query),
        )
        request[RECORDED] = recorded
        self._journal.requests.append(recorded)
        return recorded

    async def _respond(
        self, request: web.Request, recorded: RecordedRequest, handler: Handler
    ) -> web.StreamResponse:
        """Return the handler's answer, or its refusal in Discord's form."""
        try:
            self._authorize(recorded)
            response = await handler(request)
        except ApiError as error:
            response = json_response(error.body, error.status)
        except web.HTTPException as error:
            response = json_response(
                {"message": f"{error.status}: {error.reason}", "code": 0}, error.status
            )
        except ConnectionError as error:  # the bot was killed in mid-request, say
            _log.info("%s %s came to nothing: %s", recorded.method, recorded.template, error)
            response = web.Response(status=499)
        except Exception as error:  # noqa: BLE001 - any of them is a bug here, and noted as one
            _log.exception("The sandbox failed at %s %s", recorded.method, recorded.path)
            self._journal.wrong_answers.append(f"{recorded.method} {recorded.template}: {error!r}")
            response = json_response({"message": "500: Internal Server Error", "code": 0}, 500)
        response.headers.update(self._rate_limit(recorded))
        return response

    def _authorize(self, recorded: RecordedRequest) -> None:
        open_to_all = recorded.path == "/gateway" or recorded.path.startswith(_WITHOUT_TOKEN)
        if not open_to_all and recorded.authorization != f"Bot {self._world.token}":
            raise ApiError(401, 0, "401: Unauthorized")

    def _rate_limit(self, recorded: RecordedRequest) -> dict[str, str]:
        """Return the headers of a bucket that is never quite empty: real limits are faults."""
        since = recorded.at - 1.0
        recent = 0
        for earlier in reversed(self._journal.requests):
            if earlier.at < since or recent >= _BUCKET - 1:
                break
            recent += (earlier.method, earlier.template) == (recorded.method, recorded.template)
        bucket = hash((recorded.method, recorded.template)) & (2**64 - 1)
        return {
            "X-RateLimit-Limit": str(_BUCKET),
            "X-RateLimit-Remaining": str(_BUCKET - recent),
            "X-RateLimit-Reset": f"{recorded.at + 1:.3f}",
            "X-RateLimit-Reset-After": "1.000",
            "X-RateLimit-Bucket": f"{bucket:016x}",
        }

    def _finish(self, recorded: RecordedRequest, response: web.StreamResponse) -> None:
        recorded.status = response.status
        recorded.seconds = time.perf_counter() - recorded.started
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            recorded.answer = json.loads(response.body)
            if self._check_answers:
                where = f"{recorded.method} {recorded.template}"
                problems = answer_problems(
                    recorded.method, recorded.template, response.status, recorded.answer
                )
                self._journal.wrong_answers += [f"{where}: {problem}" for problem in problems]
