"""What a detector has withheld: who reads why, who may see it, and who decides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest

from bot.sandbox import Person, Sandbox, Upload
from bot.sandbox.model import Message, User
from tests.bot import files
from tests.bot.end_to_end.process import Bot, Setup, run_to_end, running
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_gate import results_in
from tests.bot.end_to_end.test_words import MANAGE_MESSAGES
from tests.generator.detection.red_model import make_red_model
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.slow

SEEN = "found red in it"
DOWN = "It couldn't be checked"
ASK = "Ask a moderator"


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_red_model(tmp_path_factory.mktemp("red"))


def detector(model: Path, **values: object) -> dict[str, object]:
    return {"model": str(model), "withhold": {"red": 0.9}, "seconds": PATIENCE} | values


async def withheld(person: Person, **options: object) -> Message:
    sent = await person.slash("gif", prompt="red", frames=2, **options)
    return await sent.message(lambda message: any(each in message.text for each in (SEEN, DOWN)))


async def test_moderators_decide_on_what_was_withheld(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, red: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    mia = discord.person("mia", permissions=MANAGE_MESSAGES)
    log = discord.add_channel("log")
    config = setup.write(detector=detector(red))
    async with running(config, discord):
        await discord.commands_registered()
        await said(await mia.slash("moderation log", channel=log))
        assert (await posted(await ada.slash("gif", prompt="blue", frames=2))).results
        reason = await withheld(ada)
        assert len(results_in(discord)) == 1
        # brought files are looked at before anything is made of them
        picture = Upload("a.png", files.still(size=(64, 64), colour=(250, 0, 0)))
        answer = await said(await ada.slash("gif", prompt="blue", image=picture))
        assert answer.startswith("a.png can't be used here.")
        assert SEEN in answer
        await setup.all_notified()

        assert "Only the person who asked" in await said(await bob.press(reason, ASK))
        for press in [await ada.press(reason, ASK) for _ in range(2)]:  # at once
            answer = await said(press)
            assert "A moderator has been asked" in answer or "already" in answer
        assert "nobody has decided yet" in await said(await ada.press(reason, ASK))
        [asked] = discord.messages_in(log)
        assert asked.files[0].filename.startswith("SPOILER_")
        assert SEEN in asked.text
        assert "delete others' messages" in await said(await bob.press(asked, "Allow"))
        member = discord.guild.members[mia.user.id]
        roles, member.roles[:] = list(member.roles), []  # who loses the role decides nothing
        assert "delete others' messages" in await said(await mia.press(asked, "Allow"))
        assert len(results_in(discord)) == 2  # in the log, and the blue one
        member.roles[:] = roles
    async with running(config, discord):
        for pressed in [await mia.press(asked, "Allow") for _ in range(2)]:
            await pressed.acknowledged()
        await until(lambda: [row["state"] for row in setup.rows("state")] == ["done", "done"])
    async with running(config, discord):
        shown = [file for file in results_in(discord) if not file.filename.startswith("SPOILER_")]
        assert len(shown) == 2
        assert not asked.files
        assert "Allowed by" in asked.text
        # of two in one message, one is allowed, and the other stays withheld
        both = await withheld(ada, count=2)
        await setup.all_notified()
        for number, answer in ((1, "Allow"), (2, "Keep it withheld")):
            await said(await ada.press(both, f"{ASK} about {number}"))
            await (await mia.press(discord.messages_in(log)[-1], answer)).acknowledged()
            assert not discord.messages_in(log)[-1].files
            await until(lambda: len(both.results) == 1)
        labels = [button.get("label", "") for button in both.buttons]
        assert [label for label in labels if ASK in label] == [f"{ASK} about 2"]
        assert "stays withheld" in await said(await ada.press(both, f"{ASK} about 2"))
        listed = await said(await mia.slash("moderation audit"))
        assert "allowed a withheld GIF of" in listed
        assert "kept withholding a GIF of" in listed
        await setup.all_over()


async def test_what_a_server_chooses_holds_there(
    setup: Setup, discord: Sandbox, ada: Person, red: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    mia = discord.person("mia", permissions=MANAGE_MESSAGES)
    async with running(setup.write(detector=detector(red)), discord):
        await discord.commands_registered()
        assert "delete others' messages" in await said(
            await ada.slash("moderation pictures", mode="off")
        )
        await said(await mia.slash("moderation pictures", mode="spoiler"))
        covered = await posted(await ada.slash("gif", prompt="red", frames=2))
        assert covered.results[0].filename.startswith("SPOILER_")
        await said(await mia.slash("moderation pictures", mode="off"))
        uncovered = await posted(await ada.slash("gif", prompt="red", frames=2))
        assert not uncovered.results[0].filename.startswith("SPOILER_")
        await setup.all_over()


async def test_the_bots_owner_decides_on_direct_messages_and_hears_of_a_broken_detector(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, red: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    owner = Person(discord.world, discord.gateway, discord.world.owner, discord.channel).in_dm()
    there, at_home = ada.in_dm(), discord.direct_messages
    mia = discord.person("mia")
    runs_it = {"users": [str(mia.user.id), str(discord.world.owner.id)]}
    async with running(setup.write(detector=detector(red), owner=runs_it), discord) as bot:
        await discord.commands_registered()
        reason = await withheld(there)
        await setup.all_notified()
        await said(await there.press(reason, ASK))
        [asked] = at_home(discord.world.owner)
        assert asked.files[0].filename.startswith("SPOILER_")
        await (await owner.press(asked, "Allow")).acknowledged()
        await discord.until(lambda: [m for m in at_home(ada.user) if m.results] or None)
        await until(lambda: setup.rows("state")[0]["state"] == "done")
        # it dies and can't come back: nothing is posted, and its owner is told once
        with _moved_away(red):
            _detector_of(bot).kill()
            both = [await withheld(person) for person in (ada, bob)]
            assert all("whoever runs the bot has been told" in each.text for each in both)
        for one in (discord.world.owner, mia.user):
            [told] = await discord.until(partial(_complaints, discord, one))
            assert "can't be loaded" in told.text
        await setup.all_notified()
        assert [row["state"] for row in setup.rows()] == ["done", "failed", "failed"]
    config = setup.write(detector=detector(red, withhold={"rad": 0.9}))
    for command in ("run", "doctor"):
        code, output = await run_to_end(config, command)
        assert code
        assert "knows no class 'rad'; perhaps red was meant. It knows other, red." in output
    assert "Traceback" not in output


def _complaints(discord: Sandbox, user: User) -> list[Message] | None:
    return [m for m in discord.direct_messages(user) if "isn't working" in m.text] or None


@contextmanager
def _moved_away(model: Path) -> Iterator[None]:
    elsewhere = model.rename(model.with_name("elsewhere"))
    try:
        yield
    finally:
        elsewhere.rename(model)


def _detector_of(bot: Bot) -> psutil.Process:
    children = psutil.Process(bot.process.pid).children(recursive=True)
    [found] = [one for one in children if "generator.detection.process" in one.cmdline()]
    return found
