"""Cuts Discord's description of its HTTP API down to the operations that the sandbox serves.

    python -m bot.sandbox.rest.trim_openapi openapi.json

reads the whole description (github.com/discord/discord-api-spec, MIT licence) and writes
``openapi.json`` next to this file: those operations, and every schema they refer to, texts left
out. Run it again when Discord's API or ``OPERATIONS`` has changed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TRIMMED = Path(__file__).with_name("openapi.json")

OPERATIONS: dict[str, tuple[str, ...]] = {
    "/gateway": ("get",),
    "/gateway/bot": ("get",),
    "/users/@me": ("get",),
    "/users/@me/channels": ("post",),
    "/users/{user_id}": ("get",),
    "/oauth2/applications/@me": ("get",),
    "/applications/{application_id}/commands": ("get", "put"),
    "/applications/{application_id}/guilds/{guild_id}/commands": ("get", "put"),
    "/interactions/{interaction_id}/{interaction_token}/callback": ("post",),
    "/webhooks/{webhook_id}/{webhook_token}": ("post",),
    "/webhooks/{webhook_id}/{webhook_token}/messages/@original": ("get", "patch", "delete"),
    "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}": ("get", "patch", "delete"),
    "/channels/{channel_id}": ("get",),
    "/channels/{channel_id}/messages": ("get", "post"),
    "/channels/{channel_id}/messages/{message_id}": ("get", "patch", "delete"),
    "/channels/{channel_id}/typing": ("post",),
    "/guilds/{guild_id}": ("get",),
    "/guilds/{guild_id}/channels": ("get",),
    "/guilds/{guild_id}/roles": ("get",),
    "/guilds/{guild_id}/members/{user_id}": ("get",),
    "/guilds/{guild_id}/emojis": ("get", "post"),
    "/guilds/{guild_id}/emojis/{emoji_id}": ("get", "patch"),
    "/guilds/{guild_id}/stickers": ("get", "post"),
    "/guilds/{guild_id}/stickers/{sticker_id}": ("get", "patch"),
}


def trim(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the description of ``OPERATIONS`` alone. Raises KeyError where one isn't in it."""
    paths = {
        path: {method: _operation(whole["paths"][path][method]) for method in methods}
        for path, methods in OPERATIONS.items()
    }
    used = _closure(paths, whole)
    schemas = whole["components"]["schemas"]
    return {
        "openapi": whole["openapi"],
        "info": whole["info"],
        "paths": paths,
        "components": {
            "schemas": {name: _bare(schemas[name]) for name in sorted(used)},
        },
    }


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of an operation: of its request's body and of each answer."""
    kept: dict[str, Any] = {"answers": {}}
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json") or content.get("multipart/form-data")
    if body is not None:
        kept["body"] = _bare(body["schema"])
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if content is not None:
            kept["answers"][status] = _bare(content["schema"])
        elif status.isdigit() and int(status) < 400:
            kept["answers"][status] = None
    error = {"$ref": "#/components/schemas/ErrorResponse"}
    limited = {"$ref": "#/components/schemas/RatelimitedResponse"}
    kept["answers"] |= {"4XX": error, "429": limited}
    return kept


def _closure(start: Any, whole: dict[str, Any]) -> set[str]:
    """Return the names of all schemas that can be reached from ``start``."""
    found: set[str] = set()
    todo = list(_references(start))
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += _references(whole["components"]["schemas"][name])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].rsplit("/", 1)[-1]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _bare(part: Any) -> Any:
    """Return a part without descriptions, half of the file (a *property* may be called that)."""
    if isinstance(part, dict):
        return {
            key: _bare(value)
            for key, value in part.items()
            if not (key in ("description", "x-discord-union") and isinstance(value, str))
        }
    return [_bare(value) for value in part] if isinstance(part, list) else part


def _written(trimmed: dict[str, Any]) -> str:
    """Return JSON with one line a schema and operation, so that changes show as small diffs."""
    head = {key: value for key, value in trimmed.items() if key not in ("paths", "components")}
    blocks = [f"{json.dumps(head)[:-1]},"]
    for key, table in (
        ("paths", trimmed["paths"]),
        ("components", trimmed["components"]["schemas"]),
    ):
        lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in table.items()]
        opening = '"components": {"schemas": {' if key == "components" else '"paths": {'
        closing = "}}}" if key == "components" else "},"
        blocks += [opening, ",\n".join(lines), closing]
    return "\n".join(blocks) + "\n"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m bot.sandbox.rest.trim_openapi PATH_TO_DISCORDS_OPENAPI_JSON")
    whole = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    TRIMMED.write_text(_written(trim(whole)), encoding="utf-8")


if __name__ == "__main__":
    main()
