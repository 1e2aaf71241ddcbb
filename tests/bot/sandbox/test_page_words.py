"""The page's own sentences: all of them in each language, none that is said nowhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import bot.sandbox

_SANDBOX = Path(bot.sandbox.__file__).parent
_STATIC = _SANDBOX / "page" / "static"
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_ROW = re.compile(rf"^  \[{', '.join([_TEXT] * 5)}\],$", re.MULTILINE)
_NAME = re.compile(r"\{\w+\}")


def _sources(directory: Path, ending: str) -> str:
    files = sorted(directory.rglob(f"*{ending}"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.name != "words.js")


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
    scripts = _sources(_STATIC, ".js")
    known = {row[0] for row in rows}
    said = set(re.findall(rf"\b(?:say|said)\({_TEXT}", scripts))
    assert said - known == set()
    everywhere = scripts + _sources(_SANDBOX, ".py")
    assert [row for row in known if json.dumps(row, ensure_ascii=False) not in everywhere] == []
