"""Whatever text ends up in an answer, Discord takes it: cleaned, and cut to its limits."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from bot.gateway.outgoing import clean_text, fit_to_limits, may_be_unclean, to_json

LONG = "x" * 10_000


def test_lone_surrogates_and_nuls_go_and_all_else_stays() -> None:
    assert clean_text("a\ud800b\0c") == "a?bc"
    assert (
        clean_text("né 🎨 日本 \U0001f468\u200d\U0001f469")
        == "né 🎨 日本 \U0001f468\u200d\U0001f469"
    )
    text = to_json({"content": "\ud800", "embeds": [{"title": "\udfff", "a\udc00": 1}]})
    assert json.loads(text) == {"content": "?", "embeds": [{"title": "?", "a?": 1}]}


def test_json_that_may_be_unclean_is_known_by_its_text() -> None:
    parts = [r"\ud83d", r"\uDE00", r"\u0000", r"ud83d", r"\\", r"\"", r"\n", r"\u00e9", r"a", r"é"]
    missed, idle = [], 0
    for chosen in itertools.chain.from_iterable(
        itertools.product(parts, repeat=n) for n in (1, 2, 3, 4)
    ):
        text = '"' + "".join(chosen) + '"'
        value = json.loads(text)
        is_unclean = "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
        idle += not may_be_unclean(text)
        if is_unclean and not may_be_unclean(text):
            missed.append(text)
    assert missed == []
    assert idle > 1000  # else all would be cleaned for nothing
    assert not may_be_unclean(json.dumps({"a 🎨": "\U0001f468 né \\n"}))


def test_a_message_is_cut_where_it_is_too_long() -> None:
    sent = fit_to_limits({"type": 4, "data": {"content": LONG, "flags": 64}})
    assert len(sent["data"]["content"]) == 2000
    assert sent["data"]["content"].endswith("…")
    assert fit_to_limits({"content": "x" * 2000})["content"] == "x" * 2000


def test_a_block_of_code_that_is_cut_is_closed() -> None:
    content = fit_to_limits({"content": f"```\n{LONG}\n```"})["content"]
    assert len(content) <= 2000
    assert content.endswith("\n```")
    assert content.count("```") == 2


@pytest.mark.parametrize("count", [1, 12])
def test_embeds_keep_within_each_limit_and_all_together(count: int) -> None:
    field = {"name": LONG, "value": LONG}
    embed = {
        "title": LONG, "description": LONG, "footer": {"text": LONG}, "author": {"name": LONG},
        "fields": [dict(field) for _ in range(40)],
    }  # fmt: skip
    copies = [json.loads(json.dumps(embed)) for _ in range(count)]
    embeds = fit_to_limits({"embeds": copies})["embeds"]
    assert len(embeds) <= 10
    total = 0
    for each in embeds:
        assert len(each["title"]) <= 256
        assert len(each["description"]) <= 4096
        assert len(each["footer"]["text"]) <= 2048
        assert len(each["fields"]) <= 25
        texts = [each["title"], each["description"], each["footer"]["text"], each["author"]["name"]]
        for one in each["fields"]:
            assert 1 <= len(one["name"]) <= 256
            assert 1 <= len(one["value"]) <= 1024
            texts += one.values()
        total += sum(map(len, texts))
    assert total <= 6000


def test_a_field_is_never_empty() -> None:
    [embed] = fit_to_limits({"embeds": [{"fields": [{"name": " ", "value": ""}]}]})["embeds"]
    assert embed["fields"] == [{"name": "…", "value": "…"}]


def test_forms_menus_and_choices_are_cut() -> None:
    field = {"type": 4, "label": LONG, "placeholder": LONG, "value": LONG, "max_length": 200}
    form = {"title": LONG, "custom_id": "f", "components": [{"type": 1, "components": [field]}]}
    cut = fit_to_limits({"type": 9, "data": form})["data"]
    assert len(cut["title"]) == 45
    [made] = cut["components"][0]["components"]
    assert [len(made[name]) for name in ("label", "placeholder", "value")] == [45, 100, 200]
    menu = {"type": 3, "placeholder": LONG, "options": [{"label": LONG, "description": LONG}]}
    button = {"type": 2, "label": LONG}
    row = {"type": 1, "components": [menu, button]}
    [cut] = fit_to_limits({"components": [row]})["components"]
    menu, button = cut["components"]
    assert (len(menu["placeholder"]), len(button["label"])) == (150, 80)
    assert len(menu["options"][0]["label"]) == len(menu["options"][0]["description"]) == 100
    choices: list[dict[str, Any]] = [{"name": LONG, "value": "v"} for _ in range(30)]
    cut = fit_to_limits({"type": 8, "data": {"choices": choices}})["data"]["choices"]
    assert len(cut) == 25
    assert {len(each["name"]) for each in cut} == {100}


def test_what_is_handed_in_stays_as_it_was() -> None:
    given = {"content": LONG, "embeds": [{"description": LONG}]}
    fit_to_limits(given)
    assert given == {"content": LONG, "embeds": [{"description": LONG}]}


def test_the_texts_of_components_share_what_a_message_may_hold() -> None:
    text = {"type": 10, "content": LONG}
    inner = {"type": 17, "components": [dict(text), {"type": 9, "components": [dict(text)]}]}
    components = fit_to_limits({"components": [{"type": 10, "content": "x"}, inner]})["components"]
    first, last = components[1]["components"][0], components[1]["components"][1]["components"][0]
    assert components[0]["content"] == "x"
    assert first["content"].endswith("…")
    assert last["content"] == "x"  # none is ever empty
    assert len(first["content"]) + 2 == 4000


def test_a_gallery_is_cut() -> None:
    item = {"media": {"url": "attachment://a.gif"}, "description": LONG}
    gallery = {"type": 12, "items": [dict(item) for _ in range(12)]}
    [cut] = fit_to_limits({"type": 7, "data": {"components": [gallery]}})["data"]["components"]
    assert len(cut["items"]) == 10
    assert {len(each["description"]) for each in cut["items"]} == {1024}
