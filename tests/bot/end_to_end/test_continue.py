"""*Continue*: the next clip begins from the last frame of this one, and may be joined to it."""

from __future__ import annotations

import sqlite3

import numpy as np
from PIL import Image

from bot.sandbox import Person, Sandbox
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import frames_of, posted, request_of, said


async def test_a_clip_goes_on_from_its_last_frame(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord) as bot:
        first = await posted(await ada.slash("gif", prompt="a cat", seed="5", frames=4))
        await setup.all_over()
        form = await bob.press(await sheet_of(bob, first), "Continue")
        await form.acknowledged()
        [prompt] = form.modal["components"]
        assert prompt["components"][0]["value"] == "a cat"
        second = await posted(await bob.submit(form, prompt="it jumps"))
        await setup.all_over()
        made = files.request_in(second.results[0].data)
        assert (made["prompt"], made["kept_frames"], made["video_length"]) == ("it jumps", 1, 4)
        assert made["seed"] != 5
        assert "continued" in second.text
        # what it began from is the last frame of the first, to the pixel
        with Image.open(setup.data / "blobs" / made["image"][:2] / made["image"]) as picture:
            assert np.array_equal(np.asarray(picture.convert("RGB")), frames_of(first)[-1])

        form = await ada.press(await sheet_of(ada, second), "Continue")
        await form.acknowledged()
        third = await posted(await ada.submit(form))
        await setup.all_over()
        joined = await posted(await ada.choose(await sheet_of(ada, third), "pick:more", "join"))
        shown = frames_of(joined)
        others = [frames_of(each)[1:] for each in (second, third)]  # whose first frame is the last
        assert np.array_equal(shown, np.concatenate([frames_of(first), *others]))
        backwards = await posted(await ada.choose(joined, "pick:more", "reverse"))
        assert np.array_equal(frames_of(backwards), shown[::-1])

        asked = await ada.press(await sheet_of(ada, first), "Delete")
        await ada.press(await asked.message(), "Yes, delete it")
        assert await discord.until(lambda: first.deleted or None)
        answer = await said(await ada.choose(await sheet_of(ada, third), "pick:more", "join"))
        assert "was deleted" in answer
        again = await request_of(await bob.press(second, "Again"))  # its picture is its own
        assert again["image"] == made["image"]
        assert "Traceback" not in bot.log
    rows = setup.rows("relation, user_name")
    assert [row["relation"] for row in rows] == ["continue", "continue", "again"]
    with sqlite3.connect(setup.data / "hotshot.db") as connection:
        names = {name for (name,) in connection.execute("SELECT filename FROM attachments")}
    assert names == {"last-frame.png"}
