"""/settings: one's own defaults, and the server's rules."""

from __future__ import annotations

from bot.sandbox import MANAGE_GUILD, Person, Sandbox
from generator.media.containers import sniff
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, said

STYLES = {"noir": "{prompt}, film noir", "pop": "{prompt}, pop art"}


async def test_what_was_set_holds_until_something_else_is_typed(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    styles = {f"styles.{name}": {"prompt": words} for name, words in STYLES.items()}
    async with running(setup.write(**styles), discord):
        set_ = await ada.slash("settings mine", size="wide", format="webp", negative_prompt="text")
        assert "wide" in await said(set_)
        await said(await manager.slash("settings server", style="noir"))
    async with running(setup.write(**styles), discord):
        made = (await posted(await ada.slash("gif", prompt="a cat"))).files[0].data
        request = files.request_in(made)
        assert sniff(made) == "webp"
        assert (request["width"], request["negative_prompt"]) == (768, "text")
        assert request["prompt"] == "a cat, film noir"
        await said(await ada.slash("settings mine", style="pop", format="-"))
        sent = await ada.slash("gif", prompt="a cat", size="square")
        made = (await posted(sent)).files[0].data
        request = files.request_in(made)
        assert sniff(made) == "gif"
        assert (request["width"], request["prompt"]) == (512, "a cat, pop art")
        assert "Nothing is set" in await said(await bob.slash("settings mine"))
        forged = await said(await ada.careless().slash("settings mine", size="giant"))
        assert "no size" in forged


async def test_a_server_may_keep_the_bot_to_a_channel_or_a_role(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    there = discord.add_channel("gifs")
    role = discord.world.add_role(discord.guild, "artists")
    async with running(setup.write(), discord):
        before = await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        assert "Only who manages" in await said(await ada.slash("settings server", channel=there))
        await said(await manager.slash("settings server", channel=there))
        assert "GIFs are made in" in await said(await ada.slash("gif", prompt="x"))
        assert "GIFs are made in" in await said(await ada.press(before, "Again"))
        await posted(await ada.at(there).slash("gif", prompt="x"))
        await posted(await ada.in_dm().slash("gif", prompt="x"))
        await said(await manager.slash("settings server", channel=there, role=role))
        assert "certain role" in await said(await ada.slash("gif", prompt="x"))
        discord.guild.members[ada.user.id].roles.append(role)
        await posted(await ada.slash("gif", prompt="x"))
    assert len(setup.rows()) == 4
