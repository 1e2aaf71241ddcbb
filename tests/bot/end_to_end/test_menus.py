"""A message's menu, in a server, in direct messages, and where the bot isn't a member."""

from __future__ import annotations

from bot.sandbox import Person, Sandbox, Upload
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said


async def test_anybodys_gif_is_used_as_motion(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        words = await bob.says("no file here")
        assert "no uploaded file" in await said(await ada.message_command("Use as motion", words))
        message = await bob.says("look", Upload("dance.gif", files.gif()))
        shown = await ada.message_command("Use as motion", message)
        sheet = await shown.message(lambda message: message.files, 20)
        form = await ada.press(sheet, "Go")
        await form.acknowledged()
        made = await request_of(await ada.submit(form, prompt="a robot"))
        assert made["prompt"] == "a robot"
        assert made["controls"][0]["kind"] == "canny"


async def test_a_result_is_remixed_by_its_job_or_its_recipe(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        made = await posted(await ada.slash("gif", prompt="a cat", seed="7"))
        await setup.all_over()
        form = await bob.message_command("Remix", made)
        await form.acknowledged()
        again = await request_of(await bob.submit(form, prompt="a dog"))
        assert (again["prompt"], again["seed"]) == ("a dog", 7)
        copied = await bob.in_dm().says("", Upload("copy.gif", made.files[0].data))
        found = await bob.in_dm().message_command("Remix", copied)
        recipe = await found.message(lambda message: message.buttons, 20)
        assert "a cat" in recipe.text
        form = await bob.in_dm().press(recipe, "Change it")
        await form.acknowledged()
        again = await request_of(await bob.in_dm().submit(form, frames="3"))
        assert (again["prompt"], again["video_length"]) == ("a cat", 3)
        plain = await bob.says("", Upload("other.gif", files.gif()))
        assert "no recipe" in await said(await ada.message_command("Remix", plain))


async def test_the_app_comes_along_where_the_bot_is_no_member(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    ada.user.installed_app = True
    elsewhere = discord.add_guild("elsewhere", bot_is_in=False)
    there = ada.at(discord.add_channel("talk", guild=elsewhere))
    async with running(setup.write(), discord):
        await discord.commands_registered()
        sent = await there.slash("gif", prompt="a cat", count=2)
        await discord.until(
            lambda: sum(bool(message.files) for message in sent.messages) == 2 or None, 20
        )
        again = await posted(await there.press(sent.messages[0], "Again"))
        assert again.channel is there.channel
