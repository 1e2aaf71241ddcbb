"""What Discord would refuse is refused in Discord's form, and noted as a violation."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from bot.sandbox import Sandbox
from tests.bot.sandbox.raw import Raw


def button(**values: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": "a"} | values


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(parts)}


def at(errors: dict[str, Any], path: str) -> str:
    for part in path.split("."):
        errors = errors[part] if part else errors
    return str(errors["_errors"][0]["code"])


MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
    ({"content": 7}, "content", "INVALID_TYPE"),
    ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
    ({"embeds": [{"fields": [{"name": "x"}]}]}, "embeds.0.fields.0.value", "BASE_TYPE_REQUIRED"),
    (
        {"embeds": [{"fields": [{"name": "x", "value": "y"}] * 26}]},
        "embeds.0.fields",
        "BASE_TYPE_MAX_LENGTH",
    ),
    ({"embeds": [{"description": "x" * 3001}] * 2}, "embeds", "MAX_EMBED_SIZE_EXCEEDED"),
    ({"embeds": [{"color": 2**24}]}, "embeds.0.color", "NUMBER_TYPE_MAX"),
    (
        {"components": [row(button(custom_id="x" * 101))]},
        "components.0.components.0.custom_id",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"components": [row(button(custom_id=""))]},
        "components.0.components.0.custom_id",
        "BASE_TYPE_MIN_LENGTH",
    ),
    (
        {"components": [row(button(custom_id=None))]},
        "components.0.components.0.custom_id",
        "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED",
    ),
    (
        {"components": [row(button(style=5))]},
        "components.0.components.0.url",
        "BUTTON_COMPONENT_URL_REQUIRED",
    ),
    (
        {"components": [row(button(label=None))]},
        "components.0.components.0.label",
        "BUTTON_COMPONENT_INVALID_EMOJI_OR_LABEL",
    ),
    ({"components": [row()]}, "components.0.components", "BASE_TYPE_MIN_LENGTH"),
    ({"components": [row(button(), button())]}, "components", "COMPONENT_CUSTOM_ID_DUPLICATED"),
    (
        {"components": [row(button(custom_id=str(n))) for n in range(6)]},
        "components",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        {"content": "x", "flags": 1 << 15},
        "content",
        "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
    ),
]


@pytest.mark.parametrize(("payload", "path", "code"), MESSAGES)
async def test_messages(
    discord: Sandbox, raw: Raw, payload: dict[str, Any], path: str, code: str
) -> None:
    status, body = await raw.call("POST", f"/channels/{discord.channel.id}/messages", payload)
    assert (status, body["code"], body["message"]) == (400, 50035, "Invalid Form Body")
    assert at(body["errors"], path) == code
    assert len(discord.violations) == 1
    assert discord.messages_in(discord.channel) == []


def command(**values: Any) -> dict[str, Any]:
    return {"name": "gif", "description": "x"} | values


def option(**values: Any) -> dict[str, Any]:
    return {"type": 3, "name": "prompt", "description": "x"} | values


COMMANDS: list[tuple[list[dict[str, Any]], str, str]] = [
    ([command(name="Gif")], "0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    ([command(name="a b")], "0.name", "APPLICATION_COMMAND_INVALID_NAME"),
    ([command(name="x" * 33)], "0.name", "BASE_TYPE_MAX_LENGTH"),
    ([command(description="x" * 101)], "0.description", "BASE_TYPE_MAX_LENGTH"),
    ([{"name": "gif"}], "0.description", "BASE_TYPE_REQUIRED"),
    ([command(), command()], "", "APPLICATION_COMMANDS_DUPLICATE_NAME"),
    (
        [command(options=[option(name=f"o{n}") for n in range(26)])],
        "0.options",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        [command(options=[option(), option()])],
        "0.options",
        "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
    ),
    (
        [command(options=[option(), option(name="late", required=True)])],
        "0.options.1",
        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
    ),
    (
        [command(options=[option(choices=[{"name": str(n), "value": ""} for n in range(26)])])],
        "0.options.0.choices",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        [command(options=[option(choices=[{"name": "x" * 101, "value": ""}])])],
        "0.options.0.choices.0.name",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        [command(options=[option(choices=[{"name": "x", "value": ""}], autocomplete=True)])],
        "0.options.0",
        "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE",
    ),
    (
        [command(options=[option(choices=[{"name": "x", "value": "y" * 6000}] * 2)])],
        "0",
        "APPLICATION_COMMAND_TOO_LARGE",
    ),
    ([command(name=f"c{n}") for n in range(101)], "", "MAX_APPLICATION_COMMANDS"),
]


@pytest.mark.parametrize(("commands", "path", "code"), COMMANDS)
async def test_commands(
    discord: Sandbox, raw: Raw, commands: list[dict[str, Any]], path: str, code: str
) -> None:
    url = f"/applications/{discord.world.application_id}/commands"
    status, body = await raw.call("PUT", url, commands)
    assert (status, body["code"]) == (400, 50035)
    assert at(body["errors"], path) == code
    assert len(discord.violations) == 1
    assert discord.registrations == []


text_input = {"type": 4, "style": 1, "custom_id": "a", "label": "x"}
six_rows = [row(text_input | {"custom_id": str(number)}) for number in range(6)]

ANSWERS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "type", "BASE_TYPE_REQUIRED"),
    ({"type": 4, "data": {"content": "x" * 2001}}, "data.content", "BASE_TYPE_MAX_LENGTH"),
    (
        {"type": 8, "data": {"choices": [{"name": str(n), "value": "x"} for n in range(26)]}},
        "data.choices",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"type": 8, "data": {"choices": [{"name": "x" * 101, "value": "x"}]}},
        "data.choices.0.name",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"type": 9, "data": {"custom_id": "m", "title": "x" * 46, "components": [row(text_input)]}},
        "data.title",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        {"type": 9, "data": {"custom_id": "m", "title": "x", "components": six_rows}},
        "data.components",
        "BASE_TYPE_BAD_LENGTH",
    ),
    (
        {"type": 9, "data": {"custom_id": "m", "title": "x", "components": []}},
        "data.components",
        "BASE_TYPE_MIN_LENGTH",
    ),
]


@pytest.mark.parametrize(("payload", "path", "code"), ANSWERS)
async def test_first_answers(
    discord: Sandbox, raw: Raw, payload: dict[str, Any], path: str, code: str
) -> None:
    status, body = await raw.call("POST", "/interactions/1/token/callback", payload)
    assert (status, body["code"]) == (400, 50035)
    assert at(body["errors"], path) == code
    assert len(discord.violations) == 1


async def test_a_body_that_is_no_json(discord: Sandbox, raw: Raw) -> None:
    path = f"/channels/{discord.channel.id}/messages"
    status, body = await raw.call("POST", path, data=b"{")
    assert (status, body["code"]) == (400, 50109)
    for nothing in (None, {}, {"content": "   "}):
        status, body = await raw.call("POST", path, nothing)
        assert status == 400


async def test_a_form_with_a_strange_field(discord: Sandbox, raw: Raw) -> None:
    form = aiohttp.FormData()
    form.add_field("nonsense", b"x", filename="x")
    path = f"/channels/{discord.channel.id}/messages"
    status, body = await raw.call("POST", path, data=form)
    assert (status, body["errors"]["nonsense"]["_errors"][0]["code"]) == (400, "UNKNOWN_FIELD")


async def test_ids_may_be_numbers(discord: Sandbox, raw: Raw) -> None:
    path = f"/channels/{discord.channel.id}/messages"
    payload = {"attachments": [{"id": 0, "description": "said"}]}
    status, message = await raw.send(path, payload, ("a.gif", b"x"))
    assert (status, message["attachments"][0]["description"]) == (200, "said")
    assert discord.violations == []
