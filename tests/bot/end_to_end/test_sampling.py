"""Steps, sampler and ControlNets of a GIF are chosen in the panel, and it is made again."""

from __future__ import annotations

from bot.sandbox import Interaction, Person, Sandbox, Upload
from generator.contract.limits import ModelLimits
from tests.bot import files
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, request_of, said
from tests.bot.end_to_end.test_lora import lora


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
        panel = await panel_of(await ada.press(made, "Edit"))
        wanted = {"steps": "7", "guidance": "2,5", "scheduler": "unipc", "control_type_2": "depth"}
        await fill(ada, panel, "Fine settings", **wanted)
        await fill(ada, panel, "Motion", control_strength="0.6")
        again = await request_of(await ada.press(panel, "Go"))
        assert (again["seed"], again["steps"], again["guidance_scale"]) == (5, 7, 2.5)
        assert again["scheduler"] == "unipc"
        controls = [(control["kind"], control["scale"]) for control in again["controls"]]
        assert sorted(controls) == [("canny", 0.6), ("depth", 0.6)]

        long = await said(await ada.slash("gif", prompt="a cat", frames=200))
        assert "memory for 200 frames of 512 x 512; ask for at most 128, or" in long

        panel = await panel_of(await ada.press(made, "Edit"))
        for typed, sentence in (
            ("0: much | 5: 0", "neither a number nor keys with numbers"),
            ("0: 9 | 5: 0", "must be from 0 to 5"),
        ):
            await fill(ada, panel, "Motion", control_strength=typed)
            assert sentence in panel.text
        await fill(ada, panel, "Motion", control_strength="0: 0,9 | 9: 0")
        assert "the frames are 0 to 7" in await said(await ada.press(panel, "Go"))
        await fill(ada, panel, "Motion", control_strength="0: 0,9 | ~5: 0")
        lets_go = await ada.press(panel, "Go")
        assert [one["scales"] for one in (await request_of(lets_go))["controls"]] == [
            "0: 0.9 | ~5: 0"
        ]
        assert "follows canny (0: 0.9 \\| \\~5: 0)" in (await posted(lets_go)).text


async def test_a_distilled_lora_and_a_quality_set_the_sampling(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"

    async def made_by(interaction: Interaction) -> tuple[str, int, float]:
        request = await request_of(interaction)
        return request["scheduler"], request["steps"], request["guidance_scale"]

    async with running(setup.write(), discord):
        upload = Upload("sdxl_lightning_4step_lora.safetensors", lora())
        added = await ada.slash("lora add", name="Quick", file=upload)
        await added.message(lambda message: "distilled LoRA (lightning-4)" in message.text)
        by_option = await ada.slash("gif", prompt="a cat", lora="Quick")
        made = await posted(by_option)
        assert await made_by(by_option) == ("euler_trailing", 4, 1)
        by_tag = await ada.slash("gif", prompt="a cat <lora:quick:0.5>")
        assert await made_by(by_tag) == ("euler_trailing", 4, 1)
        by_word = await ada.slash("gif", prompt="a cat", lora="Quick", steps=9)
        assert (await made_by(by_word))[1] == 9

        panel = await panel_of(await ada.press(made, "Edit"))
        await fill(ada, panel, "LoRAs", lora=[])
        await fill(ada, panel, "Quality", quality="draft")
        assert "quality: draft" in panel.text
        again = await ada.press(panel, "Go")
        usual = ModelLimits()
        expected = (usual.scheduler, round(usual.steps / 2), usual.guidance_scale)
        assert await made_by(again) == expected
        panel = await panel_of(await ada.press(await posted(again), "Edit"))
        await fill(ada, panel, "LoRAs", lora="Quick")
        assert await made_by(await ada.press(panel, "Go")) == ("euler_trailing", 4, 1)


async def test_it_refuses_in_a_sentence(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        made = await posted(await ada.slash("gif", prompt="a cat"))
        panel = await panel_of(await ada.press(made, "Edit"))
        assert "number of steps" in await said(
            await fill(ada, panel, "Fine settings", steps="many")
        )
        assert len(setup.rows()) == 1
