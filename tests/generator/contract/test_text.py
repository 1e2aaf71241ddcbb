"""Sentences between two processes: what is no Text is refused, and found by nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generator.contract.json_text import JsonError, parse_json
from generator.contract.text import Text, parse_notes, parse_refusal


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"template": 1},
        {"template": "x", "values": []},
        {"template": "x", "plural": None},
        {"template": "{a}", "values": {"a": {"template": None}}},
    ],
)
def test_other_json_is_no_text(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no Text"):
        Text.from_dict(said)
    assert parse_refusal(json.dumps({"refused": said}).encode()) is None


def test_a_child_s_words_are_found_among_a_library_s_lines() -> None:
    lines = [b"\xff", b"[" * 100_000, b'{"note": "x"}', b"3", b'{"note": {"template": "Two."}}']
    assert parse_notes(b"\n".join(lines)) == [Text("Two.")]
    assert parse_refusal(b"\n".join(lines)) is None
    assert parse_refusal(b"") is None


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "9" * 5_000, b"\xff", b"\xff\xfe\0"])
def test_what_python_can_t_hold_is_no_json(text: str | bytes) -> None:
    with pytest.raises(JsonError):
        parse_json(text)
