"""One module touches discord.py's private parts, and errors without a name get one."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aiohttp
import discord
import pytest

from bot.gateway import discord_compat
from bot.gateway.discord_errors import (
    SEND_ERRORS,
    SessionClosedError,
    UnreadableAnswerError,
    readable_answers,
)

BOT = Path(discord_compat.__file__).parents[1]
LIBRARY = Path(discord.__file__).parent
COMPAT = "gateway/discord_compat.py"
# Modules and attributes of discord.py that its documentation doesn't name.
INTERNAL_MODULES = ("discord.gateway", "discord.http", "discord.state", "discord.webhook.async_")
INTERNAL_ATTRIBUTES = {"http"}


@cache
def of_discord() -> set[str]:
    """Every private name that stands somewhere in discord.py."""
    names = re.compile(r"(?:\.|def |^\s+)(_[a-z_]\w*)\b", re.MULTILINE)
    found: set[str] = set()
    for file in LIBRARY.rglob("*.py"):
        found.update(names.findall(file.read_text(encoding="utf-8")))
    return {name for name in found if not (name.startswith("__") and name.endswith("__"))} | {
        "__discord_ui_compiled_template__"
    }


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(BOT.rglob("*.py")):
        name = file.relative_to(BOT).as_posix()
        if not name.startswith(("sandbox/", "demo/")) and name != COMPAT:
            yield name, ast.parse(file.read_text(encoding="utf-8"))


def own_names(module: ast.Module) -> set[str]:
    """Private names that the module itself gives to its functions and attributes."""
    functions = {
        node.name
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    stored = {
        node.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    return functions | stored


def imports_discord(module: ast.Module) -> bool:
    """Whether a module imports discord.py itself."""
    names = [
        name
        for node in ast.walk(module)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    ]
    return any(name.partition(".")[0] == "discord" for name in names)


def touched(module: ast.Module, private: set[str]) -> Iterator[str]:
    """What a module uses of discord.py that isn't its to use."""
    own = own_names(module)
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module in INTERNAL_MODULES:
            yield f"line {node.lineno}: {node.module}"
        if not isinstance(node, ast.Attribute):
            continue
        lock_holder = ast.unparse(node.value)
        # of a module without discord.py, self is an object of ours whatever it inherits
        is_own = lock_holder == "self" and (node.attr in own or not imports_discord(module))
        if node.attr in private and not is_own:
            yield f"line {node.lineno}: {lock_holder}.{node.attr}"
        if node.attr in INTERNAL_ATTRIBUTES and lock_holder in ("self", "client", "self._client"):
            yield f"line {node.lineno}: {lock_holder}.{node.attr}"


def overridden(module: ast.Module) -> Iterator[str]:
    """Private methods of discord.py that a class of the module puts its own in place of."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ClassDef):
            continue
        for base in map(ast.unparse, node.bases):
            parent = _discord_class(base)
            for part in node.body:
                name = getattr(part, "name", "")
                is_private = name.startswith("_") and not name.endswith("__")
                if parent is not None and is_private and hasattr(parent, name):
                    yield f"line {part.lineno}: {base}.{name}"


def _discord_class(base: str) -> object:
    name = base.partition("[")[0].rpartition(".")[2]
    for room in (discord, discord.app_commands, discord.ui):
        if hasattr(room, name):
            found: object = getattr(room, name)
            return found
    return None


@pytest.mark.slow
def test_no_other_module_touches_what_is_private() -> None:
    private = of_discord()
    assert {"_connection", "_to_json", "_call"} <= private
    found = {
        name: uses
        for name, module in modules()
        if (uses := [*touched(module, private), *overridden(module)])
    }
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        "client._connection.parsers",
        "discord.utils._to_json(x)",
        "import discord\nself._connection",
        "super()._call(x)",
        "from discord.http import Route",
        "self.http.close()",
        "item.__discord_ui_compiled_template__",
        "class T(app_commands.CommandTree[X]):\n    async def _call(self): ...",
        "class T(discord.Client):\n    async def _async_setup_hook(self): ...",
    ],
)
def test_what_is_private_is_seen(code: str) -> None:
    """Else the test above would be idle."""
    module = ast.parse(code)
    assert [*touched(module, of_discord()), *overridden(module)]


async def test_a_closed_session_has_an_error_of_its_own() -> None:
    discord_compat.name_closed_sessions()
    async with aiohttp.ClientSession() as session:
        webhook = discord.Webhook.partial(1, "token", session=session)
    with pytest.raises(SessionClosedError, match="Session is closed") as caught:
        await webhook.send("x")
    assert isinstance(caught.value, SEND_ERRORS)


@pytest.mark.parametrize("error", [KeyError("id"), TypeError("str"), ValueError("x"), IndexError()])
def test_what_can_not_be_read_has_an_error_of_its_own(error: Exception) -> None:
    with pytest.raises(UnreadableAnswerError, match=type(error).__name__), readable_answers():
        raise error


@pytest.mark.parametrize(
    "error",
    [aiohttp.InvalidURL("x"), TimeoutError(), ConnectionResetError(), RuntimeError("a bug")],
)
def test_other_errors_keep_their_names(error: Exception) -> None:
    """A URL that is none is a ValueError as well."""
    with pytest.raises(type(error)) as caught, readable_answers():
        raise error
    assert caught.value is error


async def test_names_are_given_to_what_is_awaited() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("id")

    with pytest.raises(UnreadableAnswerError), readable_answers():
        await fails()
