"""What a new user runs into: filters that match nothing, options that lack their file."""

from __future__ import annotations

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.panels import asked
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.patience import PATIENCE


async def test_what_is_missing_is_named(setup: Setup, discord: Sandbox, ada: Person) -> None:
    async with running(setup.write(), discord):
        await discord.commands_registered()
        alone = await asked(ada, prompt="x", control_strength=0.5)
        assert "control strength needs a GIF" in await said(alone)
        assert "None yet" in await said(await ada.slash("history"))
        assert "None of your GIFs match" in await said(await ada.slash("history", search="dog"))
        assert "None of your GIFs match" in await said(await ada.slash("history", only="failed"))


async def test_a_favourite_is_unmarked_where_it_can_no_longer_be_seen(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    elsewhere = ada.at(discord.add_channel("talk", guild=discord.add_guild("other")))
    async with running(setup.write(), discord):
        made = await posted(await bob.slash("gif", prompt="a cat"))
        await setup.all_over()
        assert "Added" in await said(await ada.press(await sheet_of(ada, made), "Favourite"))
        shown = await elsewhere.slash("show", id=setup.rows("id")[0]["id"])
        favourite = await shown.message(lambda message: message.buttons)
        sheet = await sheet_of(elsewhere, favourite)
        assert "Removed" in await said(await elsewhere.press(sheet, "Favourite"))
        assert "somebody else's" in await said(await elsewhere.press(sheet, "Favourite"))
        assert "somebody else's" in await said(await elsewhere.press(favourite, "More"))


async def test_who_waits_for_the_model_learns_it(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.hangs_in_setup:create"
    async with running(setup.write(), discord):
        waits = await ada.slash("gif", prompt="x")
        shown = await waits.message(lambda message: "being loaded" in message.text, PATIENCE)
        assert "Next in line" in shown.text
