"""Brings the catalogues up to date: ``python -m tools.words``.

Writes every template that may reach somebody in Discord (``tools.translatable`` finds them) to
``messages.pot``, gives each language the new ones (empty, to be translated), and takes away those
that are said no more. Says what is left to translate, with exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bot.core.translations import DOMAIN, LOCALES, TRANSLATED
from tools.translatable import Scan

ROOT = Path(__file__).parent.parent
TEMPLATE = LOCALES / f"{DOMAIN}.pot"
_FLEETING = (
    b'"Project-Id-Version',
    b'"Report-Msgid-Bugs-To',
    b'"POT-Creation-Date',
    b'"PO-Revision-Date',
    b'"Last-Translator',
    b'"Language-Team',
    b'"Generated-By',
)


@cache
def scan() -> Scan:
    """This checkout, read once."""
    return Scan.of(ROOT)


@cache
def extracted() -> Catalog:
    """Every template."""
    catalog = Catalog(project="hotshot-bot", charset="utf-8")
    for template in scan().templates():
        catalog.add(template)
    return catalog


def catalogue(language: str) -> Catalog:
    """A language's own."""
    file = _file(language)
    if not file.exists():
        return Catalog(locale=language, project="hotshot-bot", charset="utf-8")
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def main() -> int:
    """Returns the exit code."""
    template = extracted()
    _write(TEMPLATE, template)
    missing = 0
    for language in TRANSLATED:
        known = catalogue(language)
        known.update(template, no_fuzzy_matching=True, update_header_comment=False)
        known.obsolete.clear()
        _write(_file(language), known)
        empty = [message.id for message in known if message.id and not _is_whole(message.string)]
        missing += len(empty)
        for each in empty:
            print(f"{language}: {each}")
    return 1 if missing else 0


def _is_whole(string: str | Sequence[str] | None) -> bool:
    return bool(string) and (isinstance(string, str) or all(string or ()))


def _file(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def _write(file: Path, catalog: Catalog) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    catalog.fuzzy = False
    catalog.header_comment = "# What the bot says; see tools/words.py."
    made = BytesIO()
    write_po(made, catalog, width=100, no_location=True, sort_output=True)
    lines = made.getvalue().splitlines(keepends=True)
    # dates, people and versions would change the file whenever it is written
    file.write_bytes(b"".join(line for line in lines if not line.startswith(_FLEETING)))


if __name__ == "__main__":
    sys.exit(main())
