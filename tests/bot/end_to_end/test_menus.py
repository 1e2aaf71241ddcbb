"""A message's menu, in a server, in direct messages, and where the bot isn't a member."""

from __future__ import annotations

from bot.sandbox import Person, Sandbox, Upload
from tests.bot import files
from tests.bot.end_to_end.panels import asked, fill, made_by, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said


async def test_anybodys_gif_is_used_as_motion(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        words = await bob.says("no file here")
        assert "no picture, GIF or video" in await said(
            await ada.message_command("Use as motion", words)
        )
        message = await bob.says("look", Upload("dance.gif", files.gif()))
        shown = await ada.message_command("Use as motion", message)
        sheet = await shown.message(lambda message: message.files)
        form = await ada.press(sheet, "Go")
        await form.acknowledged()
        made = await request_of(await ada.submit(form, prompt="a robot"))
        assert made["prompt"] == "a robot"
        assert made["controls"][0]["kind"] == "canny"


async def test_what_is_forwarded_or_picked_is_used_as_well(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    dance = Upload("dance.gif", files.gif())
    async with running(setup.write(), discord):
        await discord.commands_registered()
        text_first = await bob.says("notes", Upload("notes.txt", b"left, right"), dance)
        for message in (await bob.forwards(text_first), await bob.picks_gif(dance)):
            shown = await ada.message_command("Use as motion", message)
            assert (await shown.message(lambda message: message.files)).buttons
            form = await ada.message_command("Animate this", message)
            await form.acknowledged()
            made = await request_of(await ada.submit(form, prompt="it waves"))
            assert (made["prompt"], bool(made["image"])) == ("it waves", True)


async def test_gif_takes_links(setup: Setup, discord: Sandbox, ada: Person, bob: Person) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    link = (await bob.picks_gif(Upload("dance.gif", files.gif()))).embeds[0]["video"]["url"]
    async with running(setup.write(), discord):
        await discord.commands_registered()
        made = await request_of(
            await asked(ada, prompt="x", control_link=link, control_type="canny", image_link=link)
        )
        assert made["controls"]
        assert made["image"]
        panel = await panel_of(await ada.slash("gif"))
        brought = {"image": Upload("a.gif", files.gif()), "image_link": link}
        both = await fill(ada, panel, "First picture", **brought)
        await both.message(lambda message: "either a file or a link" in message.text)
        elsewhere = await asked(ada, prompt="x", image_link="https://example.com/a.gif")
        assert "Only https links to" in await said(elsewhere)
        page = Upload("page.gif", b"<!DOCTYPE html><html>a login</html>")
        page_link = (await bob.picks_gif(page)).embeds[0]["video"]["url"]
        assert "web page" in await said(await asked(ada, prompt="x", image_link=page_link))


async def test_a_result_is_remixed_by_its_job_or_its_recipe(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        made = await posted(await ada.slash("gif", prompt="a cat", seed="7"))
        await setup.all_over()
        form = await bob.message_command("Remix", made)
        again = await request_of(await made_by(bob, form, {"Words": {"prompt": "a dog"}}))
        assert (again["prompt"], again["seed"]) == ("a dog", 7)
        copied = await bob.in_dm().says("", Upload("copy.gif", made.results[0].data))
        found = await bob.in_dm().message_command("Remix", copied)
        recipe = await found.message(lambda message: message.buttons)
        assert "a cat" in recipe.text
        form = await bob.in_dm().press(recipe, "Edit")
        wanted = {"Size and length": {"frames": "3"}}
        again = await request_of(await made_by(bob.in_dm(), form, wanted))
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
        await sent.message(lambda message: len(message.results) == 2)
        again = await posted(await there.press(sent.messages[0], "Again"))
        assert again.channel is there.channel
