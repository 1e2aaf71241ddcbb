"""Two real models, one worker: people choose, it changes between jobs, recipes know which."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from bot.sandbox import Person, Sandbox, Upload
from bot.sandbox.model import Message
from generator.contract.limits import NANO_DIRECTORY
from generator.contract.worker_settings import HOTSHOT_ENGINE
from generator.media.comment import comment_of
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

_QUICK = {"prompt": "a red ball", "frames": 2, "steps": 3}


def other_model(directory: Path) -> Path:
    """Nano with other weights and limits of its own: half as large, and at most twelve frames."""
    model = shutil.copytree(NANO_DIRECTORY, directory / "other nano")
    limits = json.loads((model / "generation_config.json").read_text())
    limits |= {"native_edge": 64, "max_clip_frames": 12, "steps": 4, "max_steps": 20}
    (model / "generation_config.json").write_text(json.dumps(limits))
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["conv_out.weight"] = tensors["conv_out.weight"] * 0.5
    save_file(tensors, weights)
    return model


def recipe_in(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(comment_of(message.results[0].data))
    return found


async def test_people_choose_a_model_and_recipes_know_it(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, tmp_path: Path
) -> None:
    config = setup.write(
        generator={"model": "nano", "engine": HOTSHOT_ENGINE},
        **{"models.Half": {"model": str(other_model(tmp_path)), "guidance": 2.5}},
        **{"models.gone": {"model": str(tmp_path / "nowhere")}},
    )
    async with running(config, discord) as bot:
        await discord.commands_registered()
        await bot.logged("ready on cpu")
        offered = await ada.autocomplete("gif", "model", "", prompt="x")
        assert [choice["name"] for choice in offered] == [
            "nano (the usual one)",
            "Half",
            "gone (waits for a worker that has it)",
        ]

        # GIFs of both, by one worker, which changes once the first is made
        usual = await posted(await ada.slash("gif", seed="5", **_QUICK))
        half = await posted(await bob.slash("gif", model="half", seed="5", **_QUICK))
        assert "· nano ·" in usual.text
        assert "· Half ·" in half.text
        assert (recipe_in(usual)["setup"]["model"], "model" in recipe_in(usual)["request"]) == (
            "nano",
            False,
        )
        made = recipe_in(half)
        assert (made["setup"]["model"], made["request"]["model"]) == ("other nano", "Half")
        assert (made["request"]["width"], made["request"]["guidance_scale"]) == (64, 2.5)
        assert bot.log.count("makes room for the model") == 1

        # what only the other one makes is refused by its own limits
        refused = await said(await ada.slash("gif", prompt="x", model="Half", frames=16))
        assert "12" in refused
        assert "choose one of these: nano, Half, gone" in await said(
            await ada.slash("gif", prompt="x", model="third")
        )

        # by its own file, and by buttons, a GIF is made by the model that made it
        copied = await ada.says("", Upload("copy.gif", half.results[0].data))
        found = await ada.message_command("Remix", copied)
        shown = await found.message(lambda message: message.buttons, PATIENCE)
        panel = await panel_of(await ada.press(shown, "Edit"))
        remade = await posted(await ada.press(panel, "Go"))
        assert recipe_in(remade)["request"] == made["request"]
        assert remade.results[0].data == half.results[0].data
        again = recipe_in(await posted(await bob.press(half, "Again")))
        assert again["request"] | {"seed": 5} == made["request"]
        told = await (await bob.press(await sheet_of(bob, half), "Recipe")).message(
            lambda one: one.files, PATIENCE
        )
        assert "model:Half" in told.content

        # a choice for good
        assert "model: Half" in await said(await ada.slash("settings mine", model="half"))
        chosen = await posted(await ada.slash("gif", seed="5", **_QUICK))
        assert recipe_in(chosen)["request"]["model"] == "Half"

        # and by another where somebody says so
        panel = await panel_of(await ada.press(half, "Edit"))
        await fill(ada, panel, "Result", model="nano")
        other = recipe_in(await posted(await ada.press(panel, "Go")))
        assert (other["setup"]["model"], other["request"]["width"]) == ("nano", 128)
        assert (other["request"]["guidance_scale"], other["request"]["seed"]) == (1.7, 5)
        await setup.all_over()

        # one that no worker has waits, says so, and holds nobody up
        waiting = await bob.slash("gif", model="gone", **_QUICK)
        told = await waiting.message(lambda one: "has the model gone" in one.text, PATIENCE)
        assert "keeps its place" in told.text
        assert "Cancelled" in await said(await bob.slash("cancel"))
    assert [row["model"] for row in setup.rows("model")] == [
        *("nano", "Half", "Half", "Half", "Half", "nano", "gone"),
    ]
