"""A picture as the first look, by /gif and by a message's menu; Upscale, which begins likewise."""

from __future__ import annotations

import io
import signal
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from bot.sandbox import Person, Sandbox, Upload
from bot.sandbox.model import Message
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings as Model
from generator.recipes.recipe import Recipe
from tests.bot import files
from tests.bot.end_to_end.panels import asked, made_by
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import forge, posted, request_of, said
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

LOOKS = "tests.bot.engines.looks:create"
ORANGE = (240, 160, 20)
SUNSET = Upload("../../sun set.jpg", files.still("JPEG", (640, 360), ORANGE))
LIMITS = ModelLimits.of("nano")
WIDE = next(size for size in LIMITS.sizes if size.name == "landscape")  # nearest to 16:9
SMALL = {"generator": {"model": "nano"}}  # its limits; the engine loads nothing


def shown(message: Message) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """The frames of the first file."""
    with Image.open(io.BytesIO(message.results[0].data)) as picture:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(picture)]
    return np.stack(frames).astype(int)


def looks_like(message: Message, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(shown(message)[:, 20:, 20:] - colour).max() < 12)


async def test_a_picture_is_the_first_look(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = LOOKS
    async with running(setup.write(**SMALL), discord):
        message = await posted(await ada.slash("gif", prompt="dusk", image=SUNSET, seed="1"))
        assert f"from a picture at {LIMITS.image_strength:g}" in message.text
        sent = await asked(
            ada,
            prompt="dusk",
            image=SUNSET,
            image_strength=0.5,
            size="tall",
            frames=3,
            count=2,
        )
        both = await sent.message(lambda message: len(message.results) == 2)
        await setup.all_over()
    assert looks_like(message, ORANGE)
    request = files.request_in(message.results[0].data)
    assert (request["width"], request["height"]) == (WIDE.width, WIDE.height)
    assert request["image"].startswith(str(setup.data))
    pair = [files.request_in(file.data) for file in both.results]
    assert {(one["width"], one["image_strength"]) for one in pair} == {(LIMITS.sizes[0].width, 0.5)}
    assert len({one["seed"] for one in pair}) == 2
    assert not any(str(setup.data) in row["request"] for row in setup.rows())
    kept = [path for path in (setup.data / "blobs").rglob("*.jpg") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [SUNSET.data]  # thrice asked, once kept


async def test_a_killed_bot_goes_on_with_its_picture(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = LOOKS
    async with running(setup.write(**SMALL), discord) as bot:
        sent = await ada.slash("gif", prompt="dusk", image=SUNSET, steps=60)
        await bot.logged("running, attempt 1")
        [worker] = bot.workers()
        await bot.stop(signal.SIGKILL)
        worker.wait(PATIENCE)
    assert [row["state"] for row in setup.rows()] == ["running"]
    async with running(setup.write(**SMALL), discord):
        message = await posted(sent)
        await setup.all_over()
    assert looks_like(message, ORANGE)
    assert [(row["state"], row["attempt"]) for row in setup.rows()] == [("done", 2)]


async def test_a_picture_and_a_motion_together(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = LOOKS
    dance = Upload("dance.gif", files.gif(frames=12))
    async with running(setup.write(**SMALL), discord):
        both = {"image": SUNSET, "control_gif": dance}
        message = await posted(
            await asked(ada, prompt="x", control_type="canny", control_strength=0.7, **both)
        )
        waiting = await asked(ada, prompt="y", image_strength=0.3, **both)
        sheet = await waiting.message(lambda message: message.results)
        assert sheet.ephemeral
    async with running(setup.write(**SMALL), discord):
        later = await posted(await ada.press(sheet, "Go"))
        await setup.all_over()
    for made, strength in ((message, LIMITS.image_strength), (later, 0.3)):
        request = files.request_in(made.results[0].data)
        assert (request["width"], request["image_strength"]) == (WIDE.width, strength)
        assert request["control_source"].endswith(".gif")
        assert request["controls"][0]["kind"] == "canny"
        assert looks_like(made, ORANGE)


async def test_anybodys_picture_is_animated_from_its_menu(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = LOOKS
    async with running(setup.write(**SMALL), discord) as bot:
        await discord.commands_registered()
        assert "image strength" in await said(await ada.slash("settings mine", image_strength=0.4))
        words = await bob.says("no file here")
        assert "no picture, GIF or video" in await said(
            await ada.message_command("Animate this", words)
        )
        message = await bob.says("look", SUNSET)
        form = await ada.message_command("Animate this", message)
        await form.acknowledged()
    async with running(setup.write(**SMALL), discord) as bot:  # the form is still open
        sent = await ada.submit(form, prompt="the sun sets")
        made = await posted(sent)
        assert not made.ephemeral
        assert looks_like(made, ORANGE)
        again = await ada.submit(form, prompt="the sun sets", strength="0.5")
        assert "already been sent" in await said(again)
        form = await ada.message_command("Animate this", message)
        await form.acknowledged()
        assert "must be from 0.05 to 1" in await said(
            await ada.submit(form, prompt="x", strength="7")
        )
        await setup.all_over()
        assert "Traceback" not in bot.log
    [row] = setup.rows()
    request = files.request_in(made.results[0].data)
    assert (request["prompt"], request["width"]) == ("the sun sets", WIDE.width)
    assert request["image_strength"] == 0.4  # as /settings has it
    assert row["user_name"] == "ada"


async def test_bad_pictures_cost_a_sentence(setup: Setup, discord: Sandbox, ada: Person) -> None:
    bad = {
        "text.png": (b"PNG of nothing", "isn't a picture or video"),
        "cut.png": (files.still()[:40], "damaged or cut off"),
        "thin.png": (files.still(size=(4, 300)), "pixels"),
        "bomb.gif": (files.bomb(), "pixels"),
    }
    async with running(setup.write(**SMALL), discord) as bot:
        for name, (data, words) in bad.items():
            answer = await said(await ada.slash("gif", prompt="x", image=Upload(name, data)))
            assert any(word in answer for word in words.split("|")), (name, answer)
            assert answer.endswith("."), answer
        alone = await said(await asked(ada, prompt="x", image_strength=0.5))
        assert "needs a picture" in alone
        for strength in (0.0, 1.5):
            sent = await asked(ada, prompt="x", image_strength=strength)
            assert "must be from 0.05 to 1" in await said(sent)
        assert "Traceback" not in bot.log
    assert setup.rows() == []
    assert not [path for path in (setup.data / "blobs").rglob("*") if path.is_file()]
    assert list((setup.data / "scratch").iterdir()) == []


async def test_a_file_that_a_strangers_recipe_names_is_never_opened(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = LOOKS
    secret = setup.directory / "secret.png"
    secret.write_bytes(files.still(colour=ORANGE))
    request = replace(
        Request.from_dict(_EMPTY), image=str(secret), image_strength=0.5, width=64, height=64
    )
    frames = np.zeros((2, 64, 64, 3), np.uint8)
    lure = setup.directory / "lure.gif"
    save(Clip(frames, 500), lure, Recipe(request=request, setup=Model()).to_json())
    async with running(setup.write(**SMALL), discord):
        await discord.commands_registered()
        message = await bob.says("remix me", Upload("a.gif", lure.read_bytes()))
        found = await ada.message_command("Remix", message)
        recipe = await found.message(lambda message: message.buttons)
        form = await ada.press(recipe, "Edit")
        made = await posted(await made_by(ada, form))
        await setup.all_over()
    assert files.request_in(made.results[0].data)["image"] == ""
    assert not looks_like(made, ORANGE)


_EMPTY = {"prompt": "x", "seed": 1, "width": 64, "height": 64, "steps": 2, "guidance_scale": 5.0}


# -- Upscale ---------------------------------------------------------------------------------------


async def test_twice_the_size_from_its_own_frames(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = LOOKS
    asked = {"prompt": "dusk", "seed": "7", "frames": 5, "steps": 20}
    width, height = 2 * WIDE.width, 2 * WIDE.height
    async with running(setup.write(**SMALL), discord):
        motion = Upload("dance.gif", files.gif())
        message = await posted(
            await ada.slash("gif", image=SUNSET, control_gif=motion, control_type="canny", **asked)
        )
        await setup.all_over()
    async with running(setup.write(**SMALL), discord):
        larger = await posted(await ada.press(await sheet_of(ada, message), "Upscale"))
        assert f"{width} x {height}" in larger.text
        request = files.request_in(larger.results[0].data)
        assert request["image"].endswith(".gif")
        theirs = await posted(await bob.press(await sheet_of(bob, message), "Upscale"))
        assert f"{width} x {height}" in theirs.text
        again = await request_of(await ada.press(larger, "Again"))
        await setup.all_over()
        largest = f"do:upscale:{setup.rows('id')[1]['id']}"  # no longer offered
        words = await said(await ada.press(forge(larger, largest), largest))
    assert f"{2 * width} x {2 * height}, and this model makes at most 256 x 256 pixels" in words
    assert shown(larger).shape == (5, height, width, 3)
    assert looks_like(larger, ORANGE)
    assert (request["width"], request["height"], request["seed"]) == (width, height, 7)
    assert (request["image_strength"], request["controls"]) == (LIMITS.upscale_strength, [])
    assert request["control_source"] == ""
    assert again == request | {"seed": again["seed"]}
    rows = setup.rows("relation, user_name")
    assert [row["relation"] for row in rows] == ["", "upscale", "upscale", "again"]
    assert [row["user_name"] for row in rows] == ["ada", "ada", "bob", "ada"]


async def test_what_is_gone_or_hidden_isnt_upscaled(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = LOOKS
    async with running(setup.write(**SMALL), discord):
        hidden = await posted(await asked(ada, prompt="secret", private=True))
        message = await posted(await ada.slash("gif", prompt="dusk"))
        await setup.all_over()
        secret = setup.rows("id")[0]["id"]
        forged = forge(message, f"do:upscale:{secret}")
        assert "somebody else's" in await said(await bob.press(forged, f"do:upscale:{secret}"))
        mine = await posted(await ada.press(await sheet_of(ada, hidden), "Upscale"))
        assert mine.ephemeral
        await setup.all_over()
        (setup.data / "blobs").rename(setup.data / "elsewhere")
        assert "is no longer stored" in await said(
            await ada.press(await sheet_of(ada, hidden), "Upscale")
        )
    assert len(setup.rows()) == 3


async def test_nano_begins_from_a_picture_and_makes_it_larger(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """With the real engine, whatever it draws."""
    generator = {"model": "nano", "engine": "generator.inference.hotshot_engine:create"}
    async with running(setup.write(generator=generator), discord):
        sent = await asked(
            ada, prompt="an orange ball", image=SUNSET, frames=4, steps=4, image_strength=0.5
        )
        message = await sent.message(lambda message: message.results)
        await setup.all_over()
        pressed = await ada.press(await sheet_of(ada, message), "Upscale")
        larger = await pressed.message(lambda message: message.results)
        await setup.all_over()
    assert [row["state"] for row in setup.rows()] == ["done", "done"]
    assert shown(message).shape == (4, WIDE.height, WIDE.width, 3)
    assert shown(larger).shape == (4, 2 * WIDE.height, 2 * WIDE.width, 3)
    assert str(setup.data) not in str(files.request_in(larger.results[0].data))
