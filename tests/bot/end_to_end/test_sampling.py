"""Steps, sampler and ControlNets of a GIF are chosen in a form, and it is made again."""

from __future__ import annotations

from bot.sandbox import Person, Sandbox, Upload
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said


async def test_a_gif_is_made_again_with_another_sampler_and_a_second_controlnet(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        made = await posted(
            await ada.slash(
                "gif",
                prompt="a cat",
                seed="5",
                control_gif=Upload("dance.gif", files.gif()),
                control_type="canny",
            )
        )
        form = await ada.choose(made, "pick:more", "sampling")
        await form.acknowledged()
        wanted = {"steps": "7", "guidance": "2,5", "scheduler": "unipc", "strength": "0.6"}
        again = await request_of(await ada.submit(form, kinds="depth,canny", **wanted))
        assert (again["seed"], again["steps"], again["guidance_scale"]) == (5, 7, 2.5)
        assert again["scheduler"] == "unipc"
        controls = [(control["kind"], control["scale"]) for control in again["controls"]]
        assert sorted(controls) == [("canny", 0.6), ("depth", 0.6)]


async def test_it_refuses_in_a_sentence(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        made = await posted(await ada.slash("gif", prompt="a cat"))
        form = await ada.choose(made, "pick:more", "sampling")
        await form.acknowledged()
        assert "number of steps" in await said(await ada.submit(form, steps="many"))
        assert len(setup.rows()) == 1
