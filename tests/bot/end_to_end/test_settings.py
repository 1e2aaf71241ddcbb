"""/settings: one's own defaults, and the server's rules."""

from __future__ import annotations

from bot.sandbox import MANAGE_GUILD, Person, Sandbox, Upload
from generator.media.containers import sniff
from tests.bot import files
from tests.bot.end_to_end.panels import asked
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_lora import lora

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
        made = (await posted(await ada.slash("gif", prompt="a cat"))).results[0].data
        request = files.request_in(made)
        assert sniff(made) == "webp"
        assert (request["width"], request["negative_prompt"]) == (768, "text")
        assert request["prompt"] == "a cat, film noir"
        await said(await ada.slash("settings mine", style="pop", format="-"))
        sent = await ada.slash("gif", prompt="a cat", size="square")
        made = (await posted(sent)).results[0].data
        request = files.request_in(made)
        assert sniff(made) == "gif"
        assert (request["width"], request["prompt"]) == (512, "a cat, pop art")
        assert "Nothing is set" in await said(await bob.slash("settings mine"))
        forged = await said(await ada.careless().slash("settings mine", size="giant"))
        assert "no size" in forged
    async with running(setup.write(), discord):  # without styles, nobody could forget one
        await discord.commands_registered()
        made = (await posted(await ada.slash("gif", prompt="a cat"))).results[0].data
        assert files.request_in(made)["prompt"] == "a cat"
        assert "pop" not in await said(await ada.slash("settings mine"))


async def test_who_wants_his_gifs_private_needn_t_say_so_again(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        before = await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        await said(await ada.slash("settings mine", private=True))
        assert (await posted(await ada.press(before, "Again"))).ephemeral
        assert (await posted(await ada.slash("gif", prompt="x"))).ephemeral
        assert not (await posted(await asked(ada, prompt="x", private=False))).ephemeral


async def test_a_server_may_keep_the_bot_to_a_channel_or_a_role(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    there = discord.add_channel("gifs")
    role = discord.world.add_role(discord.guild, "artists")
    async with running(setup.write(), discord):
        before = await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        assert "Only people who can manage" in await said(
            await ada.slash("settings server", channel=there)
        )
        shown = await manager.slash("settings server", channel=there)
        assert f"Before: all. Now: <#{there.id}>." in await said(shown)
        assert "GIFs are made in" in await said(await ada.slash("gif", prompt="x"))
        assert "GIFs are made in" in await said(await ada.press(before, "Again"))
        edited = await ada.choose(await sheet_of(ada, before), "pick:more", "loop")
        assert "GIFs are made in" in await said(edited)
        await posted(await ada.at(there).slash("gif", prompt="x"))
        await posted(await ada.in_dm().slash("gif", prompt="x"))
        await said(await manager.slash("settings server", channel=there, role=role))
        assert "certain role" in await said(await ada.slash("gif", prompt="x"))
        discord.guild.members[ada.user.id].roles.append(role)
        await posted(await ada.slash("gif", prompt="x"))
    assert len(setup.rows()) == 4


async def test_a_server_may_limit_what_is_made_there(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    async with running(setup.write(), discord):
        added = await ada.slash("lora add", name="ink", file=Upload("a", lora(words="ink")))
        await said(added)
        unshared = await manager.slash("settings server", lora="ink")
        assert "no LoRA of that name" in await said(unshared)
        await said(await ada.slash("lora share", lora="ink", who="server"))
        set_ = await said(
            await manager.slash("settings server", lora="ink", frames=6, steps=20, waiting=2)
        )
        assert all(
            words in set_
            for words in ("LoRA: ink", "most frames: 6", "most steps: 20", "waiting per person: 2")
        )
        message = await posted(await bob.slash("gif", prompt="a cat"))
        request = files.request_in(message.results[0].data)
        assert (request["video_length"], request["steps"]) == (6, 20)
        assert request["prompt"] == "a cat, ink"
        await setup.all_over()
        assert "at most 6 frames" in await said(await bob.slash("gif", prompt="x", frames=7))
        assert "at most 20 steps" in await said(await bob.slash("gif", prompt="x", steps=21))
        assert "at most 6 frames" in await said(
            await bob.press(await sheet_of(bob, message), "Longer")
        )
        assert "may have 2 GIFs waiting" in await said(await bob.slash("gif", prompt="x", count=3))
        await posted(await bob.in_dm().slash("gif", prompt="x", frames=7))
        await posted(await manager.slash("gif", prompt="x", frames=7))
        await setup.all_over()
        await said(await ada.slash("lora share", lora="ink", who="me"))
        message = await posted(await bob.slash("gif", prompt="a dog"))
        assert files.request_in(message.results[0].data)["prompt"] == "a dog"
        free = await manager.slash("settings server", lora="-", frames=0, steps=0, waiting=0)
        assert "Nothing is set" in await said(free)
    assert len(setup.rows()) == 4


async def test_what_was_toggled_by_mistake_is_put_back(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    first, second = (discord.add_channel(name) for name in ("gifs-1", "gifs-2"))
    async with running(setup.write(), discord):
        await discord.commands_registered()
        await said(await manager.slash("settings server", channel=first))
        await said(await manager.slash("settings server", channel=second))
        sent = await manager.slash("settings server", channel=first)
        both = f"<#{first.id}>, <#{second.id}>"
        assert f"Before: {both}. Now: <#{second.id}>." in await said(sent)
        message = sent.messages[0]
        once = await manager.press(message, "Undo: channels")
        await once.acknowledged()
        await discord.until(
            lambda: all("Undo" not in one["label"] for one in message.buttons) or None
        )
        assert both.split(", ", maxsplit=1)[0] in message.text
        assert f"<#{second.id}>, <#{first.id}>" in await said(
            await manager.slash("settings server")
        )
