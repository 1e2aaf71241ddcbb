"""The contact sheet: what it shows, and how it ends: by Go, by Cancel, or used up already."""

from __future__ import annotations

import io
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, posted, request_of, said
from tests.bot.end_to_end.test_disk import nothing_left
from tests.bot.end_to_end.test_lora import kept
from tests.generator.annotators.depth_models import make_depth_model

pytestmark = pytest.mark.slow

DANCE = Upload("dance.gif", files.gif(frames=12))


async def shown(sent: Interaction) -> Message:
    return await sent.message(lambda message: message.files)


async def closed(discord: Sandbox, sheet: Message) -> bool:
    return await discord.until(lambda: not sheet.components or None)


async def test_go_closes_it(setup: Setup, discord: Sandbox, ada: Person) -> None:
    """Also after a restart, and by the form that asks for a prompt."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        await discord.commands_registered()
        sheet = await shown(await ada.slash("gif", prompt="a cat", control_gif=DANCE))
        other = await shown(await ada.message_command("Use as motion", await ada.says("", DANCE)))
    async with running(setup.write(), discord):
        await posted(await ada.press(sheet, "Go"))
        assert await closed(discord, sheet)
        assert sheet.text == "> a cat\nYour GIF was requested."
        form = await ada.press(other, "Go")
        await form.acknowledged()
        await posted(await ada.submit(form, prompt="a robot"))
        assert await closed(discord, other)
        assert "> a robot" in other.text
        await setup.all_over()
    assert len(setup.rows()) == 2


async def test_go_pressed_twice_makes_one(setup: Setup, discord: Sandbox, ada: Person) -> None:
    """As by a double click; and a sheet that couldn't be closed closes when it is pressed."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        sheet = await shown(await ada.slash("gif", prompt="a cat", control_gif=DANCE))
        buttons = deepcopy(sheet.components)
        pressed = [await ada.press(sheet, "Go") for _ in range(5)]
        assert await closed(discord, sheet)
        await setup.all_over()
        await discord.until(lambda: all(each.callback for each in pressed) or None)
        sheet.components = buttons
        late = await ada.press(sheet, "Cancel")
        await late.message(lambda message: "already used" in message.text)
        assert await closed(discord, sheet)
    assert len(setup.rows()) == 1


async def test_a_refused_go_leaves_it_as_it_was(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(queue={"per_user": 1}), discord):
        await discord.commands_registered()
        sheet = await shown(await ada.message_command("Use as motion", await ada.says("", DANCE)))
        await ada.choose(sheet, "pick:sheet_strength", "0.5")
        other = await ada.slash("gif", prompt="x", steps=150)
        await other.message(lambda message: message.buttons)
        form = await ada.press(sheet, "Go")
        await form.acknowledged()
        refused = await ada.submit(form, prompt="a robot")
        told = await refused.message(lambda message: message.buttons)
        assert "that is the limit here" in told.text
        assert sheet.buttons
        await ada.press(other.messages[0], "Cancel")
        await setup.all_over()
        again = await ada.press(told, "Open the form again")
        await again.acknowledged()
        await posted(await ada.submit(again))
        assert await closed(discord, sheet)
        assert "a robot" in sheet.text
    assert '"scale": 0.5' in setup.rows()[1]["request"]


async def test_cancel_leaves_nothing(setup: Setup, discord: Sandbox, ada: Person) -> None:
    async with running(setup.write(), discord):
        sheet = await shown(
            await ada.slash(
                "gif", prompt="a cat", control_gif=DANCE, image=Upload("a.png", files.still())
            )
        )
        assert len(kept(setup)) == 2
        buttons = deepcopy(sheet.components)
        await (await ada.press(sheet, "Cancel")).acknowledged()
        assert sheet.text == "Cancelled; nothing was made."
        assert (sheet.components, sheet.files) == ([], [])
        await nothing_left(setup)
        sheet.components = buttons
        late = await ada.press(sheet, "Go")
        await late.message(lambda message: "already used" in message.text)
    assert setup.rows() == []


async def test_a_forged_press_closes_nothing_for_others(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="a cat"))
        await setup.all_over()
        before = len(message.versions)
        forged = forge(message, "do:sheet_cancel:0")
        assert "already used" in await said(await bob.press(forged, "do:sheet_cancel:0"))
        assert len(message.versions) == before


async def test_depth_is_drawn_where_its_model_is_at_hand(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    model = make_depth_model(tmp_path / "depth")
    config = setup.write(generator={"depth_model": str(model)})
    async with running(config, discord) as bot:
        sent = await ada.slash("gif", prompt="a cat", control_gif=DANCE)
        sheet = await shown(sent)
        edges = sheet.files[0].data
        await ada.choose(sheet, "pick:sheet_type", "depth")
        await discord.until(lambda: "will follow in a moment" in sheet.text or None)
        alone = sheet.files[0].data
        await discord.until(lambda: "what will be followed in them" in sheet.text or None)
        with Image.open(io.BytesIO(sheet.files[0].data)) as after:
            drawn = np.asarray(after.convert("RGB"))
        with Image.open(io.BytesIO(alone)) as before:
            assert drawn.shape[0] == 2 * before.height
        assert sheet.files[0].data != edges
        seen = drawn[drawn.shape[0] // 4 + 8 : drawn.shape[0] // 2 - 8, 8:160]
        assert (seen[..., 0] == seen[..., 1]).all()  # gray, as depth is
        assert seen.std() > 0
        assert "Traceback" not in bot.log


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("", "`hotshot model fetch depth-anything/Depth-Anything-V2-Small-hf`"),
        ("/nowhere/depth", "`hotshot-bot doctor`"),
    ],
)
async def test_without_its_model_it_is_said_what_to_do(
    setup: Setup, discord: Sandbox, ada: Person, model: str, told: str
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(generator={"depth_model": model}), discord):
        sheet = await shown(await ada.slash("gif", prompt="a cat", control_gif=DANCE))
        await ada.choose(sheet, "pick:sheet_type", "loose")
        await discord.until(lambda: told in sheet.text or None)
        assert "/nowhere" not in sheet.text
        assert "what will be followed in them" not in sheet.text
        made = await request_of(await ada.press(sheet, "Go"))
        assert made["controls"][0]["kind"] == "depth"


async def test_a_broken_depth_model_says_so(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    (tmp_path / "broken").mkdir()
    config = setup.write(generator={"depth_model": str(tmp_path / "broken")})
    async with running(config, discord) as bot:
        sheet = await shown(await ada.slash("gif", prompt="a cat", control_gif=DANCE))
        await ada.choose(sheet, "pick:sheet_type", "depth")
        await discord.until(
            lambda: "couldn't be drawn for this contact sheet" in sheet.text or None
        )
        assert sheet.files
        assert "no depth on a contact sheet" in bot.log
