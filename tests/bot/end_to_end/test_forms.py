"""Forms: each is acted on once, also after a restart; a refused one keeps what was typed."""

from __future__ import annotations

from typing import Any

from bot.commands import ACTIONS, FORMS
from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.interactions import MODAL_SUBMIT
from tests.bot import files
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, request_of, said


def test_every_form_can_be_opened_again() -> None:
    assert {action for action in ACTIONS if action.endswith("_send")} <= set(FORMS)
    assert {opener for opener, _ in FORMS.values()} <= set(ACTIONS)


async def test_forms_of_earlier_versions_are_acted_on_once(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """One that stood open when the bot was updated; what it refuses stands in the panel then."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="x", seed="5"))
        await setup.all_over()
        job_id = setup.rows("id")[0]["id"]
        pressed = await ada.press(await sheet_of(ada, message), "Favourite")
        await said(pressed)
        old = f"form:edit_send:{job_id}:{'0' * 16}"
        made = await request_of(sent_old(pressed, ada, old, prompt="y", frames="4", seed="7"))
        assert (made["prompt"], made["video_length"], made["seed"]) == ("y", 4, 7)
        await setup.all_over()
    async with running(setup.write(), discord):
        await discord.commands_registered()
        twice = await said(sent_old(pressed, ada, old, prompt="y"))
        assert "already been sent" in twice
        other = f"form:sampling_send:{job_id}:{'1' * 16}"
        refused = sent_old(pressed, ada, other, steps="many", scheduler="unipc")
        panel = await panel_of(refused)
        assert "number of steps" in panel.text
        await fill(ada, panel, "Fine settings", steps="3")
        made = await request_of(await ada.press(panel, "Go"))
        assert (made["steps"], made["scheduler"], made["seed"]) == (3, "unipc", 5)
    assert len(setup.rows()) == 3


def sent_old(shown: Interaction, person: Person, custom_id: str, **fields: str) -> Interaction:
    """A form of text fields, as earlier versions showed it."""
    rows = [
        {"type": 1, "components": [{"type": 4, "custom_id": name, "value": value}]}
        for name, value in fields.items()
    ]
    data = {"custom_id": custom_id, "components": rows}
    return person._send(MODAL_SUBMIT, data, source=shown.source, parent=shown)


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
