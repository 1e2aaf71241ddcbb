"""What stands under a result: after a restart, for its owner, for others, and for a forger."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from bot.sandbox import MANAGE_GUILD, Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from generator.media.clip import Frames
from tests.bot import files
from tests.bot.end_to_end.panels import asked, remade
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_lora import lora

pytestmark = pytest.mark.slow


async def posted(interaction: Interaction) -> Message:
    return await interaction.message(lambda message: message.results)


async def said(interaction: Interaction) -> str:
    message = await interaction.message(lambda message: not message.loading)
    assert message.ephemeral, message.text
    return message.text


async def request_of(interaction: Interaction) -> dict[str, Any]:
    return files.request_in((await posted(interaction)).results[0].data)


async def test_a_result_goes_on_after_a_restart(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="a cat", seed="5", frames=8))
        await setup.all_over()
    first = files.request_in(message.results[0].data)
    async with running(setup.write(), discord):
        again = await request_of(await ada.press(message, "Again"))
        assert {**again, "seed": 5} == first
        went_on = await posted(await ada.press(await sheet_of(ada, message), "Longer"))
        longer = files.request_in(went_on.results[0].data)
        assert (longer["video_length"], longer["video_duration"], longer["seed"]) == (12, 1500, 5)
        assert (longer["kept_frames"], longer["motion"]) == (8, "continue")
        assert hashlib.sha256(message.results[0].data).hexdigest() in longer["image"]
        restretched = await request_of(await ada.press(await sheet_of(ada, went_on), "Stretch"))
        assert (restretched["video_length"], restretched["image"]) == (24, "")
        assert "kept_frames" not in restretched
        for label, motion in (("Stretch", "stretch"), ("Closed loop", "loop")):
            made = await request_of(await ada.press(await sheet_of(ada, message), label))
            assert (made["video_length"], made["video_duration"], made["seed"]) == (16, 2000, 5)
            assert made["motion"] == motion
        varied = await request_of(await bob.press(message, "Vary a little"))
        assert varied["controls"][0]["scale"] == 0.8
        wanted = {"Words": {"prompt": "a dog"}, "Size and length": {"frames": "4"}}
        edited = await request_of(await remade(ada, message, wanted))
        assert (edited["prompt"], edited["video_length"]) == ("a dog", 4)
        assert edited["seed"] == 5
        form = await ada.press(message, "Motion of this")
        await form.acknowledged()
        moved = await request_of(await ada.submit(form, prompt="a fish", type="depth"))
        assert (moved["prompt"], moved["controls"][0]["kind"]) == ("a fish", "depth")
        await setup.all_over()
        assert "Added to your favourites" in await said(
            await bob.press(await sheet_of(bob, message), "Favourite")
        )
        assert "seed:5" in await said(await bob.press(await sheet_of(bob, message), "Recipe"))
    rows = setup.rows("id, relation, parent_id, user_name")
    assert [row["relation"] for row in rows] == [
        *("", "again", "longer", "stretch", "stretch", "loop", "vary", "edit", "motion")
    ]
    assert [row["parent_id"] for row in rows[1:]].count(rows[0]["id"]) == len(rows) - 2
    assert rows[6]["user_name"] == "bob"


async def test_edits_need_no_model(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="a cat", frames=8))
        await setup.all_over()
        frames = {"loop": 14, "ping_pong": 14, "reverse": 8, "square": 8, "emoji": 8, "sticker": 8}
        for edit, count in frames.items():
            made = await posted(await ada.choose(await sheet_of(ada, message), "pick:more", edit))
            with Image.open(io.BytesIO(made.results[0].data)) as picture:
                assert getattr(picture, "n_frames", 1) == count, edit
            assert files.request_in(made.results[0].data)["prompt"] == "a cat"
        form = await bob.choose(await sheet_of(bob, message), "pick:more", "caption")
        await form.acknowledged()
        written = await posted(await bob.submit(form, caption="hello <@1> " + "x" * 150))
        assert written.ephemeral
        (setup.data / "blobs").rename(setup.data / "elsewhere")
        assert "is no longer stored" in await said(
            await ada.choose(await sheet_of(ada, message), "pick:more", "loop")
        )
    assert len(setup.rows()) == 1


async def test_edits_of_edits_start_from_the_job_s_own_file(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """Also after a restart; what would change nothing says so; what is deleted is gone."""
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="a cat", frames=8))
        await setup.all_over()
        made = await posted(await ada.choose(await sheet_of(ada, message), "pick:more", "reverse"))
        backwards = frames_of(made)
        assert np.array_equal(backwards, frames_of(message)[::-1])
    async with running(setup.write(), discord):
        form = await ada.choose(made, "pick:more", "caption")
        await form.acknowledged()
        captioned = await posted(await ada.submit(form, caption="hi\0\n there"))
        assert len(frames_of(captioned)) == 8
        square = await posted(await ada.choose(captioned, "pick:more", "square"))
        cropped, expected = frames_of(square), frames_of(captioned)[:, :, 16:80]
        assert np.array_equal(cropped, expected)
        assert "already square" in await said(await ada.choose(square, "pick:more", "square"))
        sticker = await posted(await ada.choose(square, "pick:more", "sticker"))
        assert frames_of(sticker).shape == (8, 320, 320, 3)
        assert sticker.components == []
        await ada.press(
            await (await ada.press(await sheet_of(ada, message), "Delete")).message(),
            "Yes, delete it",
        )
        assert await eventually_gone(discord, message)
        answer = await said(await ada.choose(square, "pick:more", "reverse"))
        assert "was deleted" in answer


def frames_of(message: Message) -> Frames:
    with Image.open(io.BytesIO(message.files[0].data)) as picture:
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(picture)]
    return np.stack([np.asarray(frame) for frame in shown])


async def test_deleting_is_for_the_owner_and_for_managers(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    async with running(setup.write(), discord):
        mine, other = [await posted(await ada.slash("gif", prompt="a cat")) for _ in range(2)]
        await setup.all_over()
        assert "Only the person" in await said(await bob.press(await sheet_of(bob, mine), "Delete"))
        for person, message in ((ada, mine), (manager, other)):
            asked = await person.press(await sheet_of(person, message), "Delete")
            question = await asked.message()
            await person.press(question, "Yes, delete it")
            await asked.message(lambda message: "Deleted" in message.text)
            assert await eventually_gone(discord, message)
    assert setup.rows() == []


async def test_what_is_somebody_elses_stays_theirs(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        await said(await ada.slash("lora add", name="mine", file=Upload("a", lora())))
        made = await posted(await ada.slash("gif", prompt="x", lora="mine"))
        hidden = await posted(await asked(ada, prompt="x", private=True))
        await setup.all_over()
        assert "doesn't share" in await said(await bob.press(made, "Again"))
        secret = setup.rows("id")[1]["id"]
        for custom_id in (f"do:again:{secret}", f"do:recipe:{secret}"):
            forged = forge(made, custom_id)
            assert "somebody else's" in await said(await bob.press(forged, custom_id))
        for custom_id in ("do:nonsense:0", "do:again:0", "do:sheet_go:0", "do:motion_send:0"):
            answer = await said(await bob.press(forge(made, custom_id), custom_id))
            assert answer.endswith("."), answer
        assert "Traceback" not in bot.log
    assert hidden.ephemeral
    assert len(setup.rows()) == 2


async def eventually_gone(discord: Sandbox, message: Message) -> bool:
    return await discord.until(lambda: message.deleted or None)


def forge(message: Message, custom_id: str) -> Message:
    """The same message with a button that the bot never put there."""
    button = {"type": 2, "style": 1, "label": custom_id, "custom_id": custom_id, "id": 90}
    message.components = [{"type": 1, "id": 91, "components": [button]}]
    return message
