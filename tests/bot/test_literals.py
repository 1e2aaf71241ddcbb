"""Nothing that people read escapes the catalogue: literals are looked for where they would be sent.

Read from the syntax tree. A literal is fine inside ``translate``, ``translate_plural``, ``Text``
and the like, in a log line, and in an error that a programmer reads.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools.translatable import FUNCTIONS
from tools.words import ROOT, scan

ROOMS = ("commands", "delivery", "intake", "jobs", "policy", "privacy", "ui", "workers")
# Where what is given is shown: the call's name, and which of its arguments.
SHOWN_KEYWORDS = {
    "label",
    "placeholder",
    "description",
    "content",
    "title",
    "text",
    "value",
    "name",
}
SHOWN_CALLS = {
    "send_ephemeral",
    "send_ephemeral_followup",
    "send_message",
    "edit_message",
    "edit_original_response",
    "send",
    "Embed",
    "add_field",
    "set_footer",
    "Button",
    "Select",
    "SelectOption",
    "TextInput",
    "ActionButton",
    "ActionMenu",
    "Form",
    "Choice",
    "Command",
    "Group",
    "ContextMenu",
    "File",
    "describe",
}
UNSAID = {"custom_id", "value", "url", "filename", "id", "style"}  # of those calls, not shown
LOGS = {
    "debug",
    "info",
    "log",
    "warning",
    "error",
    "exception",
    "getLogger",
    "create_task",
    "ChildResult",  # a child's last words are for the log
}
PROGRAMMERS = {
    "KeyError",
    "LookupError",
    "OSError",
    "PermissionError",
    "RuntimeError",
    "TypeError",
    "ValueError",
}
OWN_CHILDS = {"fit.py"}  # its errors are for the log; the bot has a sentence of its own
WORDS = re.compile(r"[A-Za-z]{2,}")
SENTENCE = re.compile(r"[A-Za-z]{2,}[,;:]? [A-Za-z]{2,}")
NO_WORDS = re.compile(r"/[a-z]+|`[^`]*`|<[@#t:&!]*|attachment://\S*|hotshot|https?://\S*|:R>")


@cache
def _translated() -> frozenset[str]:
    """What takes a template."""
    return frozenset(scan().template_counts())


@cache
def _harmless() -> frozenset[str]:
    """Calls whose texts are said, logged, or looked up by."""
    return _translated() | LOGS | PROGRAMMERS


@cache
def _spoken() -> frozenset[str]:
    """Raised for people in Discord: a template and values, never an f-string."""
    functions = {name.rpartition(".")[2] for name in FUNCTIONS}
    return _translated() - {"ModelError"} - functions


def _called(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _literals(node: ast.AST) -> Iterator[ast.Constant]:
    """Texts in it, but for those that are said, logged, or looked up by."""
    if isinstance(node, ast.Call) and _called(node.func) in _harmless():
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node
    for field, child in ast.iter_fields(node):
        if field in ("slice", "keys", "annotation", "returns", "format_spec"):
            continue
        for each in child if isinstance(child, list) else [child]:
            if isinstance(each, ast.AST):
                yield from _literals(each)


def _is_text(literal: ast.Constant, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.search(NO_WORDS.sub("", str(literal.value))))


def _sent(tree: ast.AST) -> Iterator[ast.Constant]:
    """Literals with a word in them, among the arguments of what shows something."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _called(node.func) in SHOWN_CALLS):
            continue
        given = [
            each.value
            for each in node.keywords
            if each.arg in SHOWN_KEYWORDS - UNSAID and not _is_a_name(node, each)
        ]
        if _called(node.func) in (
            "send_ephemeral",
            "send_ephemeral_followup",
            "send_message",
            "send",
        ):
            given += node.args
        for part in given:
            yield from (each for each in _literals(part) if _is_text(each, WORDS))


def _is_a_name(call: ast.Call, keyword: ast.keyword) -> bool:
    """A command's or option's own name, which is typed and so the same in every language."""
    return keyword.arg == "name" and _called(call.func) in ("Command", "Group", "Choice")


def _sentences(tree: ast.Module) -> Iterator[ast.Constant]:
    """Literals of several words anywhere, that are no docstrings."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for literal in _literals(tree):
        if id(literal) not in documented and _is_text(literal, SENTENCE):
            yield literal


def _raised(tree: ast.AST) -> Iterator[ast.AST]:
    """Errors for people that are put together on the spot, so that nobody can look them up."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and _called(node.func) in _spoken() and node.args):
            continue
        if isinstance(node.args[0], ast.JoinedStr | ast.BinOp):
            yield node


def test_nothing_is_sent_that_is_not_said() -> None:
    paths = [path for path in scan().sources() if path.parent.name != "storage"]
    assert len(paths) > 100
    found = [f"{path}:{line}" for path in paths for line in _unsaid(path)]
    assert not found, "\n".join(found)


def _unsaid(path: Path) -> list[str]:
    """Each with its number of line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[Any] = [] if path.name in OWN_CHILDS else list(_raised(tree))
    if path.is_relative_to(ROOT / "bot"):
        found += _sent(tree)
    if path.parent.name in ROOMS:
        found += _sentences(tree)
    return [f"{each.lineno} {ast.unparse(each)}" for each in found]


@pytest.mark.parametrize(
    "line",
    [
        'await send_ephemeral(interaction, "Done.")',
        'await send_ephemeral(interaction, f"It is {name} now.")',
        'embed.add_field(name="Seed", value=say("x"))',
        'Button(label="Cancel")',
        'raise RefusedError(f"There is no {name}.")',
        'words = "This goes somewhere"',
    ],
)
def test_what_escapes_is_found(line: str) -> None:
    tree = ast.parse(f"async def f():\n    {line}")
    assert [*_sent(tree), *_sentences(tree), *_raised(tree)]
