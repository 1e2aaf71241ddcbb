"""Forms with every kind of field, as discord.py shows and reads them; what a client sends of them.

What Discord refuses of forms, and what a person types at the console, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Interaction, NotOffered, Person, Sandbox, Upload
from bot.sandbox.console.keyboard import Keyboard
from tests.bot.sandbox.layout_bot import PNG, EveryField, LayoutBot
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import GIF, running
from tests.bot.sandbox.test_discord_rules import at, row, text_input
from tests.patience import PATIENCE

Payload = dict[str, Any]
PICTURES = [Upload(f"{number}.png", PNG) for number in range(11)]


@pytest.fixture
async def bot(discord: Sandbox) -> AsyncIterator[LayoutBot]:
    async with running(LayoutBot(), discord.url, discord.token) as made:
        yield made
    assert discord.violations == []


async def edit_form(ada: Person) -> Interaction:
    message = await (await ada.slash("panel")).message()
    form = await ada.press(message, "Edit")
    await form.acknowledged()
    return form


async def test_every_field_arrives(discord: Sandbox, bot: LayoutBot, ada: Person) -> None:
    form = await edit_form(ada)
    filled = {"Prompt": "a star", "pictures": PICTURES[:10], "kind": "depth", "It loops": True}
    sent = await ada.submit(form, parts=["sky", "sand"], **filled)
    names = [f"{number}.png" for number in range(10)]
    assert (await sent.message()).text.splitlines() == [
        "prompt=a star",
        f"pictures={names}{[len(PNG)] * 10}",
        "kind=depth",
        "parts=['sky', 'sand']",
        "loops=True",
    ]
    attachments = sent.data["resolved"]["attachments"].values()
    assert {(each["ephemeral"], each["width"]) for each in attachments} == {(True, 7)}
    left = await ada.submit(await edit_form(ada), prompt="x", kind="edges")
    assert "pictures=[][]" in (await left.message()).text
    assert "loops=False" in (await left.message()).text

    other = await ada.slash("more")
    await other.acknowledged()
    role, bob = discord.world.add_role(discord.guild, "team"), discord.person("bob")
    sent = await ada.submit(other, role=role, anyone=[bob, role])
    assert (await sent.message()).text.splitlines() == [
        "size=['w']",
        "friend=[]",
        "role=['team']",
        "anyone=['bob', 'team']",
    ]


async def test_what_the_client_would_not_send(
    discord: Sandbox, bot: LayoutBot, ada: Person
) -> None:
    form = await edit_form(ada)
    right: Payload = {"prompt": "x", "kind": "edges"}
    before = len(discord.world.interactions)
    for wrong in (
        {"prompt": ""},
        {"prompt": "x" * 21},
        {"kind": "mist"},
        {"kind": None},
        {"pictures": PICTURES},
        {"pictures": ["cat.png"]},
        {"pictures": Upload("x.gif", b"0" * 11_000_000)},
        {"parts": ["sky", "sky"]},
        {"loops": "perhaps"},
        {"nowhere": "x"},
    ):
        with pytest.raises(NotOffered):
            await ada.submit(form, **right | wrong)
    assert len(discord.world.interactions) == before
    hostile = await ada.careless().submit(form, kind="mist", prompt="y" * 99, pictures=PICTURES)
    assert "kind=mist" in (await hostile.message()).text
    assert len(hostile.data["resolved"]["attachments"]) == 11


def changed(index: int, **values: Any) -> Payload:
    """Return a form whose one field is changed: five of them, in their labels."""
    form = deepcopy(RIGHT)
    form["components"][index]["component"].update(values)
    return form


RIGHT = EveryField().to_dict()
HERE = "data.components"
REFUSED: list[tuple[Payload, str, str]] = [
    (RIGHT | {"title": "x" * 46}, "data.title", "BASE_TYPE_MAX_LENGTH"),
    (RIGHT | {"custom_id": ""}, "data.custom_id", "BASE_TYPE_MIN_LENGTH"),
    (
        RIGHT | {"components": RIGHT["components"] + [{"type": 10, "content": "x"}]},
        HERE,
        "BASE_TYPE_BAD_LENGTH",
    ),
    (RIGHT | {"components": [text_input]}, f"{HERE}.0.type", "BASE_TYPE_CHOICES"),
    (
        RIGHT | {"components": [row(text_input | {"label": None})]},
        f"{HERE}.0.components.0.label",
        "BASE_TYPE_REQUIRED",
    ),
    (
        RIGHT | {"components": [row(text_input, text_input | {"custom_id": "b"})]},
        f"{HERE}.0.components.1",
        "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
    ),
    (changed(0, custom_id="loops"), HERE, "COMPONENT_CUSTOM_ID_DUPLICATED"),
    (changed(0, custom_id="x" * 101), f"{HERE}.0.component.custom_id", "BASE_TYPE_MAX_LENGTH"),
    (changed(0, value="x" * 21), f"{HERE}.0.component.value", "BASE_TYPE_MAX_LENGTH"),
    (changed(0, min_length=21), f"{HERE}.0.component.min_length", "NUMBER_TYPE_MAX"),
    (changed(1, max_values=11), f"{HERE}.1.component.max_values", "NUMBER_TYPE_MAX"),
    (changed(1, required=True), f"{HERE}.1.component.min_values", "NUMBER_TYPE_MIN"),
    (changed(1, min_values=3, max_values=2), f"{HERE}.1.component.min_values", "NUMBER_TYPE_MAX"),
    (
        changed(2, options=[{"label": "x", "value": "x"}]),
        f"{HERE}.2.component.options",
        "BASE_TYPE_MIN_LENGTH",
    ),
    (
        changed(2, options=[{"label": each, "value": each, "default": True} for each in "ab"]),
        f"{HERE}.2.component.options",
        "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES",
    ),
    (
        changed(3, options=[{"label": str(n), "value": str(n)} for n in range(11)]),
        f"{HERE}.3.component.options",
        "BASE_TYPE_MAX_LENGTH",
    ),
    (changed(3, max_values=4), f"{HERE}.3.component.options", "BASE_TYPE_BAD_LENGTH"),
    (
        changed(4, type=5, disabled=True),
        f"{HERE}.4.component.disabled",
        "COMPONENT_DISABLED_IN_MODAL",
    ),
]


async def test_what_is_refused(discord: Sandbox, raw: Raw) -> None:
    for form, place, code in REFUSED:
        payload = {"type": 9, "data": form}
        status, body = await raw.call("POST", "/interactions/1/token/callback", payload)
        assert (status, body["code"]) == (400, 50035), (place, code)
        assert at(body["errors"], place) == code, body
    status, body = await raw.call(
        "POST", "/interactions/1/token/callback", {"type": 9, "data": RIGHT}
    )
    assert (status, body["code"]) == (404, 10062)  # nothing wrong with the form


async def test_at_the_console(
    discord: Sandbox,
    bot: LayoutBot,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keyboard, printed = Keyboard(discord, tmp_path / "saved"), ""
    watching = asyncio.create_task(keyboard.screen.watch())

    async def shows(line: str, *words: str) -> None:
        nonlocal printed
        capsys.readouterr()
        printed = ""
        assert await keyboard.type(line)
        async with asyncio.timeout(PATIENCE):
            while not all(word in printed for word in words):
                await asyncio.sleep(0.02)
                printed += capsys.readouterr().out

    await shows(
        "/panel", "bot: a red ball (only you see this)", "     768 x 320", "a person, up to"
    )
    assert "     [a.gif: a GIF, covered]\n     ---\n     [recipe.txt]" in printed
    assert "     press Again | Edit\n     choose a person, up to 2\n" in printed
    assert "     choose loop | faster | slower, up to 2\n" in printed
    assert f"GIF: {tmp_path / 'saved' / 'a.gif'}" in printed
    await shows("choose slower, loop", "slower, loop")
    await shows("choose @you", "bot: you")
    await shows("press edit", "a form, Everything", "fill NAME")
    assert "pictures:    (Pictures: a file, up to 10)" in printed
    assert "loops: no   (It loops: yes or no)" in printed
    assert "kind:    (Kind: edges | depth)" in printed
    for name in ("1.png", "2.png"):
        (tmp_path / name).write_bytes(PNG)
    files = ", ".join(str(tmp_path / name) for name in ("1.png", "2.png"))
    filled = f"fill prompt: a star kind: dep parts: sea, sky loops: yes pictures: {files}"
    await shows(filled, "loops=True", f"pictures=['1.png', '2.png']{[len(PNG)] * 2}")
    assert "kind=depth" in printed
    assert "parts=['sea', 'sky']" in printed
    await shows("press again", "made again")
    with pytest.raises(NotOffered, match="There is no form"):
        await keyboard.type("fill")
    await shows("/more", "     Read this", "size: Wide   (Size: Wide | Tall)")
    await shows("fill size: tall role: everyone anyone: you", "size=['t']", "anyone=['you']")
    watching.cancel()
    assert (tmp_path / "saved" / "a.gif").read_bytes() == GIF
