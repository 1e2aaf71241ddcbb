"""The catalogues: nothing missing, nothing left over, and all of it fits where Discord shows it."""

from __future__ import annotations

import ast
import functools
import re
import string
from collections.abc import Iterator
from typing import Any

import discord
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from discord import Locale, app_commands

from bot.commands import all_commands
from bot.commands.option_names import NAMES, option_name
from bot.commands.options import LocaleTranslator
from bot.core.config import Style
from bot.core.translations import ENGLISH, TRANSLATED, in_language, language_of, translate
from generator.contract.limits import ModelLimits
from generator.contract.text import Text
from tools import words

LABEL = 45  # what a form's field and title take; a button takes 80
DESCRIPTION = CHOICE = PLACEHOLDER = 100
MENU = 32
OPTION_NAME = re.compile(r"[-_'\w]{1,32}")  # Discord's own pattern, of any script's letters
MESSAGE_MENU = 3  # the type of command


def ids(catalog: Catalog) -> set[str | tuple[str, ...]]:
    return {_key(message) for message in catalog if message.id}


def _key(message: Message) -> str | tuple[str, ...]:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def test_the_template_has_what_is_said() -> None:
    with words.TEMPLATE.open("rb") as opened:
        written = read_po(opened)
    assert ids(written) == ids(words.extracted()), "run `python -m tools.words`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_string_is_translated_once(language: str) -> None:
    catalog = words.catalogue(language)
    assert ids(catalog) == ids(words.extracted()), "run `python -m tools.words`, then translate"
    assert not catalog.obsolete
    for message in catalog:
        if message.id:
            assert not message.fuzzy, message.id
            assert len(_forms(message)) == _wanted_forms(catalog, message), message.id
            assert all(_forms(message)), f"{message.id!r} isn't translated"


def _forms(message: Message) -> tuple[str, ...]:
    said = message.string
    return (said,) if isinstance(said, str) else tuple(said or ())


def _wanted_forms(catalog: Catalog, message: Message) -> int:
    return 1 if isinstance(message.id, str) else catalog.num_plurals


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_same_places_for_values(language: str) -> None:
    for message in words.catalogue(language):
        if not message.id:
            continue
        # a plural may say its number in words or in figures
        named = {"count"} if not isinstance(message.id, str) else set()
        wanted = _places(_key(message)[-1] if named else str(message.id))
        for form in _forms(message):
            assert _names(form) | named == {name for name, _, _ in wanted} | named, form
            assert _places(form) <= wanted, form


def _places(template: str) -> set[tuple[str, str | None, str | None]]:
    """Name, conversion and format of each value's place."""
    return {
        (name, conversion, spec)
        for _, name, spec, conversion in string.Formatter().parse(template)
        if name is not None
    }


def _names(template: str) -> set[str]:
    return {name for name, _, _ in _places(template)}


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentences_end_as_the_english_ones(language: str) -> None:
    ends = {
        ".": ".。",
        "?": "?\N{FULLWIDTH QUESTION MARK}",
        "!": "!\N{FULLWIDTH EXCLAMATION MARK}",
        "…": "…",
    }
    for message in words.catalogue(language):
        english = str(_key(message) if isinstance(message.id, str) else _key(message)[0])
        for form in _forms(message) if message.id else ():
            assert form.strip() == form
            if (wanted := ends.get(english[-1])) is not None:
                assert form[-1] in wanted, form


@pytest.mark.parametrize("language", TRANSLATED)
def test_punctuation_is_the_languages_own(language: str) -> None:
    for message in words.catalogue(language):
        for form in _forms(message) if message.id else ():
            shown = re.sub(r"\{[^}]*\}", "x", form).replace("force_de_l'image", "")
            assert not _FOREIGN[language].search(shown), form


