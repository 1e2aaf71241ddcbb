"""The trimmed description of Discord's API, and that the sandbox serves just that."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import aiohttp
import pytest

from bot.sandbox import Sandbox
from bot.sandbox.rest.routes import API
from bot.sandbox.rest.schema import answer_problems, request_problems
from bot.sandbox.rest.trim_openapi import OPERATIONS, TRIMMED, trim
from tests.bot.sandbox.raw import Raw
from tests.bot.sandboxes import make_sandbox

MESSAGES = "/channels/{channel_id}/messages"


def test_every_operation_described_is_served_and_no_other() -> None:
    discord = Sandbox()
    app = discord.rest.application(discord.gateway)
    served = {
        (route.method.lower(), route.resource.canonical.removeprefix(API))
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(API)
    }
    described = {(method, path) for path, methods in OPERATIONS.items() for method in methods}
    assert served == described


def test_the_trimmed_description_is_whole() -> None:
    trimmed = json.loads(TRIMMED.read_text(encoding="utf-8"))
    schemas = trimmed["components"]["schemas"]
    for part in (trimmed["paths"], schemas):
        for reference in _references(part):
            assert reference.rsplit("/", 1)[-1] in schemas
    assert TRIMMED.with_suffix(".LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [each for value in part.values() for each in _references(value)]
    if isinstance(part, list):
        return [each for value in part for each in _references(value)]
    return []


def test_trimming_keeps_what_is_reached_and_drops_the_rest() -> None:
    def reference(name: str) -> dict[str, Any]:
        return {"$ref": f"#/components/schemas/{name}"}

    def content(name: str) -> dict[str, Any]:
        return {"content": {"application/json": {"schema": reference(name)}}}

    operation = {"requestBody": content("Used"), "responses": {"200": content("Deep"), "204": {}}}
    methods = dict.fromkeys(("get", "put", "post", "patch", "delete"), operation)
    described = {"type": "object", "properties": {"description": {"type": "string"}}}
    whole = {
        "openapi": "3.1.0",
        "info": {},
        "paths": dict.fromkeys([*OPERATIONS, "/elsewhere"], methods),
        "components": {
            "schemas": {
                "Used": {"items": reference("Deep"), "description": "a text"},
                "Deep": described,
                "Unused": {},
                "ErrorResponse": {},
                "RatelimitedResponse": {},
            }
        },
    }
    trimmed = trim(whole)
    assert trimmed["paths"].keys() == OPERATIONS.keys()
    assert trimmed["components"]["schemas"] == {
        "Used": {"items": reference("Deep")},
        "Deep": described,
        "ErrorResponse": {},
        "RatelimitedResponse": {},
    }
    assert trimmed["paths"][MESSAGES]["post"]["answers"]["204"] is None


def test_wrong_answers_are_found() -> None:
    assert answer_problems("GET", "/gateway", 200, {"url": "ws://localhost"}) == []
    assert [each.path for each in answer_problems("GET", "/gateway", 200, {})] == [("url",)]
    assert answer_problems("GET", "/gateway", 302, {})[0].code == "STATUS"
    assert answer_problems("GET", "/gateway", 404, {"message": "x", "code": 0}) == []
    assert answer_problems("GET", "/gateway", 404, {"message": "x"}) != []


async def test_a_bug_of_the_sandbox_is_a_wrong_answer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    async with make_sandbox() as discord, aiohttp.ClientSession() as session:
        discord.world.commands[None] = [{"name": object()}]  # which no JSON can hold
        path = f"/applications/{discord.world.application_id}/commands"
        status, body = await Raw(session, discord).call("GET", path)
        assert (status, body["code"]) == (500, 0)
        [wrong] = discord.wrong_answers
        assert wrong.startswith("GET /applications/{application_id}/commands: TypeError")


def test_only_known_operations_are_checked() -> None:
    assert request_problems("POST", "/unknown", {"anything": 1}) == []
    assert request_problems("GET", MESSAGES, None) == []


def test_the_sandbox_stands_alone() -> None:
    """It needs neither the rest of the bot, nor discord.py, nor anything heavy."""
    code = "import bot.sandbox, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "bot.sandbox.server" in loaded
    assert {each for each in loaded if each.startswith("bot.")} == {
        each for each in loaded if each.startswith("bot.sandbox")
    }
    assert not loaded & {"torch", "discord", "sqlalchemy", "numpy", "PIL", "generator"}
