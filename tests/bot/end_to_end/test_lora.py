"""LoRAs that people bring: added, found, shared, used, and everything hostile refused."""

from __future__ import annotations

from pathlib import Path

from bot.sandbox import MANAGE_GUILD, Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running

LAYER = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"


def lora(width: int = 2048, *, out: int = 640, filler: int = 0, words: str = "") -> bytes:
    shapes = {f"{LAYER}.lora_down.weight": (4, width), f"{LAYER}.lora_up.weight": (out, 4)}
    return files.safetensors(shapes, {"modelspec.trigger_phrase": words}, filler=filler)


async def posted(interaction: Interaction) -> Message:
    return await interaction.message(lambda message: message.results)


async def said(interaction: Interaction) -> str:
    message = await interaction.message(lambda message: not message.loading)
    assert message.ephemeral, message.text
    return message.text


def kept(setup: Setup) -> list[Path]:
    return [path for path in (setup.data / "blobs").rglob("*") if path.is_file()]


async def test_a_lora_is_brought_found_used_and_shared(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    async with running(setup.write(), discord):
        file = Upload("../../etc/dragon.safetensors", lora(words="in dragon style"))
        added = await said(
            await ada.slash("lora add", name="Dragon Scales", file=file, strength=0.6)
        )
        assert "SDXL" in added
        assert "in dragon style" in added
        [choice] = await ada.autocomplete("gif", "lora", "dgn sc", prompt="x")
        assert choice["name"] == "Dragon Scales"
        assert await bob.autocomplete("gif", "lora", "") == []
        refused = await said(await bob.slash("gif", prompt="x", lora=choice["value"]))
        assert "no LoRA of that name that you can use" in refused
        message = await posted(await ada.slash("gif", prompt="a cat", lora=choice["value"]))
        request = files.request_in(message.results[0].data)
        assert request["prompt"] == "a cat, in dragon style"
        [used] = request["loras"]
        assert used["strength"] == 0.6
        assert [str(path) for path in kept(setup) if path.suffix == ".safetensors"] == [
            used["path"]
        ]
        await said(await ada.slash("lora share", lora="Dragon Scales", who="server"))
        assert await bob.autocomplete("gif", "lora", "dragon")
        assert await bob.in_dm().autocomplete("lora info", "lora", "dragon") == []
        bobs = await posted(await bob.slash("lora try", lora=choice["value"]))
        await setup.all_over()
        shown = await (await bob.slash("lora info", lora="dragon scales")).message()
        assert "a GIF made with it" in shown.text
        assert [file.filename for file in shown.files] == ["preview.gif"]
        # what strangers made of it is no preview for the others
        shown = await (await ada.slash("lora info", lora="dragon scales")).message()
        assert shown.files == []
        await posted(await ada.press(shown, "Make a preview"))
        await setup.all_over()
        shown = await (await manager.slash("lora info", lora="dragon scales")).message()
        assert shown.files[0].description == "A GIF made with Dragon Scales."
        for command, others in (("rename", {"name": "mine"}), ("remove", {})):
            refusal = await said(await bob.slash(f"lora {command}", lora=choice["value"], **others))
            assert "somebody else's" in refusal
        assert "Only its owner" in await said(
            await manager.slash("lora share", lora=choice["value"], who="everybody")
        )
        await said(await manager.slash("lora share", lora=choice["value"], who="me"))
        assert await bob.autocomplete("gif", "lora", "") == []
        assert "doesn't share" in await said(await bob.press(bobs, "Again"))
    async with running(setup.write(), discord):
        assert "Wyrm" in await said(
            await ada.slash("lora rename", lora="Dragon Scales", name="Wyrm")
        )
        assert "1 in all" in await said(await ada.slash("lora list"))
        assert "was removed" in await said(await ada.slash("lora remove", lora="wyrm"))
        assert "None here" in await said(await ada.slash("lora list"))


async def test_what_was_tried_in_a_direct_message_stays_there(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await said(await ada.slash("lora add", name="ink", file=Upload("a", lora())))
        await said(await ada.slash("lora share", lora="ink", who="everybody"))
        await posted(await ada.in_dm().slash("lora try", lora="ink", prompt="for me alone"))
        await setup.all_over()
        for somebody in (bob, bob.in_dm()):
            shown = await (await somebody.slash("lora info", lora="ink")).message()
            assert shown.files == []
            assert "for me alone" not in shown.text
        own = await (await ada.slash("lora info", lora="ink")).message()
        assert own.files


async def test_quotas_and_the_same_file_twice(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    async with running(setup.write(loras={"per_user": 2}), discord):
        for person in (ada, bob):
            await said(await person.slash("lora add", name="one", file=Upload("a", lora())))
        assert len(kept(setup)) == 1
        twice = await said(await ada.slash("lora add", name="two", file=Upload("b", lora())))
        assert "as one" in twice
        same_name = await ada.slash("lora add", name=" ONE", file=Upload("b", lora(filler=1)))
        assert "already have a LoRA called ONE" in await said(same_name)
        await said(await ada.slash("lora add", name="two", file=Upload("b", lora(filler=1))))
        third = await ada.slash("lora add", name="three", file=Upload("b", lora(filler=2)))
        assert "You have 2 LoRAs" in await said(third)


async def test_what_is_no_lora_is_refused(setup: Setup, discord: Sandbox, ada: Person) -> None:
    header_bomb = (80_000_000).to_bytes(8, "little") + b"{" + b" " * 1000
    bad: dict[str, tuple[bytes, str]] = {
        "evil.pt": (b"\x80\x04cos\nsystem\n", "pickle"),
        "evil.safetensors": (b"\x80\x04" + bytes(100), "pickle"),
        "zipped.safetensors": (b"PK\x03\x04" + bytes(100), "an archive; unpack it"),
        "wide.safetensors": (lora(out=64), "(64, 2048) instead of (640, 2048)"),
        "bomb.safetensors": (header_bomb, "cut off"),
        "long.safetensors": ((2_000_000).to_bytes(8, "little") + b" " * 2_000_000, "isn't JSON"),
        "old.safetensors": (lora(768), "Stable Diffusion 1.x"),
        "which.safetensors": (lora(99), "doesn't say"),
        "text.safetensors": (b"hello", "cut off"),
        "vae.safetensors": (files.safetensors({"decoder.conv_in.weight": (4, 4)}), "isn't a LoRA"),
    }
    links = {
        "http://127.0.0.1/a.safetensors": "are allowed",
        "https://localhost/a.safetensors": "are allowed",
        "https://huggingface.co.evil.example/a": "are allowed",
        "https://huggingface.co:8443/a": "are allowed",
        "file:///etc/passwd": "isn't a web address",
        "https://[::1]/a": "are allowed",
    }
    async with running(setup.write(), discord) as bot:
        for name, (data, words) in bad.items():
            answer = await said(await ada.slash("lora add", name="x", file=Upload(name, data)))
            assert words in answer, (name, answer)
            assert str(setup.data) not in answer
        for link, words in links.items():
            answer = await said(await ada.slash("lora add", name="x", link=link))
            assert words in answer, (link, answer)
        hidden = await ada.slash("lora add", name="\u200b\u202e", file=Upload("a", lora()))
        assert "no visible characters" in await said(hidden)
        assert "either a file or a link" in await said(await ada.slash("lora add", name="x"))
        assert "Traceback" not in bot.log
    assert kept(setup) == []
    assert list((setup.data / "scratch").iterdir()) == []
