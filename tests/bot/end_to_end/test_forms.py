"""Forms: each is acted on once, also after a restart; a refused one keeps what was typed."""

from __future__ import annotations

from typing import Any

from bot.commands import ACTIONS, FORMS
from bot.sandbox import Interaction, Person, Sandbox, Upload
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said
from tests.bot.end_to_end.test_who_may import submit


def test_every_form_can_be_opened_again() -> None:
    assert {action for action in ACTIONS if action.endswith("_send")} <= set(FORMS)
    assert {opener for opener, _ in FORMS.values()} <= set(ACTIONS)


async def test_a_form_that_was_sent_stays_sent_after_a_restart(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        form = await ada.press(message, "Edit")
        await form.acknowledged()
        sent = await ada.submit(form, prompt="y")
        await posted(sent)
        await setup.all_over()
        custom_id = sent.data["custom_id"]
    async with running(setup.write(), discord):
        pressed = await ada.press(message, "Favourite")
        await said(pressed)
        assert "already been sent" in await said(submit(pressed, ada, custom_id))
    assert len(setup.rows()) == 2


async def test_a_refused_form_comes_back_filled_in(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        message = await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        form = await ada.press(message, "Edit")
        await form.acknowledged()
        typed = {"prompt": "a red cat", "negative_prompt": "dogs", "seed": "7", "frames": "99"}
        refused = await ada.submit(form, **typed)
        told = await refused.message(lambda message: message.buttons)
        assert "99" in told.text
        assert told.ephemeral
    async with running(setup.write(), discord) as bot:
        again = await ada.press(told, "Open the form again")
        await again.acknowledged()
        shown = filled(again)
        assert {name: shown[name] for name in typed} == typed
        made = await request_of(await ada.submit(again, frames="4"))
        assert (made["prompt"], made["video_length"], made["seed"]) == ("a red cat", 4, 7)
        assert "Traceback" not in bot.log


async def test_one_about_what_is_gone_does_not(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        form = await ada.press(message, "Edit")
        await form.acknowledged()
        asked = await (await ada.press(message, "Delete")).message()
        await ada.press(asked, "Yes, delete it")
        await discord.until(lambda: message.deleted or None)
        refused = await ada.submit(form, prompt="y")
        assert "was deleted" in await said(refused)
        assert not refused.messages[0].buttons


async def test_so_does_one_whose_draft_was_used_up(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        picture = await ada.says("", Upload("a.png", files.still()))
        form = await ada.message_command("Animate this", picture)
        await form.acknowledged()
        refused = await ada.submit(form, prompt="it waves", strength="9")
        told = await refused.message(lambda message: message.buttons)
        again = await ada.press(told, "Open the form again")
        await again.acknowledged()
        assert filled(again) == {"prompt": "it waves", "strength": "9"}
        made = await request_of(await ada.submit(again, strength="0.5"))
        assert (made["prompt"], made["image_strength"]) == ("it waves", 0.5)


def filled(shown: Interaction) -> dict[str, Any]:
    """What stands in the fields of a form."""
    inputs = [part for row in shown.modal["components"] for part in row.get("components", ())]
    return {part["custom_id"]: part.get("value", "") for part in inputs}
