"""docs/operating.md quotes what the program says: each quoted sentence stands in the sources."""

from __future__ import annotations

import ast
import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import _parser as bot_parser

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
_FIELD = re.compile(r"\{[^{}]*\}")


def quoted() -> list[str]:
    """The sentences between curly quotes; "…" in one is what differs from time to time."""
    found = re.findall(r"“([^”]+)”", PAGE)
    assert len(found) > 20
    return found


@functools.cache
def sentences() -> tuple[str, ...]:
    """All texts of the sources, what is filled in as "…"."""
    return tuple(_texts())


def _texts() -> Iterator[str]:
    for room in ("bot", "generator"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "…"
                        for part in node.values
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield _FIELD.sub("…", node.value)


@pytest.mark.parametrize("sentence", quoted())
def test_the_program_says_so(sentence: str) -> None:
    pattern = ".*".join(map(re.escape, sentence.split("…")))
    assert any(re.search(pattern, said) for said in sentences())


def test_a_quote_that_nobody_says_is_noticed() -> None:
    assert not any(re.search("There is no bot tokem", said) for said in sentences())


def test_commands_that_need_a_server_are_commands() -> None:
    """Those of console blocks, which nothing runs here."""
    blocks = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
    assert all(line.startswith("$ ") for line in blocks.splitlines())
    typed = re.findall(r"(?:/bin/|exec (?:-T )?bot )hotshot-bot ([^>\n]+)", blocks)
    assert len(typed) >= 4
    for words in typed:
        bot_parser().parse_args(shlex.split(words))  # raises for what isn't one
