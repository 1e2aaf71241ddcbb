"""A GIF becomes the server's emoji or sticker by one press, where person and bot may."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.sandbox import CREATE_GUILD_EXPRESSIONS, Person, Sandbox
from bot.sandbox.expressions import Emoji, read_picture
from bot.sandbox.model import Message
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import forge, posted, said


async def pressed(person: Person, message: Message, label: str) -> Message:
    answer = await person.press(await sheet_of(person, message), label)
    made = await answer.message(lambda message: not message.loading)
    assert made.ephemeral, made.text
    return made


async def test_one_press_adds_it_where_both_may(
    setup: Setup, discord: Sandbox, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    ada = discord.person("ada", permissions=CREATE_GUILD_EXPRESSIONS)
    guild = discord.guild
    async with running(setup.write(), discord) as bot:
        prompt = "A *café* cat, dancing under the moon forever"
        message = await posted(await ada.slash("gif", prompt=prompt, frames=8))
        await setup.all_over()

        lacking = await pressed(ada, message, "Add as emoji")
        assert "The bot doesn't have the permission" in lacking.text
        [link] = lacking.buttons
        address = parse_qs(urlsplit(link["url"]).query)
        assert int(address["permissions"][0]) & CREATE_GUILD_EXPRESSIONS
        assert address["guild_id"] == [str(guild.id)]
        assert "You don't have the permission" in (await pressed(bob, message, "Add as emoji")).text

        discord.let_bot_create_expressions(guild)
        added = await pressed(ada, message, "Add as emoji")
        [emoji] = guild.emojis.values()
        assert (emoji.name, emoji.animated) == ("A_cafe_cat_dancing_under_the", True)
        assert f"<a:{emoji.name}:{emoji.id}>" in added.text
        form = await ada.press(added, "Rename")
        await form.acknowledged()
        refused = await (await ada.submit(form, name="der Ball")).message()
        assert "letters from A to Z" in refused.text
        form = await ada.press(refused, "Open the form again")
        await form.acknowledged()
        assert "now called" in (await (await ada.submit(form, name=":dance:")).message()).text
        assert emoji.name == "dance"

        await pressed(ada, message, "Add as sticker")
        [sticker] = guild.stickers.values()
        assert sticker.name == "A *café* cat, dancing under"
        picture = read_picture(sticker.data)
        assert picture is not None
        assert (picture.width, picture.frames) == (320, 8)
        assert "Traceback" not in bot.log


async def test_what_discord_or_the_server_does_not_allow(setup: Setup, discord: Sandbox) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    guild, world = discord.guild, discord.world
    ada = discord.person("ada", permissions=CREATE_GUILD_EXPRESSIONS)
    discord.let_bot_create_expressions(guild)
    async with running(setup.write(), discord) as bot:
        message = await posted(await ada.slash("gif", prompt="猫", frames=2))
        await setup.all_over()
        added = await pressed(ada, message, "Add as emoji")
        [emoji] = guild.emojis.values()
        assert emoji.name.startswith("gif_")
        await fill_places(discord)
        assert "All 50 places" in (await pressed(ada, message, "Add as emoji")).text
        discord.fail_next("POST", "/guilds/*/stickers", 403, 50013)
        assert "The bot doesn't have" in (await pressed(ada, message, "Add as sticker")).text
        discord.fail_next("POST", "/guilds/*/stickers", 400, 50046)
        assert "Discord refused it" in (await pressed(ada, message, "Add as sticker")).text
        assert guild.stickers == {}

        others = Emoji(
            id=world.new_id(), name="x", animated=False, data=b"", creator_id=ada.user.id
        )
        guild.emojis[others.id] = others
        for target, expected in ((others.id, "only what it has added"), (1, "no longer")):
            forged = forge(added, f"do:emoji_name:{target}")
            answer = await said(await ada.press(forged, f"do:emoji_name:{target}"))
            assert expected in answer
        # from a server, on a sheet that was opened in direct messages
        direct = ada.in_dm()
        mine: Any = await posted(await direct.slash("gif", prompt="a cat", frames=2))
        job_id = setup.rows("id")[-1]["id"]
        forged = forge(mine, f"do:add_emoji:{job_id}")
        assert "belong to a server" in await said(
            await direct.press(forged, f"do:add_emoji:{job_id}")
        )
        assert "Traceback" not in bot.log


async def fill_places(discord: Sandbox) -> None:
    """Take all places for animated emojis of the server."""
    world, emojis = discord.world, discord.guild.emojis
    while len(emojis) < 50:
        number = world.new_id()
        emojis[number] = Emoji(
            id=number, name=f"e{number}", animated=True, data=b"", creator_id=world.bot.id
        )
