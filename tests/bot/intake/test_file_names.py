"""Names that came with a file, and lines that people typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intake.file_names import plain_line, shown_name


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.gif", "a.gif"),
        ("a\u202egif.exe", "agif.exe"),
        ("\u200b\u200d", "file"),
        ("", "file"),
        ("/", "file"),
        ("a\n\tb.gif", "a b.gif"),
    ],
)
def test_names(given_: str, shown: str) -> None:
    assert shown_name(given_) == shown


@given(st.text(), st.integers(1, 50))
def test_a_line_is_one_line_that_is_seen(text: str, limit: int) -> None:
    line = plain_line(text, limit)
    assert len(line) <= limit
    assert line == line.strip()
    assert line.isprintable()