# What Markdown, code and Discord's own names never need, in any sentence of that language.
_FOREIGN = {
    "de": re.compile(r"\w…|“\w|„[^“]*$"),
    "es": re.compile(r"\s…|^[^¿]*\?|^[^¡]*!"),
    "fr": re.compile(
        r"[^\S\N{NARROW NO-BREAK SPACE}][;:!?»]|\w[;!?](?:\s|$)|[a-zà-ÿ]: "
        r"|«[^\N{NARROW NO-BREAK SPACE}]|\w'\w|\s…"
    ),
    "ja": re.compile(r"[ぁ-ん] [\w`/<]|[\w`>] [ぁ-ん]|\((?!s\))|[ぁ-ヶ一-龠][:?!]|\s…"),
}


def test_each_of_discords_locales_has_a_language() -> None:
    spoken = {str(locale) for locale in Locale if language_of(str(locale)) != ENGLISH}
    assert spoken == {"de", "fr", "es-ES", "es-419", "ja"}


async def test_commands_fit_in_every_language() -> None:
    for told in await _registered():
        for kind, text in _localized(told):
            most = {"description": DESCRIPTION, "name": CHOICE}[kind]
            assert len(text) <= (MENU if told["type"] == MESSAGE_MENU else most), text


async def test_every_description_is_localized() -> None:
    for told in await _registered():
        todo = [told]
        while todo:
            part = todo.pop()
            todo += part.get("options") or []
            if part.get("description"):
                languages = part.get("description_localizations") or {}
                assert set(languages) == {"de", "fr", "es-ES", "es-419", "ja"}, part["name"]


async def test_every_option_has_a_name_of_its_own_in_every_language() -> None:
    for told in await _registered():
        todo = [told]
        while todo:
            part = todo.pop()
            options = [each for each in part.get("options") or [] if each["type"] > 2]
            todo += [each for each in part.get("options") or [] if each["type"] <= 2]
            for language in ("de", "fr", "es-ES", "es-419", "ja"):
                names = [each["name_localizations"][language] for each in options]
                assert len(set(names)) == len(names)
                assert all(OPTION_NAME.fullmatch(name) and name == name.lower() for name in names)


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentences_call_options_as_people_see_them(language: str) -> None:
    with in_language(language):
        for message in words.catalogue(language):
            english = str(_key(message)[0] if isinstance(message.id, tuple) else message.id)
            for name in NAMES:
                if "_" in name and name in english:
                    assert option_name(name) in str(message.string), english


async def _registered() -> list[dict[str, Any]]:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    translator = LocaleTranslator()
    commands = all_commands(ModelLimits(), {"ink": Style()})
    return [await command.get_translated_payload(tree, translator) for command in commands]


def _localized(part: object) -> Iterator[tuple[str, str]]:
    """Kind and text of everything that is said in some language."""
    if isinstance(part, list):
        for each in part:
            yield from _localized(each)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key.endswith("_localizations"):
                yield from ((key.removesuffix("_localizations"), text) for text in value.values())
            else:
                yield from _localized(value)


@pytest.mark.parametrize("locale", ["en-US", "de", "fr", "es-ES", "ja"])
def test_labels_fit_in_every_language(locale: str) -> None:
    labels = _labels()
    assert len(labels) > 30
    with in_language(locale):
        for label in labels:
            assert 0 < len(translate(label)) <= LABEL, translate(label)


@functools.cache
def _labels() -> frozenset[str]:
    """What stands on buttons, in menus, and over the fields of forms."""
    return frozenset(_labels_in_sources())


def _labels_in_sources() -> Iterator[str]:
    for path in words.scan().sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                shown = [each.value for each in node.keywords if each.arg in _SHOWN]
                if _called(node) in ("Form", "field"):
                    shown += node.args
                yield from (text for part in shown for text in _said(part))
    for name in ("EDITS", "_LABELS"):
        yield from _table(name)


_SHOWN = ("label", "placeholder")


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _said(part: ast.expr) -> Iterator[str]:
    if isinstance(part, ast.Call) and _called(part) == "translate" and part.args:
        text = part.args[0]
        if isinstance(text, ast.Constant):
            yield str(text.value)


def _table(name: str) -> Iterator[str]:
    from bot.ui import result_view

    table = getattr(result_view, name)
    found = table.values() if isinstance(table, dict) else (label for _, label in table)
    yield from (each.template for each in found if isinstance(each, Text))
