"""``<lora:name:0.8>`` in a prompt, and GIFs whose LoRA was removed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_lora import lora, posted, said

DRAWS = "tests.bot.engines.draws:create"


def request_of(message: Message) -> dict[str, Any]:
    return files.request_in(message.files[0].data)


async def hint(interaction: Interaction) -> str:
    message = await interaction.message(lambda one: "weren't used" in one.text, 20)
    assert message.ephemeral
    return message.text


async def test_a_tag_uses_the_lora_of_that_name_file_or_hash(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = DRAWS
    data = lora(words="ink style")
    async with running(setup.write(), discord):
        added = await ada.slash(
            "lora add", name="My Ink", file=Upload("Ink_Wash-v2.safetensors", data), strength=0.6
        )
        await said(added)
        sha256 = hashlib.sha256(data).hexdigest()
        for name in ("my ink", "Ink_Wash-v2", "ink wash-v2.safetensors", sha256[:10].upper()):
            message = await posted(
                await ada.slash("gif", prompt=f"a cat <lora:{name}:0.8>, by night")
            )
            request = request_of(message)
            assert request["prompt"] == "a cat, by night, ink style"
            [used] = request["loras"]
            assert used["strength"] == 0.8
        as_its_owner_set_it = request_of(
            await posted(await ada.slash("gif", prompt="<lora:my ink>"))
        )
        assert as_its_owner_set_it["loras"][0]["strength"] == 0.6
        assert as_its_owner_set_it["prompt"] == "ink style"
        too_strong = await ada.slash("gif", prompt="a cat <lora:my ink:9>")
        assert "strength must be from -5 to 5" in await said(too_strong)

        strangers = await bob.slash("gif", prompt="a dog <lora:my ink:0.8> <lora:[x](y)>")
        words = await hint(strangers)
        assert "my ink" in words
        assert "[x](y)" not in words.replace("\\[", "")
        request = request_of(await posted(strangers))
        assert (request["prompt"], request["loras"]) == ("a dog", [])

        await said(await ada.slash("lora share", lora="my ink", who="server"))
        shared = request_of(await posted(await bob.slash("gif", prompt="a dog <lora:My_Ink:-1>")))
        assert shared["loras"][0]["strength"] == -1.0


async def test_the_removed_lora_of_a_gif_is_told_truly(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = DRAWS
    async with running(setup.write(), discord):
        file = Upload("a.safetensors", lora())
        await said(await ada.slash("lora add", name="ink", file=file))
        made = await posted(await ada.slash("gif", prompt="a cat <lora:ink>"))
        await setup.all_over()
        assert "its owner doesn't share" in await said(await bob.press(made, "Again"))
        await said(await ada.slash("lora remove", lora="ink"))
        for person in (ada, bob):
            answer = await said(await person.press(made, "Again"))
            assert "a LoRA that has since been removed" in answer
            assert "doesn't share" not in answer
        await said(await ada.slash("lora add", name="again", file=file))
        assert request_of(await posted(await ada.press(made, "Again")))["loras"]


async def test_what_a_stranger_wrote_into_a_file_is_shown_as_text(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    words = "[a](b) [Free Nitro](https://evil.example), @everyone, **x**"
    tags = json.dumps({"a": {"[a](b) [log in](https://evil.example)": 5}})
    shapes = {
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 2048),
        "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k.lora_up.weight": (640, 4),
    }
    said_in_it = {"modelspec.trigger_phrase": words, "ss_tag_frequency": tags}
    data = files.safetensors(shapes, said_in_it)
    async with running(setup.write(), discord):
        added = await said(await ada.slash("lora add", name="odd", file=Upload("x", data)))
        shown = await (await ada.slash("lora info", lora="odd")).message()
        listed = await said(await ada.slash("lora list"))
        for text in (added, shown.text, listed):
            assert "@everyone" not in text
            assert "**x**" not in text
            for link in ("[a](b)", "[Free Nitro](", "[log in]("):
                assert link not in text.replace("\\[", "").replace("\\]", "")
