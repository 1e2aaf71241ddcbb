"""Reports, removals and blocks, and the log of them, by those who may."""

from __future__ import annotations

import pytest

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import eventually_gone, posted, said
from tests.bot.end_to_end.test_words import MANAGE_MESSAGES
from tests.patience import until


async def test_what_is_reported_is_kept_or_removed_by_moderators(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    moderator = discord.person("mia", permissions=MANAGE_MESSAGES)
    log = discord.add_channel("log")
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        assert "delete others' messages" in await said(
            await ada.slash("moderation log", channel=log)
        )
        await said(await moderator.slash("moderation log", channel=log))
        made = await posted(await ada.slash("gif", prompt="a cat", frames=2))
        other = await posted(await ada.slash("gif", prompt="a dog", frames=2))
        await setup.all_over()

        async def reported(form: object) -> None:
            await form.acknowledged()  # type: ignore[attr-defined]
            assert "Reported" in await said(await bob.submit(form, reason="too *green*"))  # type: ignore[arg-type]

        await reported(await bob.message_command("Report", made))
        await reported(await bob.press(await sheet_of(bob, other), "Report"))
        form = await bob.message_command("Report", made)
        await form.acknowledged()
        assert "already" in await said(await bob.submit(form, reason="again"))
        first, second = [
            message for message in discord.world.messages.values() if message.channel is log
        ]
        assert "too \\*green\\*" in first.text
        watching = moderator.at(log)
        assert "delete others' messages" in await said(await bob.at(log).press(first, "Remove"))
        await watching.press(first, "Remove")
        assert await eventually_gone(discord, made)
        for pressed in [await watching.press(second, "Keep it") for _ in range(2)]:
            await pressed.acknowledged()  # of two presses at once, one decides
        # the one that is kept goes by the message's menu; its owner is not asked
        assert "or a moderator" in await said(await bob.message_command("Remove", other))
        asked = await (await moderator.message_command("Remove", other)).message()
        await moderator.press(asked, "Yes, delete it")
        assert await eventually_gone(discord, other)
        assert setup.rows() == []
        assert not list((setup.data / "blobs").rglob("*.gif"))
        listed = await said(await moderator.slash("moderation audit"))
        assert listed.count("removed a GIF of") == 2
        assert listed.count("kept a GIF") == 1
        # the posts about bob's reports go with them
        assert not first.deleted
        sheet = await (await bob.slash("privacy")).message(lambda message: not message.loading)
        asked = await (await bob.press(sheet, "Erase all my data")).message()
        await bob.press(asked, "Yes, erase all my data")
        for message in (first, second):
            assert await eventually_gone(discord, message)


async def test_who_is_blocked_makes_nothing_until_unblocked(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTS_GO_FILE", str(setup.directory / "never"))
    moderator = discord.person("mia", permissions=MANAGE_MESSAGES)
    setup.engine = "tests.bot.engines.waits:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        sent = await ada.slash("gif", prompt="x")
        await sent.message()
        answer = await said(
            await moderator.slash("moderation block", user=ada.user, hours=2, reason="spam, spam")
        )
        assert "is blocked" in answer
        await setup.all_over()
        # refused where it was begun in between
        assert [row["state"] for row in setup.rows("state")] in (["cancelled"], ["failed"])
        await _check_blocked_server(setup, discord, bob)
    setup.engine = "tests.bot.engines.draws:create"
    # a restart forgets nobody
    async with running(setup.write(quota={"day_seconds": 0.0001}), discord):
        answer = await said(await ada.slash("gif", prompt="x"))
        assert "until" in answer
        assert answer.endswith("spam, spam")
        await posted(await ada.in_dm().slash("gif", prompt="x", frames=2))
        await setup.all_over()
        assert "used up your 0 seconds" in await said(await ada.in_dm().slash("gif", prompt="x"))
        assert "0 s left" in await said(await ada.in_dm().slash("quota"))
        choices = await moderator.autocomplete("moderation unblock", "user", "ad")
        assert [each["value"] for each in choices] == [str(ada.user.id)]
        assert "Only whoever runs the bot" in await said(
            await moderator.slash("moderation blocked", everywhere=True)
        )
        await said(await moderator.slash("moderation unblock", user=str(ada.user.id)))
        assert "used up" in await said(await ada.slash("gif", prompt="x"))
        await said(await moderator.slash("moderation quota", day=60, month=600))
        assert "can't be" in await said(await moderator.slash("moderation quota", day=9, month=1))
        assert "0 of 60 s used" in await said(await ada.slash("quota"))
        listed = await said(await moderator.slash("moderation audit"))
        assert "unblocked" in listed
        assert "60 s / 600 s" in listed


async def _check_blocked_server(setup: Setup, discord: Sandbox, bob: Person) -> None:
    """Whoever runs the bot blocks a server: what waits there is cancelled, and nothing else."""
    here, guild, owner = discord.channel, discord.guild, discord.world.owner
    there = discord.add_channel("there", guild=discord.add_guild("another"))
    operator = Person(discord.world, discord.gateway, owner, there)
    for channel in (here, there):
        await (await bob.at(channel).slash("gif", prompt="y")).message()
    blocked = str(guild.id)
    assert "Only whoever runs" in await said(await bob.slash("moderation server", id=blocked))
    assert "is blocked" in await said(await operator.slash("moderation server", id=blocked))
    assert "blocked this server" in await said(await bob.slash("gif", prompt="y"))

    def over() -> list[int]:
        rows = setup.rows("guild_id, state, user_id")
        mine = [row for row in rows if row["user_id"] == bob.user.id]
        return [row["guild_id"] for row in mine if row["state"] in ("cancelled", "failed")]

    await until(lambda: over() == [guild.id], over)
    await said(await operator.slash("moderation server", id=blocked, hours=0))
    await said(await bob.at(there).slash("cancel"))
    await setup.all_over()
