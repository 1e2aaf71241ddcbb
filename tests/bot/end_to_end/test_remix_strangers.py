"""Remix of pictures that other programs made, and of recipes that somebody spoilt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bot.sandbox import Person, Sandbox, Upload
from generator.contract.messages import ChosenStage, Request
from generator.contract.stages import UPSCALE
from generator.media.comment import with_comment
from generator.recipes.recipe import ModelSettings, Recipe
from tests.bot import files
from tests.bot.end_to_end.panels import made_by
from tests.bot.end_to_end.process import Setup as BotSetup
from tests.bot.end_to_end.process import running
from tests.bot.end_to_end.test_buttons import request_of, said
from tests.generator.recipes.foreign.pictures import PARAMETERS, dumped, png, simple_graph

RECIPE = Recipe(
    request=Request(
        prompt="a red ball", seed=7, width=512, height=512, steps=5, guidance_scale=5.0
    ),
    setup=ModelSettings(),
)
SPOILT = {
    "overflow": ("guidance_scale", "9" * 400, "can't be used"),
    "long seed": ("seed", "9" * 4000, "can't be used"),
    "long scheduler": ("scheduler", json.dumps("x" * 3000), "no scheduler"),
    "stage of a newer version": (
        "stages",
        '[{"name": "interpolate", "factor": 2}]',
        "This version doesn't know the stage 'interpolate'; a newer one may.",
    ),
    "surrogate": ("prompt", '"\\ud800"', "can't be used"),
}


PICTURES: list[tuple[dict[str, str], str, int]] = [
    ({"parameters": PARAMETERS}, "a red ball (bouncing:1.2), on beige", 1234567890),
    ({"prompt": dumped(simple_graph())}, "a red ball", 156680208700286),
]


async def test_a_still_picture_of_another_program(
    setup: BotSetup, discord: Sandbox, ada: Person, bob: Person, tmp_path: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        for texts, prompt, seed in PICTURES:
            data = png(tmp_path / "one.png", **texts).read_bytes()
            message = await bob.says("look", Upload("one.png", data))
            found = await ada.message_command("Remix", message)
            shown = await found.message(lambda message: message.buttons, 20)
            form = await ada.press(shown, "Edit")
            wanted = {"Size and length": {"frames": "3"}}
            made = await request_of(await made_by(ada, form, wanted))
            assert made["prompt"].startswith(prompt)
            assert "<lora" not in made["prompt"]
            assert (made["seed"], made["video_length"]) == (seed, 3)
            assert made["height"] > made["width"]


async def test_a_gif_that_was_made_larger_in_one_request_is_made_again_so(
    setup: BotSetup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    request = replace(RECIPE.request, stages=(ChosenStage(UPSCALE, 0.4),))
    gif = with_comment(files.gif(), replace(RECIPE, request=request).to_json())
    async with running(setup.write(), discord):
        await discord.commands_registered()
        message = await bob.says("look", Upload("theirs.gif", gif))
        found = await ada.message_command("Remix", message)
        shown = await found.message(lambda message: message.buttons, 20)
        assert "1024 x 1024" in shown.text
        assert "upscaled at 0.4" in shown.text
        form = await ada.press(shown, "Edit")
        made = await request_of(await made_by(ada, form))
    assert made["stages"] == [{"name": "upscale", "strength": 0.4}]
    assert (made["width"], made["height"]) == (512, 512)


async def test_a_spoilt_recipe_is_answered(
    setup: BotSetup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    async with running(setup.write(), discord) as bot:
        await discord.commands_registered()
        for name, (key, value, answer) in SPOILT.items():
            values = json.loads(RECIPE.to_json())
            values["request"][key] = "mark"
            text = json.dumps(values).replace('"mark"', value)
            gif = with_comment(files.gif(), text)
            message = await bob.says(name, Upload("theirs.gif", gif))
            told = await said(await ada.message_command("Remix", message))
            assert answer in told, name
            assert len(told) < 400
        assert "Traceback" not in bot.log
