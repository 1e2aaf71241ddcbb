"""A GIF is found wherever a message shows it: also where a component does, and nothing lists it."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.core.errors import RefusedError
from bot.gateway.message_media import file_names, find_media

_CDN = "https://cdn.discordapp.com/attachments/1/2"


def message(*components: dict[str, Any], **values: Any) -> discord.Message:
    """Discord's own message, as its JSON says it."""
    client = discord.Client(intents=discord.Intents.none())
    lists = ("attachments", "embeds", "mentions", "mention_roles")
    data: Any = {
        "id": "5", "type": 0, "content": "", "channel_id": "3", "tts": False, "pinned": False,
        "author": {"id": "2", "username": "bot", "discriminator": "0", "avatar": None},
        "mention_everyone": False, "edited_timestamp": None, "flags": 1 << 15,
        "timestamp": "2026-08-01T00:00:00+00:00", "components": list(components),
    } | {name: [] for name in lists} | values  # fmt: skip
    place: Any = client.get_partial_messageable(3)
    return discord.Message(state=client._connection, channel=place, data=data)


def media(name: str, **values: Any) -> dict[str, Any]:
    return {"url": f"{_CDN}/{name}?ex=1&hm=2", "proxy_url": ""} | values


def gallery(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": 12, "id": 2, "items": [{"media": each} for each in items]}


def container(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 17, "id": 1, "components": list(parts)}


THUMBNAIL = {"type": 11, "id": 4, "media": media("small.png", attachment_id="8")}
SECTION = {
    "type": 9, "id": 3, "components": [{"type": 10, "id": 5, "content": "x"}],
    "accessory": THUMBNAIL,
}  # fmt: skip


@pytest.mark.parametrize(
    ("components", "name"),
    [
        ([container(gallery(media("a.gif", attachment_id="7")))], "a.gif"),
        ([gallery(media("SPOILER_a.gif", attachment_id="7"))], "SPOILER_a.gif"),
        ([container(SECTION)], "small.png"),
        ([{"type": 13, "id": 6, "file": media("b.mp4", attachment_id="9")}], "b.mp4"),
    ],
)
def test_a_file_that_a_component_shows_is_the_message_s_own(
    components: list[dict[str, Any]], name: str
) -> None:
    shown = message(*components)
    assert file_names(shown) == [name]
    found = find_media(shown, lambda _: False)
    assert (found.filename, found.is_link) == (name, False)


def test_what_lies_elsewhere_is_a_link() -> None:
    shown = message(container(gallery(media("a.gif"))))
    assert find_media(shown, lambda _: True).is_link


def test_an_attachment_comes_first_and_nothing_is_refused() -> None:
    attached = {"id": "6", "filename": "c.gif", "size": 3, "proxy_url": "", "url": f"{_CDN}/c.gif"}
    shown = message(gallery(media("a.gif", attachment_id="7")), attachments=[attached])
    assert find_media(shown, lambda _: True).filename == "c.gif"
    assert file_names(shown) == ["c.gif", "a.gif"]
    with pytest.raises(RefusedError):
        find_media(message({"type": 10, "id": 1, "content": "x"}), lambda _: True)
