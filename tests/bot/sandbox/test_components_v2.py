"""Messages of components alone, as discord.py sends them, and what Discord refuses of them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import discord as library
import pytest
from discord import ui

from bot.sandbox import NotOffered, Person, Sandbox
from tests.bot.sandbox.layout_bot import LayoutBot, Panel, panel_parts
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import GIF, running
from tests.bot.sandbox.test_discord_rules import at, button, row

V2 = 1 << 15
FILES = (("a.gif", GIF), ("recipe.txt", b"seed 5"))
Payload = dict[str, Any]


@pytest.fixture
async def bot(discord: Sandbox) -> AsyncIterator[LayoutBot]:
    async with running(LayoutBot(), discord.url, discord.token) as made:
        yield made


def text(content: str) -> Payload:
    return {"type": 10, "content": content}


def full() -> ui.LayoutView:
    """Return a layout that is as large as Discord takes: 40 components, 4,000 characters."""
    made: ui.LayoutView = ui.LayoutView(timeout=None)
    gallery = [library.MediaGalleryItem("attachment://a.gif") for _ in range(9)]
    gallery.append(library.MediaGalleryItem("https://example.com/b.gif", description="x" * 1024))
    thumbnail: ui.Thumbnail[Any] = ui.Thumbnail("attachment://a.gif", spoiler=True)
    made.add_item(ui.Section("a", "b", "c", accessory=thumbnail))  # five of the 40
    made.add_item(ui.Container(ui.MediaGallery(*gallery), spoiler=True))  # two
    buttons = [ui.Button[Any](label="x", custom_id="x" * 99 + str(n)) for n in range(5)]
    made.add_item(ui.ActionRow(*buttons))  # six
    made.add_item(ui.File("attachment://recipe.txt", id=40))
    for _ in range(25):
        made.add_item(ui.Separator())
    return made.add_item(ui.TextDisplay("x" * 3997))


async def test_a_layout_at_its_limits(discord: Sandbox, bot: LayoutBot) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    message = await channel.send(view=full(), files=Panel.files())
    assert message.flags.components_v2
    assert message.attachments == []  # since the components show all files
    section, container, actions, shown, *_ = message.components
    assert isinstance(section, library.SectionComponent)
    assert isinstance(section.accessory, library.ThumbnailComponent)
    assert section.accessory.spoiler
    assert isinstance(container, library.Container)
    [gallery] = container.children
    assert isinstance(gallery, library.MediaGalleryComponent)
    first, last = gallery.items[0], gallery.items[-1]
    assert (first.media.width, first.media.height) == (64, 48)
    assert last.media.url == "https://example.com/b.gif"
    assert await bot.http.get_from_cdn(first.media.url) == GIF
    assert isinstance(shown, library.FileComponent)
    assert (shown.name, shown.size, shown.id) == ("recipe.txt", 6, 40)
    assert isinstance(actions, library.ActionRow)
    assert len(message.components) == 30
    assert discord.violations == []


async def test_an_edit_keeps_the_flag(discord: Sandbox, bot: LayoutBot) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    message = await channel.send("plain", file=library.File(io.BytesIO(GIF), "a.gif"))
    view: ui.LayoutView = ui.LayoutView()
    view.add_item(ui.MediaGallery(library.MediaGalleryItem("attachment://a.gif")))
    with pytest.raises(library.HTTPException, match="'content' field"):
        await message.edit(view=view)
    edited = await message.edit(content=None, view=view)
    assert (edited.content, edited.flags.components_v2) == ("", True)
    with pytest.raises(library.HTTPException, match="'content' field"):
        await edited.edit(content="plain again")
    with pytest.raises(library.HTTPException, match="empty message"):
        await edited.edit(view=None)
    [shown] = discord.messages_in(discord.channel)
    assert shown.is_v2
    assert shown.files[0].data == GIF


async def test_a_panel_in_a_deferred_answer(discord: Sandbox, bot: LayoutBot, ada: Person) -> None:
    command = await ada.slash("panel")
    message = await command.message()
    assert message.ephemeral
    assert message.is_v2
    assert message.text == "a red ball\n768 x 320"
    assert [file.filename for file in message.files] == ["a.gif", "recipe.txt"]
    picked = await ada.choose(message, "kinds", "faster", "loop")
    assert (await picked.message()).text == "faster, loop"
    bob = discord.person("bob")
    picked = await ada.choose(message, "Who?", bob)
    answer = await picked.message()
    assert (answer.text, answer.ephemeral, answer.is_v2) == ("bob", True, True)
    pressed = await ada.press(message, "Again")  # beside a section's text
    assert (await pressed.message()).text == "made again\n768 x 320"
    assert message.files[0].data == GIF
    for menu, values in (
        ("kinds", ()),
        ("kinds", ("loop", "loop")),
        ("kinds", ("loop", "faster", "slower")),
        ("kinds", ("sideways",)),
        ("person", (discord.channel,)),
        ("nowhere", ("loop",)),
    ):
        with pytest.raises(NotOffered):
            await ada.choose(message, menu, *values)
    assert discord.violations == []


def changed(change: Callable[[list[Payload]], object]) -> list[Payload]:
    """Return the parts of a panel after a change."""
    panel = panel_parts()
    change(panel[0]["components"])
    return panel


def media(url: str, **more: Any) -> Payload:
    return {"media": {"url": url}, **more}


def put(index: int, **values: Any) -> list[Payload]:
    return changed(lambda parts: parts[index].update(values))


def menu(**values: Any) -> list[Payload]:
    return changed(lambda parts: parts[6]["components"][0].update(values))


INSIDE = "components.0.components"
MENU = f"{INSIDE}.6.components.0"
NOT_FOUND = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
DUPLICATED = "COMPONENT_CUSTOM_ID_DUPLICATED"
LEGACY = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
REFUSED: list[tuple[Payload | list[Payload], str, str]] = [
    ({"content": ""}, "content", LEGACY),
    ({"embeds": [{"title": "x"}]}, "embeds", LEGACY),
    ({"sticker_ids": ["1"]}, "sticker_ids", LEGACY),
    (
        {"poll": {"question": {"text": "?"}, "answers": [{"poll_media": {"text": "x"}}]}},
        "poll",
        LEGACY,
    ),
    ({"flags": 0}, "components.0.type", "UNION_TYPE_CHOICES"),
    ([{"type": 14}] * 41, "components", "BASE_TYPE_MAX_LENGTH"),
    (
        changed(lambda parts: parts.extend([{"type": 14}] * 27)),
        "components",
        "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
    ),
    ([text("x" * 2001)] * 2, "components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
    ([text("")], "components.0.content", "BASE_TYPE_MIN_LENGTH"),
    (put(0, components=[text("x")] * 4), f"{INSIDE}.0.components", "BASE_TYPE_MAX_LENGTH"),
    (put(0, components=[]), f"{INSIDE}.0.components", "BASE_TYPE_MIN_LENGTH"),
    (put(0, accessory=None), f"{INSIDE}.0.accessory", "INVALID_TYPE"),
    (put(1, items=[]), f"{INSIDE}.1.items", "BASE_TYPE_MIN_LENGTH"),
    (
        put(1, items=[media("attachment://a.gif")] * 11),
        f"{INSIDE}.1.items",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (
        put(1, items=[media("attachment://a.gif", description="x" * 1025)]),
        f"{INSIDE}.1.items.0.description",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (put(1, items=[media("attachment://b.gif")]), f"{INSIDE}.1.items.0.media.url", NOT_FOUND),
    (
        put(1, items=[media("ftp://example.com/a.gif")]),
        f"{INSIDE}.1.items.0.media.url",
        "URL_TYPE_INVALID_SCHEME",
    ),
    (put(2, spacing=3), f"{INSIDE}.2.spacing", "BASE_TYPE_CHOICES"),
    (
        put(3, file={"url": "https://example.com/recipe.txt"}),
        f"{INSIDE}.3.file.url",
        "UNFURLED_MEDIA_ITEM_ATTACHMENT_REQUIRED",
    ),
    (put(3, file={"url": "attachment://Recipe.txt"}), f"{INSIDE}.3.file.url", NOT_FOUND),
    (
        put(4, components=[button(custom_id=str(n)) for n in range(6)]),
        f"{INSIDE}.4.components",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (put(4, components=[button(custom_id="again")]), "components", DUPLICATED),
    ([*put(4, id=9), text("x") | {"id": 9}], "components", "COMPONENT_ID_DUPLICATED"),
    (
        changed(lambda parts: parts[6]["components"].insert(0, button())),
        f"{INSIDE}.6.components.1",
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    (menu(max_values=4), f"{MENU}.options", "BASE_TYPE_BAD_LENGTH"),
    (menu(min_values=3), f"{MENU}.min_values", "NUMBER_TYPE_MAX"),
    (
        menu(options=[{"label": each, "value": "x"} for each in "ab"]),
        f"{MENU}.options.0.value",
        "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
    ),
    (
        menu(options=[{"label": each, "value": each, "default": True} for each in "abc"]),
        f"{MENU}.options",
        "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES",
    ),
    (
        [panel_parts()[0] | {"accent_color": 2**24}],
        "components.0.accent_color",
        "NUMBER_TYPE_MAX",
    ),
]


async def test_what_is_refused(discord: Sandbox, raw: Raw) -> None:
    path = f"/channels/{discord.channel.id}/messages"
    right = {"flags": V2, "components": panel_parts()}
    for wrong, place, code in REFUSED:
        change = wrong if isinstance(wrong, dict) else {"components": wrong}
        status, body = await raw.send(path, right | change, *FILES)
        assert status == 400, (place, code)
        assert (status, body["code"], body["message"]) == (400, 50035, "Invalid Form Body")
        assert at(body["errors"], place) == code, body
    assert len(discord.violations) >= len(REFUSED)
    status, body = await raw.send(path, {"flags": V2}, *FILES)
    assert (status, body["code"]) == (400, 50006)  # files alone don't show
    assert discord.messages_in(discord.channel) == []
    status, posted = await raw.send(path, right, *FILES)
    assert status == 200
    edit = f"{path}/{posted['id']}"
    [first, _] = discord.messages_in(discord.channel)[0].files
    for attachment, expected in (
        ({"id": str(first.id)}, 400),  # whose name has to be said, too, where it is referred to
        ({"id": str(first.id), "filename": "a.gif"}, 200),
    ):
        gallery = [{"type": 12, "items": [media("attachment://a.gif")]}]
        payload = {"components": gallery, "attachments": [attachment]}
        status, body = await raw.call("PATCH", edit, payload)
        assert status == expected, body
    status, body = await raw.call("PATCH", edit, {"flags": 4})
    assert at(body["errors"], "flags") == "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG"


async def test_rows_are_all_that_other_messages_take(discord: Sandbox, raw: Raw) -> None:
    path = f"/channels/{discord.channel.id}/messages"
    status, _ = await raw.call("POST", path, {"components": [row(button())]})
    assert status == 200
    status, body = await raw.call("POST", path, {"content": "x", "components": [text("x")]})
    assert at(body["errors"], "components.0.type") == "UNION_TYPE_CHOICES"
