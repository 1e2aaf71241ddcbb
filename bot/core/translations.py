"""Translates what the bot says into the language of whoever reads it.

English templates stand where they are said and are what the catalogues (``bot/locales``) are looked
up by. Whose language it is, is set at the edges, by the interaction or by the job, and holds for
everything that happens there; elsewhere it is English.
"""

from __future__ import annotations

import gettext
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from generator.contract.text import Text, plural

Escape = Callable[[str], str]

ENGLISH = "en"
TRANSLATED = ("de", "fr", "es", "ja")
LOCALES = Path(__file__).parents[1] / "locales"
DOMAIN = "messages"

_language: ContextVar[str] = ContextVar("language", default=ENGLISH)
# What English writes as a point and a comma in a number.
_SEPARATORS = {
    "de": str.maketrans(".,", ",."),
    "es": str.maketrans(".,", ",."),
    "fr": str.maketrans(".,", ",\N{NARROW NO-BREAK SPACE}"),
}


def translate(words: str | Text, /, **values: Any) -> str:
    """Return a template with its values, or a Text, in the language of whoever reads it."""
    made = words if isinstance(words, Text) else Text(words, **values)
    return _render(made, _language.get())


def translate_escaped(words: Text, escape: Escape) -> str:
    """Return what ``translate`` does, with ``escape`` applied to each value.

    Values may be strangers' words.
    """
    return _render(words, _language.get(), escape)


def translate_plural(one: str, many: str, number: int, /, **values: Any) -> str:
    """Return the template for one or for many, in the language of whoever reads it.

    ``translate_plural("1 GIF is ahead", "{count} GIFs are ahead", number)``.
    """
    return _render(plural(one, many, number, **values), _language.get())


def is_english() -> bool:
    """Return whether the reader's language is English, in which options keep their own names."""
    return _language.get() == ENGLISH


def format_number(number: float) -> str:
    """Return a number as the reader's language writes it."""
    return _Formatter(_language.get()).format_field(number, "g")


@contextmanager
def in_language(locale: str) -> Iterator[None]:
    """Have everything inside said in the language of one of Discord's locales."""
    token = _language.set(language_of(locale))
    try:
        yield
    finally:
        _language.reset(token)


def set_language(locale: str) -> None:
    """Have everything said in the language of a locale, until the end of this task."""
    _language.set(language_of(locale))


def language_of(locale: str) -> str:
    """Return the language of a locale as Discord names it.

    ``es-419`` is ``es``, and unknown ones are English.
    """
    language = locale.partition("-")[0]
    return language if language in TRANSLATED else ENGLISH


def load() -> None:
    """Read every catalogue, which takes a moment.

    A catalogue that wasn't read here is read when it is first needed.
    """
    for language in TRANSLATED:
        _catalogue(language)


class _Formatter(string.Formatter):
    """Formats as ``str.format`` does, with numbers and Texts in a language."""

    def __init__(self, language: str, escape: Escape | None = None) -> None:
        self._language = language
        self._escape = escape

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Text):
            return _render(value, self._language, self._escape)
        if isinstance(value, str) and self._escape is not None:
            value = self._escape(value)
        text = format(value, format_spec)
        if isinstance(value, str) or self._language not in _SEPARATORS:
            return text
        return text.translate(_SEPARATORS[self._language])


def _render(words: Text, language: str, escape: Escape | None = None) -> str:
    if language == ENGLISH and escape is None:
        return str(words)
    template = _template(words, language)
    return (
        _Formatter(language, escape).format(template, **words.values) if words.values else template
    )


def _template(words: Text, language: str) -> str:
    if language == ENGLISH:
        return words.template if words.number == 1 or not words.plural else words.plural
    catalogue = _catalogue(language)
    if words.plural:
        return catalogue.ngettext(words.template, words.plural, words.number)
    return catalogue.gettext(words.template) if words.template else ""


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    from babel.messages.mofile import write_mo  # the command line needn't wait for it
    from babel.messages.pofile import read_po

    file = LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not file.exists():
        return gettext.NullTranslations()
    with file.open("rb") as opened:
        catalogue = read_po(opened, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
