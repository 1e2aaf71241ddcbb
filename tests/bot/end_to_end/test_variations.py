"""Variations come as one message: what is made is put in, what fails is said, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import signal

import psutil
import pytest

from bot.sandbox import Interaction, Person, Refusal, Reset, Sandbox
from bot.sandbox.components import MEDIA_GALLERY
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.panels import panel_of
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.generator.workers import has_frames
from tests.patience import until

pytestmark = pytest.mark.slow

IN_TURN = "tests.bot.engines.in_turn:create"
ANSWER = "/webhooks/*/messages/@original"


async def holding(interaction: Interaction, count: int) -> Message:
    return await interaction.message(lambda message: len(message.results) == count)


def gallery_of(message: Message) -> list[str]:
    """The names of what the gallery shows, all of which are the message's files."""
    [gallery] = [part for part in message.components_flat if part["type"] == MEDIA_GALLERY]
    names = {str(file.id): file.filename for file in message.files}
    return [names[item["media"]["attachment_id"]] for item in gallery["items"]]


def labels_of(message: Message) -> list[str]:
    return [button["label"] for button in message.buttons]


def with_files(discord: Sandbox) -> list[Message]:
    return [message for message in discord.world.messages.values() if message.results]


async def test_four_are_one_message_with_rows_for_each(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="a cat", count=4, seed="5", frames=4)
        message = await holding(sent, 4)
        await setup.all_over()
        assert message is sent.original
        assert with_files(discord) == [message]
        assert len(message.components_flat) < 40
        assert ada.user.mention in message.text
        assert "seed `5`" in message.text
        rows = setup.rows("id, message_id, group_id, group_place, request")
        assert [row["group_place"] for row in rows] == [1, 2, 3, 4]
        assert {row["message_id"] for row in rows} == {message.id}
        assert len({row["group_id"] for row in rows}) == 1
        shown = gallery_of(message)
        assert [name[8:20] for name in shown] == [row["id"][:12] for row in rows]
        expected = [f"{word} {n}" for word in ("Upscale", "Vary", "Keep") for n in range(1, 5)]
        assert labels_of(message) == [*expected, "Again"]
        varied = await holding(await bob.press(message, "Vary 3"), 1)
        assert files.request_in(varied.results[0].data)["controls"][0]["scale"] == 0.8
        kept = await (await bob.press(message, "Keep 1")).message()
        assert "Added to your favourites" in kept.text
        await setup.all_over()
        assert setup.rows("parent_id")[4]["parent_id"] == rows[2]["id"]
        assert "Traceback" not in bot.log
    async with running(setup.write(), discord):  # nothing of it was in memory alone
        which = await (await bob.message_command("Remix", message)).message()
        assert which.ephemeral
        panel = await panel_of(await bob.choose(which, "pick:edit", rows[1]["id"]))
        assert f"seed: {json.loads(rows[1]['request'])['seed']}" in panel.text
        opened = await ada.choose(message, "pick:actions", rows[1]["id"])
        sheet = await opened.message()
        question = await (await ada.press(sheet, "Delete")).message()
        await ada.press(question, "Yes, delete it")
        await discord.until(lambda: len(message.results) == 3 or None)
    assert gallery_of(message) == [shown[0], *shown[2:]]
    assert "Keep 2" not in labels_of(message)
    assert not message.deleted


async def test_what_fails_is_said_and_what_comes_late_is_put_in(
    setup: Setup, discord: Sandbox, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot is killed as the first is posted, and begins anew with what it finds."""
    setup.engine = IN_TURN
    turns = setup.directory / "turns"
    turns.mkdir()
    monkeypatch.setenv("TESTS_GO_FILE", str(turns))
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="a cat", count=4, seed="5", frames=4)
        message = await holding(sent, 1)
        await bot.stop(signal.SIGKILL)
    turn = len(list(turns.glob("begun-*")))
    (turns / "go-1").write_text("fail", encoding="utf-8")
    async with running(setup.write(), discord):
        (turns / f"go-{turn + 1}").write_text("fail", encoding="utf-8")
        await discord.until(lambda: "can't be drawn" in message.text or None)
        assert len(message.results) == 1
        assert "Cancel" in labels_of(message)
        assert "Keep 2" not in labels_of(message)
        (turns / f"go-{turn + 2}").touch()
        await holding(sent, 2)
        await ada.press(message, "Cancel")
        await discord.until(lambda: "Cancel" not in labels_of(message) or None)
        await setup.all_over()
        await setup.all_notified()
    assert "🚫 Cancelled" in message.text
    assert message.text.count("can't be drawn") == 1
    assert len(gallery_of(message)) == 2
    assert with_files(discord) == [message]
    states = sorted(row["state"] for row in setup.rows("state"))
    assert states == ["cancelled", "done", "done", "failed"]


async def test_an_answer_that_is_lost_is_looked_for_and_a_closed_one_means_another_message(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    lost = Reset("PATCH", ANSWER, uploads=True, after=True)
    discord.add_fault(lost)
    async with running(setup.write(), discord):
        message = await holding(await ada.slash("gif", prompt="a cat", count=2, frames=4), 2)
        await setup.all_over()
        assert lost.hits
        assert with_files(discord) == [message]
        for path in (ANSWER, "/channels/*/messages/*"):
            discord.add_fault(Refusal("PATCH", path, times=None, code=10008))
        discord.add_fault(Refusal("GET", ANSWER, times=None, code=10008))
        await (await bob.slash("gif", prompt="a dog", count=2, frames=4)).acknowledged()
        await discord.until(lambda: len(with_files(discord)) == 3 or None)
        await setup.all_over()
    single = with_files(discord)[1:]
    assert all(len(each.results) == 1 and "More" in labels_of(each) for each in single)


async def test_a_batch_whose_encoders_are_killed_loses_no_file(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """Of three that a worker computes together."""
    setup.engine = "tests.bot.engines.noise_together:create"
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="a cat", count=3)
        await until(lambda: in_mid_file(bot), lambda: bot.log)
        for each in in_mid_file(bot):
            each.kill()
        message = await holding(sent, 3)
        await setup.all_over()
        assert "Tries left" in bot.log
        assert "Traceback" not in bot.log
    assert all(b"one of 3" in file.data for file in message.results)
    assert len({file.filename for file in message.results}) == 3
    assert [row["state"] for row in setup.rows("state")] == ["done"] * 3


def in_mid_file(bot: Bot) -> list[psutil.Process]:
    """The processes that are writing files for the bot's workers."""
    every = psutil.Process(bot.process.pid).children(recursive=True)
    return [each for each in every if is_encoder(each) and has_frames(each.pid)]


def is_encoder(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return "encoder_process" in " ".join(process.cmdline())
    return False
