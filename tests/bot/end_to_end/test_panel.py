"""The panel of Edit: groups of forms, and a GIF made of them."""

from __future__ import annotations

from bot.sandbox import Person, Sandbox, Upload
from tests.bot import files
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of


async def test_edit_changes_what_was_chosen_and_keeps_the_rest(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """Across a restart, with a refusal on the way, and once however often Go is pressed."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        made = await posted(
            await ada.slash(
                "gif",
                prompt="a cat",
                seed="5",
                control_gif=Upload("dance.gif", files.gif()),
                control_type="canny",
            )
        )
        await setup.all_over()
        panel = await panel_of(await ada.press(made, "Edit"))
        assert panel.ephemeral
        assert "a cat" in panel.text
        await fill(ada, panel, "Words", prompt="a dog", negative_prompt="text")
        refused = {"frames": "99", "duration": "2000"}
        await fill(ada, panel, "Size and length", **refused)
        assert "at most" in panel.text or "99" in panel.text, panel.text
        assert "a dog" in panel.text
    async with running(setup.write(), discord) as bot:
        form = await ada.press(panel, "Size and length")
        await form.acknowledged()
        shown = {
            part["component"]["custom_id"]: part["component"] for part in form.modal["components"]
        }
        assert {name: shown[name]["value"] for name in refused} == refused
        await (await ada.submit(form, frames="6")).acknowledged()
        fine = {"steps": "7", "guidance": "2,5", "scheduler": "unipc", "control_type_2": "depth"}
        await fill(ada, panel, "Fine settings", **fine)
        await fill(ada, panel, "Motion", control_strength="0.6")
        again = await request_of(await ada.press(panel, "Go"))
        await setup.all_over()
        assert (again["prompt"], again["negative_prompt"], again["seed"]) == ("a dog", "text", 5)
        assert (again["video_length"], again["video_duration"]) == (6, 2000)
        assert (again["steps"], again["guidance_scale"], again["scheduler"]) == (7, 2.5, "unipc")
        controls = [(control["kind"], control["scale"]) for control in again["controls"]]
        assert controls == [("canny", 0.6), ("depth", 0.6)]
        assert not panel.buttons
        assert "Traceback" not in bot.log
    assert len(setup.rows()) == 2
