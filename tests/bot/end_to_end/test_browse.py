"""Pages of LoRAs and styles to choose from: a GIF of each, and what is chosen."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.sandbox import Person, Sandbox, Upload
from bot.sandbox.model import Message
from tests.bot.end_to_end.panels import fill
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, request_of, said
from tests.bot.end_to_end.test_lora import lora
from tests.patience import until

STYLES = {
    "styles.noir": {"prompt": "{prompt}, film noir"},
    "styles.toon": {"prompt": "{prompt}, flat"},
}


async def browse(person: Person, **options: Any) -> Message:
    opened = await person.slash("lora browse", **options)
    return await opened.message(lambda message: not message.loading)


async def all_there(setup: Setup, person: Person, page: Message, count: int) -> None:
    """Look again until a page has so many GIFs."""
    await setup.all_over()
    while len(page.files) < count:
        pressed = await person.press(page, "Look again")
        await pressed.acknowledged()
        await asyncio.sleep(0.1)


def samples(setup: Setup) -> list[dict[str, Any]]:
    return [row for row in setup.rows() if row["relation"] == "sample"]


async def strangers_choose_nothing(ada: Person, bob: Person) -> None:
    """Nobody chooses what isn't theirs to use, nor in another's panel."""
    page = await browse(ada, search="sec")
    assert "Dragon" not in page.text
    assert "is for age-restricted channels only" in page.text
    [secret] = [
        option["value"]
        for part in page.components_flat
        for option in part.get("options", ())
        if option["label"] == "Secret"
    ]
    theirs = await browse(bob)
    stolen = await bob.careless().choose(theirs, "Choose one…", secret)
    assert "no LoRA of that name that you can use" in await said(stolen)
    [own] = [each["custom_id"] for each in page.buttons if "panel_back" in each["custom_id"]]
    pressed = await bob.press(forge(theirs, own), own)
    assert "is somebody else's" in await said(pressed)


async def test_loras_and_styles_are_chosen_by_what_they_do(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(**STYLES), discord) as bot:
        for name, words in (("Dragon", "in dragon style"), ("Secret", "scrt")):
            file = Upload(f"{name}.safetensors", lora(words=words, filler=len(name)))
            await said(await ada.slash("lora add", name=name, file=file))
        await said(await ada.slash("lora share", lora="Dragon", who="server"))
        await said(await ada.slash("lora share", lora="Secret", who="me", adult=True))

        page = await browse(bob)  # who may use one of the two
        assert page.ephemeral
        assert "Dragon" in page.text
        assert "Secret" not in page.text
        assert "Its GIF is made as soon as" in page.text
        await all_there(setup, bob, page, 1)
        assert "`1` **Dragon**" in page.text
        assert [file.filename for file in page.files] == ["sample-1.gif"]
        [row] = samples(setup)
        assert (row["user_id"], row["message_id"], row["guild_id"]) == (0, None, None)
        assert "in dragon style" in row["request"]
        assert "Dragon" not in await said(await ada.slash("queue"))

        picked = await bob.choose(page, "Choose one…", "Dragon")
        await picked.acknowledged()
        assert "LoRA: Dragon" in page.text  # the gallery became the panel
        assert page.files == []
        await (await bob.press(page, "Browse styles")).acknowledged()
        await discord.until(lambda: "toon" in page.text or None)
        await all_there(setup, bob, page, 2)
        await (await bob.choose(page, "Choose one…", "noir")).acknowledged()
        assert "style: noir" in page.text
        await fill(bob, page, "Words", prompt="a cat")
        made = await request_of(await bob.press(page, "Go"))
        assert made["prompt"] == "a cat, in dragon style, film noir"
        assert len(made["loras"]) == 1
        await setup.all_over()

        await strangers_choose_nothing(ada, bob)

        # what is removed leaves no sample; what stays the same keeps its own over a restart
        await until(lambda: len(samples(setup)) == 4, lambda: samples(setup))
        await setup.all_over()
        await said(await ada.slash("lora remove", lora="Dragon"))
        assert all("in dragon style" not in row["request"] for row in samples(setup))
        assert len(samples(setup)) == 3
        assert "Traceback" not in bot.log
    styles = {"styles.noir": {"prompt": "{prompt}, film noir"}}
    async with running(setup.write(**styles), discord) as bot:
        await until(lambda: len(samples(setup)) == 2, lambda: samples(setup))
        assert "Traceback" not in bot.log
