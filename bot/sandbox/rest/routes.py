"""What every REST route shares: the world and the journal, checked bodies, answers in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.errors import ApiError, Problem, invalid_form
from bot.sandbox.messages import Body
from bot.sandbox.model import Upload
from bot.sandbox.rest.body import read_body
from bot.sandbox.rest.schema import request_problems
from bot.sandbox.world import World

API = "/api/v10"

Rules = Callable[[Body], Iterable[Problem]]


@dataclass(slots=True, kw_only=True)
class RecordedRequest:
    """One request of the bot's, and what it was answered."""

    method: str
    path: str
    template: str  # as in Discord's description, "" where no route fits
    at: float  # epoch seconds of the sandbox's clock
    started: float  # of time.perf_counter
    authorization: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    payload: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    fault: str = ""  # the kind of fault that hit it
    status: int | None = None  # of the sandbox's own answer, which a fault may have kept back
    answer: Any = None
    seconds: float | None = None


@dataclass(slots=True)
class Journal:
    """Everything the bot asked for, and everything that was wrong with it."""

    requests: list[RecordedRequest] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    wrong_answers: list[str] = field(default_factory=list)


WORLD = web.AppKey("world", World)
JOURNAL = web.AppKey("journal", Journal)
RECORDED = web.RequestKey("recorded", RecordedRequest)


def recorded_of(request: web.Request) -> RecordedRequest:
    """Return the journal's record of this request, which the middleware put there."""
    return request[RECORDED]


def json_response(data: Any, status: int = 200) -> web.Response:
    """Return a JSON response of type application/json exactly: clients compare it as a string."""
    return web.Response(
        body=json.dumps(data).encode(), status=status, content_type="application/json"
    )


def template_of(request: web.Request) -> str:
    """Return the route's path as Discord's description writes it, or "" where there is none."""
    resource = request.match_info.route.resource
    return resource.canonical.removeprefix(API) if resource is not None else ""


async def checked_body(
    request: web.Request, *, file_limit: int = 0, rules: Rules | None = None
) -> Body:
    """Return the body that passed Discord's description and ``rules``. Raises ApiError.

    What it fails of them is a violation by the bot, and is noted as one. A file above
    ``file_limit`` bytes is none, since the limit may differ from what the bot was told.
    """
    body = await read_body(request, file_limit)
    recorded = recorded_of(request)
    recorded.payload, recorded.uploads = body.payload, body.uploads
    if body.oversized:
        raise ApiError(413, 40005, "Request entity too large")
    if body.payload is None and body.uploads:
        body.payload = {}
    problems = request_problems(request.method, recorded.template, body.payload)
    if not problems and rules is not None:
        problems = list(rules(body))
    if problems:
        record_violations(request, problems)
        raise invalid_form(*problems)
    return body


def query_integer(request: web.Request, name: str, default: int) -> int:
    """Return a whole number of the URL's query. Raises ApiError for anything else."""
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise invalid_form(Problem((name,), "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.'))
    return int(text)


def record_violations(request: web.Request, problems: Iterable[Problem]) -> None:
    where = f"{request.method} {recorded_of(request).template}"
    request.app[JOURNAL].violations += [f"{where}: {problem}" for problem in problems]
