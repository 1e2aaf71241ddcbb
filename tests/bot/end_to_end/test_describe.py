"""Describe fills the panel with what a file says, and says what it couldn't take over."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from generator.contract.messages import Lora
from generator.media.comment import with_comment
from tests.bot import files
from tests.bot.end_to_end.panels import fill, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, posted, said
from tests.bot.end_to_end.test_lora import lora
from tests.bot.end_to_end.test_remix_strangers import RECIPE
from tests.generator.recipes.foreign.pictures import PARAMETERS, dumped, node, png, simple_graph


async def described(person: Person, panel: Message, **fields: Any) -> Interaction:
    form = await person.press(panel, "Describe")
    await form.acknowledged()
    sent = await person.submit(form, **fields)
    await sent.acknowledged()
    return sent


async def with_words(discord: Sandbox, panel: Message, words: str) -> str:
    await discord.until(lambda: words in panel.text or None)
    return panel.text


async def test_the_panel_is_filled_by_files_of_three_programs(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, tmp_path: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    graph = simple_graph() | {"20": node("LoraLoader", lora_name="pixels", strength_model=0.5)}
    lost = replace(RECIPE.request, loras=(Lora(f"{'0' * 64}.safetensors", 1.0),))
    own = with_comment(files.gif(), replace(RECIPE, request=lost).to_json())
    async with running(setup.write(), discord) as bot:
        added = await ada.slash("lora add", name="Pixels", file=Upload("pixels", lora()))
        await said(added)
        panel = await panel_of(await ada.slash("gif"))
        await fill(ada, panel, "Result", count="2")

        picture = png(tmp_path / "a.png", parameters=PARAMETERS).read_bytes()
        await described(ada, panel, file=[Upload("a.png", picture)])
        text = await with_words(discord, panel, "Filled in")
        assert "Left out: Model sd\\_xl, base, VAE a.safetensors, 832 x 1216." in text
        assert "a red ball" in text
        assert "LoRA: Pixels" in text
        assert "1234567890" in text
        assert "count: 2" in text

        picture = png(tmp_path / "b.png", prompt=dumped(graph)).read_bytes()
        await described(ada, panel, file=[Upload("b.png", picture)])
        text = await with_words(discord, panel, "156680208700286")
        assert "Left out: " in text
        assert "checkpoint" in text
        assert "LoRA: Pixels" in text

        await described(ada, panel, file=[Upload("own.gif", own)])
        text = await with_words(discord, panel, "Left out: a LoRA.")
        assert "seed: 7" in text

        # bad input costs a sentence, and changes nothing
        for fields, answer in (
            ({"file": [Upload("c.gif", files.gif())]}, "no recipe from this bot"),
            ({"file": [Upload("d.txt", b"Steps: 20, Seed: 1, Size: 1x1")]}, "isn't a picture"),
            ({}, "either a file or a link"),
            ({"link": "http://127.0.0.1/a.png"}, "can't be downloaded"),
        ):
            sent = await described(ada, panel, **fields)
            told = await sent.message(lambda message: message.text and message is not panel)
            assert answer in told.text
        assert "seed: 7" in panel.text
        [press] = [each["custom_id"] for each in panel.buttons if "describe" in each["custom_id"]]
        other = await panel_of(await bob.slash("gif"))
        assert "is somebody else's" in await said(await bob.press(forge(other, press), press))

        message = await posted(await ada.press(panel, "Go"))
        await discord.until(lambda: len(message.results) == 2 or None)  # either may be made first
        made = files.request_in(message.results[0].data)
        assert (made["prompt"], made["seed"], made["loras"]) == ("a red ball", 7, [])
        await setup.all_over()
        assert len(setup.rows()) == 2
        assert json.loads(setup.rows("request")[1]["request"])["seed"] != 7
        assert "Traceback" not in bot.log
