"""A server's rules hold for whatever way a GIF is asked for, wherever the bot is or isn't."""

from __future__ import annotations

from dataclasses import replace

from bot.sandbox import MANAGE_GUILD, Person, Sandbox, Upload
from generator.media.comment import with_comment
from generator.recipes.recipe import ModelSettings as MadeWith
from generator.recipes.recipe import Recipe
from tests.bot import files
from tests.bot.end_to_end.panels import made_by
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said
from tests.bot.end_to_end.test_lora import lora
from tests.bot.jobs.samples import REQUEST

_DEFERRED = 5  # the first answer of one that takes its time


async def test_roles_count_where_the_bot_is_no_member(setup: Setup, discord: Sandbox) -> None:
    foreign = discord.add_guild("Foreign", bot_is_in=False)
    far_away = discord.add_channel("far-away", guild=foreign)
    role = discord.world.add_role(foreign, "artists")
    manager = discord.person(
        "mia", channel=far_away, permissions=MANAGE_GUILD, installed_app=True
    ).at(far_away)
    guest = discord.person("guest", channel=far_away, installed_app=True).at(far_away)
    async with running(setup.write(), discord):
        await discord.commands_registered()
        await said(await manager.slash("settings server", role=role))
        assert "certain roles" in await said(await guest.slash("gif", prompt="x"))
        foreign.members[guest.user.id].roles.append(role)
        await posted(await guest.slash("gif", prompt="x"))


async def test_of_many_presses_at_once_as_many_are_taken_as_may_wait(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    setup.engine = "slow:create"
    async with running(setup.write(), discord):
        await said(await manager.slash("settings server", waiting=1))
        sent = [await ada.slash("gif", prompt="x") for _ in range(20)]
        taken = 0
        for each in sent:
            message = await each.message(lambda message: not message.loading)
            taken += "may have 1 GIF" not in message.text
        assert taken == 1
        assert len(setup.rows()) == 1


async def test_trying_a_lora_keeps_to_a_servers_limits(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await said(await manager.slash("settings server", frames=4, steps=5))
        await said(await ada.slash("lora add", name="ink", file=Upload("a", lora(words="ink"))))
        made = await request_of(await ada.slash("lora try", lora="ink", prompt="a cat"))
        assert (made["video_length"], made["steps"]) == (4, 5)
        shown = await ada.slash("lora info", lora="ink")
        assert (await shown.acknowledged()).type == _DEFERRED
        assert "ink" in await said(shown)


async def test_a_strangers_recipe_asks_for_no_more_than_gif_offers(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    setup.engine = "tests.bot.engines.draws:create"
    large = replace(
        REQUEST, prompt="a cat", width=1344, height=768, steps=90, video_length=16,
        video_duration=2000,
    )  # fmt: skip
    made_with = MadeWith(model="x", precision="f32")
    carried = with_comment(files.gif(), Recipe(request=large, setup=made_with).to_json())
    async with running(setup.write(), discord):
        await discord.commands_registered()
        await said(await manager.slash("settings server", frames=8, steps=20))
        message = await bob.says("look", Upload("a.gif", carried))
        shown = await ada.message_command("Remix", message)
        found = await shown.message(lambda message: message.buttons)
        form = await ada.press(found, "Edit")
        made = await request_of(await made_by(ada, form))
        assert (made["width"], made["height"]) == (672, 384)
        assert (made["video_length"], made["video_duration"], made["steps"]) == (8, 1000, 20)


async def test_what_uploads_is_answered_before(setup: Setup, discord: Sandbox, ada: Person) -> None:
    async with running(setup.write(), discord):
        await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        for sent in (
            await ada.slash("history"),
            await ada.slash("show", id=setup.rows("id")[0]["id"]),
        ):
            assert (await sent.acknowledged()).type == _DEFERRED
            assert "x" in await said(sent)
