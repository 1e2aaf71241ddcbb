"""What is said, and in whose language."""

from __future__ import annotations

import pickle

import pytest

from bot.core.errors import RefusedError
from bot.core.translations import in_language, language_of, translate, translate_plural
from bot.ui.answers import error_message
from generator.contract.errors import RequestError
from generator.contract.text import Text, plural


def test_english_is_what_stands_in_the_code() -> None:
    assert translate("At most {most} fit.", most=8) == "At most 8 fit."
    assert translate("{} stands as it is") == "{} stands as it is"
    assert [translate_plural("1 frame", "{count} frames", number) for number in (1, 2)] == [
        "1 frame",
        "2 frames",
    ]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("fr", "fr"),
        ("es-ES", "es"),
        ("es-419", "es"),
        ("ja", "ja"),
        ("en-GB", "en"),
        ("tlh", "en"),
        ("", "en"),
        ("../../etc", "en"),
    ],
)
def test_every_locale_has_a_language(locale: str, language: str) -> None:
    assert language_of(locale) == language


def test_numbers_are_written_as_the_language_writes_them() -> None:
    said = []
    for locale in ("en-US", "de", "fr", "ja"):
        with in_language(locale):
            said.append(translate("{size:,.1f}", size=1234.5))
    assert said == ["1,234.5", "1.234,5", "1\N{NARROW NO-BREAK SPACE}234,5", "1,234.5"]


def test_what_a_person_typed_is_never_taken_for_a_template() -> None:
    hostile = "{name.__class__} {0} {"
    with in_language("de"):
        assert translate("{name}", name=hostile) == hostile
        assert translate("{outer}", outer=Text("{name}", name=hostile)) == hostile


def test_words_survive_json_and_pickle() -> None:
    words = Text("{what}: {n:.1f}", what=plural("1 frame", "{count} frames", 3), n=2.5)
    assert Text.from_dict(words.to_dict()) == words
    assert pickle.loads(pickle.dumps(words)) == words  # noqa: S301 - made two lines above
    assert str(words) == "3 frames: 2.5"


@pytest.mark.parametrize("kind", [RefusedError, RequestError])
def test_an_error_keeps_its_template(kind: type[RefusedError | RequestError]) -> None:
    error = kind("At most {most} fit.", most=8)
    assert (str(error), error.words.template) == ("At most 8 fit.", "At most {most} fit.")
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - made one line above
    assert (str(copied), copied.words) == (str(error), error.words)
    assert error_message(error) == "At most 8 fit."
