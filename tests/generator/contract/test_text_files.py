"""Text files as editors save them: what is read, and what is refused by its name."""

from __future__ import annotations

import codecs

import pytest

from generator.contract.text_files import EncodingError, decode

WORDS = "ein grüner Ball, 緑のボール\r\n"


@pytest.mark.parametrize(
    "data",
    [
        WORDS.encode(),
        codecs.BOM_UTF8 + WORDS.encode(),
        codecs.BOM_UTF16_LE + WORDS.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be"),
    ],
    ids=["UTF-8", "UTF-8 with a mark", "UTF-16 LE", "UTF-16 BE"],
)
def test_what_is_read(data: bytes) -> None:
    assert decode(data) == WORDS


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (codecs.BOM_UTF32_LE + WORDS.encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF32_BE + WORDS.encode("utf-32-be"), "UTF-32"),
        ("a ball".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("ein grüner Ball".encode("utf-16-be"), "UTF-16 without a byte order mark"),
        (codecs.BOM_UTF16_LE + "a ball".encode("utf-16-le")[:-1], "UTF-16, and damaged"),
        ("ein grüner Ball".encode("cp1252"), "Latin-1 or Windows-1252"),
        ("緑のボール".encode("shift_jis"), "neither UTF-8 nor UTF-16"),
        (b"GIF89a\x00\x01", "no text"),
    ],
)
def test_what_is_refused_by_its_name(data: bytes, name: str) -> None:
    with pytest.raises(EncodingError, match=name):
        decode(data)


def test_an_empty_file_is_an_empty_text() -> None:
    assert decode(b"") == decode(codecs.BOM_UTF8) == decode(codecs.BOM_UTF16_LE) == ""
