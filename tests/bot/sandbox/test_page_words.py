"""The page's own sentences: all of them in each language, none that is said nowhere."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot.sandbox

_SANDBOX = Path(bot.sandbox.__file__).parent
_STATIC = _SANDBOX / "page" / "static"
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_ROW = re.compile(rf"^  \[{', '.join([_TEXT] * 5)}\],$", re.MULTILINE)
_NAME = re.compile(r"\{\w+\}")


_ERRORS = {"SandboxError", "NotOffered", "NobodyListening", "FileTooLarge"}


def _scripts() -> str:
    files = sorted(_STATIC.glob("*.js"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.name != "words.js")


def _modules() -> Iterator[ast.Module]:
    """The sandbox's modules but the console, which is read in a terminal and in English."""
    for file in sorted(_SANDBOX.rglob("*.py")):
        if "console" not in file.parts:
            yield ast.parse(file.read_text(encoding="utf-8"))


def _texts(module: ast.AST) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _raised(module: ast.Module) -> Iterator[str]:
    """The templates of errors: what stands where one is made, or is a name's text that does."""
    nodes = list(ast.walk(module))
    made: list[ast.AST] = [
        node.args[0]
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _ERRORS
    ]
    names = {each.id for each in made if isinstance(each, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made += [node.value] if node.targets[0].id in names else []
        elif isinstance(node, ast.FunctionDef) and node.name.endswith("_refusal"):
            made += [each for each in node.body if isinstance(each, ast.If | ast.Return)]
    for each in made:
        yield from (text for text in _texts(each) if text.endswith((".", "{line}", "{reason}")))


def _reasons() -> Iterator[str]:
    """Discord's refusals of what a person does: all but those that only the bot's REST gets."""
    for file in _SANDBOX.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "ApiError":
                yield from (text for each in node.args[2:3] for text in _texts(each))


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, ...]]:
    """Each sentence in five languages, English first."""
    text = (_STATIC / "words.js").read_text(encoding="utf-8")
    found: list[tuple[str, ...]] = _ROW.findall(text)
    assert len(found) == text.count('\n  ["')
    return found


def test_every_row_keeps_its_names(rows: list[tuple[str, ...]]) -> None:
    assert [
        row for row in rows if len({tuple(sorted(_NAME.findall(each))) for each in row}) > 1
    ] == []
    assert [row for row in rows if not all(each.strip() for each in row)] == []


def test_what_is_said_has_a_row_and_each_row_is_said(rows: list[tuple[str, ...]]) -> None:
    scripts, modules = _scripts(), list(_modules())
    known = {row[0] for row in rows}
    said = set(re.findall(rf"\b(?:say|said)\({_TEXT}", scripts))
    raised = {template for module in modules for template in _raised(module)}
    assert len(raised) > 40
    reasons = set(_reasons())
    assert "Cannot send an empty message" in reasons
    assert (said | raised | reasons) - known == set()
    texts = {text for module in modules for text in _texts(module)}
    unsaid = known - texts
    assert [row for row in unsaid if json.dumps(row, ensure_ascii=False) not in scripts] == []
