"""Emojis and stickers of a server, as discord.py adds them, and what Discord refuses of them."""

from __future__ import annotations

import io
from base64 import b64encode
from typing import Any

import aiohttp
import discord as library
import pytest
from PIL import Image

from bot.sandbox import Sandbox
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot

SIDE = 320


def gif(edge: int = SIDE, frames: int = 2, duration_ms: int = 100) -> bytes:
    shown = [Image.new("RGB", (edge, edge), (10 * n, 0, 200 - 10 * n)) for n in range(frames)]
    made = io.BytesIO()
    shown[0].save(made, "GIF", save_all=True, append_images=shown[1:], duration=duration_ms, loop=0)
    return made.getvalue()


def uri(data: bytes) -> str:
    return f"data:image/gif;base64,{b64encode(data).decode()}"


async def test_a_bot_that_may_adds_and_renames(discord: Sandbox, bot: SmallBot) -> None:
    guild = bot.get_guild(discord.guild.id)
    assert guild is not None
    with pytest.raises(library.Forbidden):
        await guild.create_custom_emoji(name="a_cat", image=gif(128))
    discord.let_bot_create_expressions(discord.guild)
    emoji = await guild.create_custom_emoji(name="a_cat", image=gif(128))
    assert (emoji.name, emoji.animated) == ("a_cat", True)
    fetched = await guild.fetch_emoji(emoji.id)
    assert fetched.user is not None
    assert fetched.user.id == discord.world.bot.id
    await fetched.edit(name="the_cat")
    assert [each.name for each in await guild.fetch_emojis()] == ["the_cat"]
    file = library.File(io.BytesIO(gif()), "a.gif")
    sticker = await guild.create_sticker(name="ein Ball", description="", emoji="🎬", file=file)
    assert sticker.format is library.StickerFormatType.gif
    await sticker.edit(name="zwei")
    assert [each.name for each in await guild.fetch_stickers()] == ["zwei"]
    [kept] = discord.guild.stickers.values()
    assert kept.data == gif()
    discord.let_bot_create_expressions(discord.guild, may=False)
    with pytest.raises(library.Forbidden):
        await fetched.edit(name="my_cat")


async def test_what_discord_does_not_take(discord: Sandbox, bot: SmallBot, raw: Raw) -> None:
    discord.let_bot_create_expressions(discord.guild)
    place = f"/guilds/{discord.guild.id}"
    noise = io.BytesIO()
    Image.effect_noise((640, 640), 90).save(noise, "GIF")

    async def emoji(**values: Any) -> Any:
        whole = {"name": "cat", "image": uri(gif(128)), **values}
        status, answer = await raw.call("POST", f"{place}/emojis", whole)
        return status, next(iter(answer.get("errors") or {}), answer.get("code"))

    assert await emoji(name="a") == (400, "name")
    assert await emoji(name="ein Ball") == (400, "name")
    assert await emoji(image="data:image/gif;base64,R0lG") == (400, "image")
    assert await emoji(image=uri(noise.getvalue())) == (400, "image")
    for _ in range(50):
        assert (await emoji())[0] == 201
    assert await emoji() == (400, 30018)
    still = uri(gif(128, frames=1))
    assert (await emoji(image=still))[0] == 201  # pictures that don't move have places of their own

    async def sticker(data: bytes, **values: str) -> Any:
        form = aiohttp.FormData()
        for key, value in {"name": "cat", "tags": "cat", "description": "", **values}.items():
            form.add_field(key, value)
        form.add_field("file", data, filename="a.gif", content_type="image/gif")
        status, answer = await raw.call("POST", f"{place}/stickers", data=form)
        return status, answer.get("code")

    assert await sticker(gif(300)) == (400, 50046)
    assert await sticker(b"no picture") == (400, 50046)
    assert await sticker(gif(frames=20, duration_ms=300)) == (400, 170007)
    assert await sticker(gif() + bytes(600_000)) == (400, 50045)
    assert await sticker(gif(), name="x") == (400, 50035)
    for _ in range(5):
        assert (await sticker(gif()))[0] == 201
    assert await sticker(gif()) == (400, 30039)
    assert [text.split(": ")[1] for text in discord.violations] == ["name"] * 2 + ["image"] * 2 + [
        "name"
    ]
    discord.violations.clear()
