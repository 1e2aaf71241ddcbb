"""From /gif to the posted file, and everything else that people type."""

from __future__ import annotations

import pytest

from bot.sandbox import MANAGE_GUILD, Interaction, Person, Sandbox
from bot.sandbox.components import MEDIA_GALLERY
from bot.sandbox.interactions import DEFERRED_MESSAGE
from bot.sandbox.model import Message
from tests.bot.end_to_end import forged
from tests.bot.end_to_end.panels import asked
from tests.bot.end_to_end.process import Setup, running
from tests.generator.media.pictures import read_back


async def posted(interaction: Interaction) -> Message:
    return await interaction.message(lambda message: message.results)


async def said(interaction: Interaction) -> str:
    """The bot's ephemeral answer."""
    message = await interaction.message()
    assert message.ephemeral
    return message.text


async def test_a_prompt_becomes_a_posted_file(
    setup: Setup, discord: Sandbox, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.engine = "tests.bot.engines.waits:create"
    go = setup.directory / "go"
    monkeypatch.setenv("TESTS_GO_FILE", str(go))
    async with running(setup.write(), discord):
        prompt = "a **red** ball, @everyone <@1> look"
        sent = await ada.slash(
            "gif", prompt=prompt, seed="18446744073709551615", steps=80, size="wide", frames=16
        )
        answer = await sent.acknowledged()
        half = await sent.message(lambda message: "▰" in message.text)
        assert "of 80" in half.text
        go.touch()
        message = await posted(sent)
    assert answer.type == DEFERRED_MESSAGE
    [file] = message.results
    assert file.data == prompt.encode()
    assert file.filename.endswith(".gif")
    assert "red" in (file.description or "")
    assert "18446744073709551615" in message.text
    assert "768 x 320 · 16 frames" in message.text
    assert "**red**" not in message.text
    assert ada.user.mention in message.text
    assert not message.mentions.users
    assert not message.mentions.everyone
    assert message.is_v2
    [gallery] = [part for part in message.components_flat if part["type"] == MEDIA_GALLERY]
    [shown] = gallery["items"]
    assert shown["media"]["attachment_id"] == str(file.id)
    assert shown["description"] == file.description
    labels = [button["label"] for button in message.buttons]
    assert labels == ["Again", "Vary a little", "Motion of this", "Edit", "More"]
    [row] = setup.rows()
    assert row["state"] == "done"
    assert row["message_id"] == message.id
    assert row["token"] == ""


async def test_the_seed_makes_the_same_request_again(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        await posted(await ada.slash("gif", prompt="x", size="tall", guidance=3.5, seed="0"))
        await posted(await ada.slash("gif", prompt="x", size="tall", guidance=3.5, seed="0"))
        await posted(await ada.slash("gif", prompt="x"))
    first, second, third = [row["request"] for row in setup.rows("request")]
    assert first == second
    assert first != third


BAD: dict[str, tuple[tuple[object, ...], str]] = {
    "prompt": (("", " \t ", "\u200b\u202e\u2066"), "empty"),
    "negative_prompt": (("y" * 5000,), "5,000 characters"),
    "size": ((7, 0, -1, 100000, "huge"), "no size"),
    "frames": ((0, -1, 1000, "many"), "number of frames"),
    "duration": ((0, -5, 10**9), "duration"),
    "steps": ((0, 10000, 1.5), "number of steps"),
    "guidance": ((-1, 1000.0, "nan", "inf"), "guidance"),
    "seed": ((-1, "-1", str(2**64), "x", "9" * 5000), "seed"),
}


async def test_bad_input_gets_a_sentence_and_nothing_is_kept(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord) as bot:
        await discord.commands_registered()
        long = await said(forged.command(discord, ada, "gif", prompt="x" * 5000))
        assert "5,000 characters" in long
        for option, (values, words) in BAD.items():
            for value in values:
                options = {"prompt": "x", option: value}
                answer = await said(forged.command(discord, ada, "gif", **options))
                assert words in answer, (option, value, answer)
                assert answer.endswith("."), answer
        assert "Traceback" not in bot.log
        assert setup.rows() == []
        await posted(await ada.slash("gif", prompt="and now a good one"))


async def test_cancel_is_for_the_owner_and_for_managers(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "hangs:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    async with running(setup.write(), discord):
        first = await ada.slash("gif", prompt="one")
        await first.acknowledged()
        second = await ada.slash("gif", prompt="two")
        message = await second.message(lambda message: "ahead of yours" in message.text)
        assert "Only the person" in await said(await bob.press(message, "Cancel"))
        await manager.press(message, "Cancel")
        await second.message(lambda message: "Cancelled" in message.text and not message.buttons)
        [choice] = await ada.autocomplete("cancel", "job", "on")
        assert "one" in choice["name"]
        assert await bob.autocomplete("cancel", "job", "") == []
        assert "Only the person" in await said(await bob.slash("cancel", job=choice["value"]))
        assert "no GIF waiting" in await said(await bob.slash("cancel"))
        assert "Cancelled: one" in await said(await ada.slash("cancel"))
        await first.message(lambda message: "Cancelled" in message.text)
        gone = await said(await ada.slash("cancel", job=choice["value"]))
        assert "no longer waiting or running" in gone
    assert [row["state"] for row in setup.rows("state")] == ["cancelled", "cancelled"]


async def test_everybody_sees_their_own_history(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    async with running(setup.write(), discord):
        made = [await posted(await ada.slash("gif", prompt=f"ada's {n}")) for n in range(6)]
        await posted(await bob.slash("gif", prompt="bob's"))
        await setup.all_over()
        shown = await ada.slash("history")
        first_page = await shown.message()
        assert "ada's 5" in first_page.text
        assert "ada's 0" not in first_page.text
        assert "bob's" not in first_page.text
        assert f"/{made[5].id})" in first_page.text
        assert "1 in all" in await said(await bob.slash("history"))
        assert "ada's" in await said(await ada.slash("history"))
        assert "Nothing is waiting" in await said(await ada.slash("queue"))
        assert "/gif" in await said(await ada.slash("help"))
        alone = await posted(await ada.in_dm().slash("gif", prompt="in private"))
        await setup.all_over()
        assert f"/@me/{alone.channel.id}/{alone.id})" in await said(await ada.slash("history"))
    async with running(setup.write(), discord):  # the button knows its page after a restart
        await ada.press(first_page, "Older ▶")
        turned = await shown.message(lambda message: "ada's 1" in message.text)
        assert turned.id == first_page.id
    assert len(discord.registrations) == 1


async def test_people_are_served_in_turn(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(), discord):
        # the first one lasts until everybody has asked
        sent = [await ada.slash("gif", prompt=f"ada's {n}", steps=150 - 70 * n) for n in range(3)]
        await sent[-1].acknowledged()
        late = await bob.slash("gif", prompt="bob's", steps=20)
        await late.acknowledged()
        queue = await said(await bob.slash("queue"))
        assert "bob's" in queue
        assert "ada's" not in queue  # other people's prompts are their own business
        for interaction in (*sent, late):
            await posted(interaction)
    rows = setup.rows("request, started_at")
    order = [row["request"] for row in sorted(rows, key=lambda row: str(row["started_at"]))]
    assert "bob's" in order[1]


async def test_a_full_queue_says_so(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "hangs:create"
    async with running(setup.write(queue={"size": 3, "per_user": 2}), discord):
        for _ in range(2):
            await (await ada.slash("gif", prompt="x")).acknowledged()
        assert "You already have 2 GIFs" in await said(await ada.slash("gif", prompt="x"))
        await (await bob.slash("gif", prompt="x")).acknowledged()
        assert "queue is full" in await said(await bob.slash("gif", prompt="x"))
    assert len(setup.rows()) == 3


async def test_some_of_several_are_taken_and_their_answers_stay(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(queue={"per_user": 2}), discord):
        sent = await asked(ada, prompt="x", count=4, private=True, steps=20)
        told = await sent.message(lambda message: "Only 2 of 4 were accepted" in message.text)
        assert "You already have 2 GIFs" in told.text
        message = await sent.message(lambda message: len(message.results) == 2)
    assert message is sent.original


async def test_cancelled_after_the_token_s_time_it_says_so_where_it_waited(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "hangs:create"
    async with running(setup.write(), discord):
        await (await ada.slash("gif", prompt="first")).acknowledged()
        waiting = await ada.slash("gif", prompt="second")
        message = await waiting.message(lambda message: "ahead of yours" in message.text)
        discord.clock.advance(16 * 60)
        assert "Cancelled" in await said(await ada.slash("cancel"))
        await discord.until(lambda: "Cancelled" in message.text or None)
        assert not message.buttons


async def test_a_file_too_large_for_the_channel_says_so(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    discord.world.upload_limit = 3 * 2**20
    setup.engine = "tests.bot.engines.large:create"
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x")
        message = await sent.message(lambda message: "❌" in message.text)
    assert "is 4.0 MB, and Discord allows at most 3.0 MB" in message.text


async def test_a_failed_job_says_why(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "raises:create"
    async with running(setup.write(), discord):
        for prompt, words in (("bad request", "multiple of 8"), ("bug", "inside the generator")):
            failed = await ada.slash("gif", prompt=prompt)
            message = await failed.message(lambda message: "❌" in message.text)
            assert words in message.text
            assert "secret detail" not in message.text
        await posted(await ada.slash("gif", prompt="the worker goes on"))


def shows_preview(message: Message) -> bool:
    return [file.filename for file in message.files] == ["preview.webp"]


async def test_previews_are_shown_and_gone_in_the_end(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.previews:create"
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="a ball", steps=12)
        shown = await sent.message(shows_preview)
        [file] = shown.files
        assert read_back(file.data).frames.shape == (2, 16, 16, 3)
        assert "a ball" in (file.description or "")
        assert "▰" in shown.text
        done = await sent.message(lambda message: message.results)
        assert [file.data for file in done.files] == [b"a ball"]
        again = await ada.slash("gif", prompt="another", steps=12)
        message = await again.message(lambda message: message.files)
        await ada.press(message, "Cancel")
        gone = await again.message(lambda message: "Cancelled" in message.text)
        assert not gone.files
