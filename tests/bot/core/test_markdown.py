"""Strangers' text in messages: nothing of it is formatting, a masked link or a ping."""

from __future__ import annotations

import re

import pytest

from bot.core.markdown import Markdown, escape_markdown

# Discord's own rules, as its clients have them: an escape wins over all else at its place.
_ESCAPE = re.compile(r"\\[^0-9A-Za-z\s]")
_MASKED = re.compile(r"\[[^\]]*\]\s*\(\s*<?\s*https?://[^)]*\)")


def live_links(text: str) -> list[str]:
    """Masked links that Discord would show."""
    return _MASKED.findall(_ESCAPE.sub("\N{WHITE SQUARE}", text))


@pytest.mark.parametrize(
    "text",
    [
        "[one](https://a.example) and [two](https://b.example)",
        "[a](https://a.example)[b](https://b.example)[c](<https://c.example>)",
        "https://good.example/[two](https://b.example)",
        "see https://good.example [two](https://b.example/_x_)",
        r"\[two](https://b.example)",
        r"\\[two](https://b.example)",
        "[[two]](https://b.example)",
        "x" * 299 + "[two](https://b.example)",
    ],
)
def test_no_masked_link_stays_live(text: str) -> None:
    assert live_links(text + " [checked](https://x.example)")  # the check itself can fail
    assert live_links(escape_markdown(text)) == []


def test_marks_pings_and_what_begins_a_line_are_undone() -> None:
    assert escape_markdown("**a** _b_ ~c~ ||d|| `e`") == r"\*\*a\*\* \_b\_ \~c\~ \|\|d\|\| \`e\`"
    assert escape_markdown("<@1> <t:0:R> </gif:1>") == r"\<@1\> \<t:0:R\> \</gif:1\>"
    assert "@everyone" not in escape_markdown("@everyone @here")
    assert escape_markdown("# a\n- b\n1. c\n> d") == "\\# a\n\\- b\n1\\. c\n\\> d"
    assert escape_markdown("a-b #c 1. (d)") == "a-b #c 1. (d)"


def test_a_bare_link_stays_as_it_is() -> None:
    assert escape_markdown("https://a.example/b_c*d").startswith("https://a.example/b_c")
    assert escape_markdown("https://a.example/b_c") == "https://a.example/b_c"


def test_what_is_meant_as_markdown_is_left() -> None:
    assert escape_markdown(Markdown("<#1>")) == "<#1>"
