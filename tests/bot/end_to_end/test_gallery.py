"""GIFs are shared in a server's gallery, voted for, listed and withdrawn."""

from __future__ import annotations

from bot.sandbox import CREATE_GUILD_EXPRESSIONS, MANAGE_GUILD, Channel, Person, Sandbox
from bot.sandbox import messages as discord_messages
from bot.sandbox.model import MANAGE_MESSAGES, SEND_MESSAGES, VIEW_CHANNEL, Message
from tests.bot.end_to_end import gated
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import forge, posted, said
from tests.bot.end_to_end.test_expressions import pressed


async def choose_gallery(discord: Sandbox, manager: Person, channel: Channel) -> Message:
    rules = await (await manager.slash("settings server")).message()
    await fill(manager, rules, "Who may use the bot, and where", gallery=[channel])
    return rules


async def withdraw(person: Person, message: Message) -> str:
    asked = await person.press(message, "Withdraw")
    question = await asked.message()
    assert question.ephemeral
    if not question.buttons:
        return question.text
    answer = await person.press(question, "Yes, withdraw it")
    return (await answer.message(lambda message: "Withdrawn" in message.text)).text


async def test_a_gif_is_shared_voted_for_and_withdrawn(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    moderator = discord.person("mo", permissions=MANAGE_MESSAGES)
    channel = discord.add_channel("gallery")
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="a <@1> *cat*", frames=4))
        await setup.all_over()
        assert "no gallery yet" in (await pressed(ada, message, "Share")).text
        rules = await choose_gallery(discord, manager, channel)
        assert f"gallery: <#{channel.id}>" in rules.text
        assert "Only the person who asked" in (await pressed(bob, message, "Share")).text
        shared = await pressed(ada, message, "Share")
        [post] = discord.messages_in(channel)
        assert f"{channel.id}/{post.id}" in shared.text
        assert post.files[0].data == message.results[0].data
        assert post.mentions.users == []
        assert ada.user.mention in post.text
        assert r"\*cat\*" in post.text
        assert "already" in (await pressed(ada, message, "Share")).text
        assert len(discord.messages_in(channel)) == 1

        for person, label, count in ((bob, "👍 0", 1), (manager, "👍 1", 2), (bob, "👍 2", 1)):
            await (await person.press(post, label)).acknowledged()
            assert post.buttons[0]["label"] == f"👍 {count}"
        assert len(post.files) == 1
        assert "your own GIF" in await said(await ada.press(post, "👍 1"))
    async with running(setup.write(), discord) as bot:
        await (await bob.press(post, "👍 1")).acknowledged()
        assert post.buttons[0]["label"] == "👍 2"
        listed = await said(await bob.slash("gallery"))
        assert "2 votes" in listed
        assert str(post.id) in listed

        remixed = await panel_of(await bob.at(channel).message_command("Remix", post))
        assert "cat" in remixed.text
        form = await bob.at(channel).message_command("Report", post)
        await form.acknowledged()
        assert "Reported" in await said(await bob.submit(form, reason="unkind"))

        await said(await moderator.slash("moderation block", user=bob.user))
        assert "can't vote" in await said(await bob.press(post, "👍 2"))
        assert post.buttons[0]["label"] == "👍 2"
        assert "or a moderator" in await withdraw(bob, post)
        assert "Withdrawn" in await withdraw(moderator, post)
        assert await discord.until(lambda: post.deleted or None)
        assert "No votes yet" in await said(await bob.slash("gallery"))
        post_id = post.buttons[0]["custom_id"].rpartition(":")[2]
        forged = forge(message, f"do:vote:{post_id}")
        assert "was withdrawn" in await said(await bob.press(forged, f"do:vote:{post_id}"))
        assert "Traceback" not in bot.log


async def test_what_becomes_of_channels_messages_and_rules(setup: Setup, discord: Sandbox) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    ada = discord.person("ada", permissions=CREATE_GUILD_EXPRESSIONS | MANAGE_GUILD)
    discord.let_bot_create_expressions(discord.guild)
    channel, closed = discord.add_channel("gallery"), discord.add_channel("closed")
    discord.permit_bot(closed, VIEW_CHANNEL | SEND_MESSAGES)
    async with running(setup.write(), discord, module=gated.__name__) as bot:
        message = await posted(await ada.slash("gif", prompt="covered", frames=4))
        await setup.all_over()
        rules = await (await ada.slash("settings server")).message()
        refused = await fill(ada, rules, "Who may use the bot, and where", gallery=[closed])
        assert "can't post files" in (await refused.message()).text
        await choose_gallery(discord, ada, channel)

        await pressed(ada, message, "Share")
        [first] = discord.messages_in(channel)
        assert first.files[0].filename.startswith("SPOILER_")
        [gallery] = [part for part in first.components_flat if part["type"] == 12]
        assert gallery["items"][0]["spoiler"]
        assert "only be shown as a spoiler" in (await pressed(ada, message, "Add as emoji")).text
        discord_messages.delete(discord.world, first)  # by somebody, in Discord
        await pressed(ada, message, "Share")
        [second] = discord.messages_in(channel)
        asked = await ada.press(await sheet_of(ada, message), "Delete")
        await ada.press(await asked.message(), "Yes, delete it")
        assert await discord.until(lambda: second.deleted or None)

        other = await posted(await ada.slash("gif", prompt="a cat", frames=4))
        await setup.all_over()
        discord.permit_bot(channel, VIEW_CHANNEL)
        assert "can't post files" in (await pressed(ada, other, "Share")).text
        discord.delete_channel(channel)
        assert "channel is gone" in (await pressed(ada, other, "Share")).text
        assert "channel is gone" in await said(await ada.slash("gallery"))
        assert "Traceback" not in bot.log
