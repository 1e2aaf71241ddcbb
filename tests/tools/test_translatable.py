"""What reaches Discord is found wherever it stands; what a terminal shows is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.translatable import Scan

FILES = {
    "bot/__init__.py": "",
    "bot/core/__init__.py": "",
    "bot/core/errors.py": """
from generator.contract.text import TranslatableError
class RefusedError(TranslatableError): pass
class StartupError(TranslatableError):
    is_translated = False
class TokenError(StartupError): pass
""",
    "bot/cli/__init__.py": "",
    "bot/cli/run.py": """
from bot.core.errors import RefusedError
raise RefusedError("In a terminal.")
""",
    "bot/jobs/__init__.py": "",
    "bot/jobs/new.py": """
from bot.core import errors
from bot.core.errors import RefusedError as Refused, TokenError
from bot.core.translations import translate, translate_plural
from generator.contract.text import Text
class FullError(Refused):
    def __init__(self):
        super().__init__("It is full.")
f"{translate('Inside.')} {translate_plural('One.', 'Many.', 2)}"
raise Refused("By another name.")
raise errors.RefusedError("By its module.")
raise TokenError("For a terminal.")
raise FullError(Text("In another call."))
""",
    "generator/__init__.py": "",
    "generator/contract/__init__.py": "",
    "generator/contract/text.py": "class TranslatableError(Exception): pass\n",
    "generator/sources/__init__.py": "",
    "generator/sources/net.py": """
class RefusedError(OSError): pass
raise RefusedError("Of the same name, and for programmers.")
""",
}


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return Scan.of(tmp_path)


def test_what_is_said_is_found(scan: Scan) -> None:
    assert set(scan.templates()) == {
        "It is full.",
        "Inside.",
        ("One.", "Many."),
        "By another name.",
        "By its module.",
        "In another call.",
    }


def test_sources_are_all_rooms_but_those_of_the_terminal(scan: Scan) -> None:
    names = {str(path.relative_to(scan.root)) for path in scan.sources()}
    assert names == FILES.keys() - {"bot/cli/__init__.py", "bot/cli/run.py"}
