"""Nothing is made and nothing is posted that the gate wasn't asked for; and what it says holds."""

from __future__ import annotations

import re

import pytest

from bot.sandbox import Interaction, Person, Refusal, Reset, Sandbox, Upload
from bot.sandbox.model import Message, StoredFile
from bot.ui.result_view import EDITS
from tests.bot import files
from tests.bot.end_to_end import gated
from tests.bot.end_to_end.panels import made_by
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_delivery import ANSWER, MESSAGES
from tests.bot.end_to_end.test_lora import lora

pytestmark = pytest.mark.slow

GATED = gated.__name__
_COVER = "SPOILER_"


def results_in(discord: Sandbox) -> list[StoredFile]:
    """Every file that was made, whoever sees its message."""
    return [
        file
        for message in discord.world.messages.values()
        for file in message.files
        if file.filename.removeprefix(_COVER).startswith("hotshot-")
    ]


async def submitted(person: Person, form: Interaction, **fields: str) -> Message:
    await form.acknowledged()
    return await posted(await person.submit(form, **fields))


async def from_panel(person: Person, opened: Interaction) -> Message:
    return await posted(await made_by(person, opened))


async def test_every_way_to_a_job_and_to_a_file_passes_it(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord, module=GATED) as bot:
        await discord.commands_registered()
        await posted(await ada.slash("gif", prompt="two", count=2, frames=4))
        made = await posted(await ada.slash("gif", prompt="a cat", frames=8))
        await setup.all_over()
        for button in ("Again", "Vary a little", "Vary a lot", "Longer", "Upscale"):
            await posted(await ada.press(await sheet_of(ada, made), button))
        await from_panel(ada, await ada.press(made, "Edit"))
        await submitted(ada, await ada.press(made, "Motion of this"), prompt="a fish")
        await from_panel(bob, await bob.message_command("Remix", made))
        await from_panel(bob, await bob.press(await sheet_of(bob, made), "Edit"))
        copy = await bob.in_dm().says("", Upload("copy.gif", made.results[0].data))
        found = await bob.in_dm().message_command("Remix", copy)
        recipe = await found.message(lambda message: message.buttons)
        await from_panel(bob.in_dm(), await bob.in_dm().press(recipe, "Edit"))
        picture = await ada.says("", Upload("a.png", files.still()))
        await submitted(ada, await ada.message_command("Animate this", picture), prompt="it moves")
        sheet = await ada.slash("gif", prompt="x", control_gif=Upload("a.gif", files.gif()))
        await posted(await ada.press(await sheet.message(lambda message: message.files), "Go"))
        menu = await ada.message_command("Use as motion", made)
        go = await ada.press(await menu.message(lambda message: message.files), "Go")
        await submitted(ada, go, prompt="a robot")
        await said(await ada.slash("lora add", name="ink", file=Upload("a", lora(words="ink"))))
        await posted(await ada.slash("lora try", lora="ink", prompt="a cat"))
        await setup.all_over()
        rows = setup.rows()
        assert len(rows) == 17
        assert bot.log.count(gated.REQUEST) == len(rows)
        assert bot.log.count(gated.RESULT) == len(results_in(discord)) == len(rows)
        offered = [edit for edit in EDITS if edit != "join"]  # that is for what was continued
        for edit in offered:
            chosen = await ada.choose(await sheet_of(ada, made), "pick:more", edit)
            if edit == "caption":
                await submitted(ada, chosen, caption="hello")
            else:
                await posted(chosen)
        assert "a cat" in (await posted(await ada.slash("show", id=_id(setup, "a cat")))).text
        assert bot.log.count(gated.RESULT) == len(results_in(discord)) == 17 + len(offered) + 1
        for name, options in (("lora info", {"lora": "ink"}), ("history", {})):
            before = bot.log.count(gated.RESULT)
            sent = await ada.slash(name, **options)
            await sent.message(lambda message: message.files)
            assert bot.log.count(gated.RESULT) > before
        assert bot.log.count(gated.REQUEST) == len(setup.rows())


def _id(setup: Setup, words: str) -> str:
    job_id: str = next(row["id"] for row in setup.rows() if row["words"] == words)
    return job_id


async def test_what_is_covered_is_a_spoiler_wherever_it_is_posted(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord, module=GATED):
        made = await posted(await ada.slash("gif", prompt="covered"))
        await setup.all_over()
        job_id = setup.rows("id")[0]["id"]
        assert made.results[0].filename.startswith(f"{_COVER}hotshot-{job_id[:12]}")
        again = await posted(await ada.choose(await sheet_of(ada, made), "pick:more", "reverse"))
        shown = await posted(await ada.slash("show", id=job_id))
        for message in (again, shown):
            assert message.results[0].filename.startswith(f"{_COVER}hotshot-")


async def test_a_spoiler_that_may_have_got_through_is_looked_for(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    discord.add_fault(Refusal("PATCH", ANSWER, times=None, code=50027, uploads=True))
    discord.add_fault(fault := Reset("POST", MESSAGES, after=True))
    async with running(setup.write(), discord, module=GATED) as bot:
        await ada.slash("gif", prompt="covered")
        await discord.until(lambda: results_in(discord) or None)
        await setup.all_over()
        assert "found: an earlier try had got through" in bot.log
    assert fault.hits
    [file] = results_in(discord)
    assert file.filename.startswith(_COVER)
    assert setup.rows()[0]["state"] == "done"


async def test_what_is_withheld_is_nowhere_and_its_owner_reads_why(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.previews:create"
    async with running(setup.write(), discord, module=GATED):
        sent = await ada.slash("gif", prompt="withheld", steps=12)
        making = await sent.message(lambda message: re.search(r"step ([2-9]|1\d) of", message.text))
        assert not making.files  # though there is a preview by then
        message = await sent.message(lambda message: gated.REASON in message.text)
        await setup.all_notified()
        [row] = setup.rows()
        assert (row["state"], row["failure_kind"]) == ("failed", "withheld")
        assert (row["failure_is_retryable"], row["output"]) == (0, None)
        shown = await said(await ada.slash("show", id=row["id"]))
        assert gated.REASON in shown
        await said(await ada.slash("history"))
    assert not message.files
    assert results_in(discord) == []
