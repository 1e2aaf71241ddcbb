"""Nobody fills the disk: what no row names goes at once, and people bring so much in a day."""

from __future__ import annotations

import shutil
import sqlite3

from bot.sandbox import Person, Sandbox, Upload
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_lora import kept, lora
from tests.patience import until

_MEGABYTE = 2**20


def with_color(number: int) -> bytes:
    """A GIF like no other."""
    return files.gif(width=64 + number)


async def nothing_left(setup: Setup) -> None:
    """Files go right after the answer, which Discord hears nothing of."""
    await until(lambda: not kept(setup))


async def test_a_lora_that_is_removed_takes_its_file_along(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        for number in range(5):
            file = Upload("a.safetensors", lora(filler=number))
            await said(await ada.slash("lora add", name="ink", file=file))
            assert len(kept(setup)) == 1
            await said(await ada.slash("lora remove", lora="ink"))
            assert kept(setup) == []
        # not while somebody else keeps the same; and a finished job keeps none alive
        file = Upload("a.safetensors", lora())
        for person in (ada, bob):
            await said(await person.slash("lora add", name="ink", file=file))
        await posted(await ada.slash("lora try", lora="ink"))
        await setup.all_over()
        for person, left in ((ada, 1), (bob, 0)):
            await said(await person.slash("lora remove", lora="ink"))
            assert len([path for path in kept(setup) if path.suffix == ".safetensors"]) == left


async def test_what_is_refused_leaves_nothing_behind(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        await discord.commands_registered()
        still = await ada.says("", Upload("a.gif", files.gif(frames=3)))
        assert "no recipe" in await said(await ada.message_command("Remix", still))
        await nothing_left(setup)


async def test_a_deleted_gif_takes_its_files_along(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        source = Upload("a.gif", files.gif())
        message = await posted(
            await ada.slash("gif", prompt="x", control_gif=source, control_type="canny")
        )
        await setup.all_over()
        assert len(kept(setup)) == 2
        sure = await ada.press(await sheet_of(ada, message), "Delete")
        asked = await sure.message(lambda message: message.buttons)
        await (await ada.press(asked, asked.buttons[0]["custom_id"])).acknowledged()
        await nothing_left(setup)


async def test_bytes_and_sheets_are_counted_by_person_and_day(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    limits = {"per_user_day_mb": 1, "per_user_day_drafts": 3}
    async with running(setup.write(attachments=limits), discord):
        await discord.commands_registered()
        for number in range(3):
            message = await ada.says("", Upload("a.gif", with_color(number)))
            shown = await ada.message_command("Use as motion", message)
            await shown.message(lambda message: message.files)
        assert len(kept(setup)) == 3
        over = await said(await ada.message_command("Use as motion", message))
        assert "3 contact sheets and forms within 24 hours" in over
        assert len(kept(setup)) == 3
        large = Upload("a.gif", files.gif() + bytes(_MEGABYTE))
        refused = await ada.slash("gif", prompt="x", control_gif=large, control_type="canny")
        assert "more than the 1 MB of files" in await said(refused)
        shown = await bob.message_command("Use as motion", message)
        await shown.message(lambda message: message.files)
    async with running(setup.write(attachments=limits), discord):  # by the day, not by the run
        assert "within 24 hours" in await said(await ada.message_command("Use as motion", message))


async def test_finished_gifs_make_room_before_anybody_is_refused(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        for number in range(3):
            await posted(await ada.slash("gif", prompt="x", seed=str(number)))
        await setup.all_over()
        assert len(kept(setup)) == 3
    # more than there is, by as much as the disk never gets
    free = shutil.disk_usage(setup.data).free // _MEGABYTE
    async with running(setup.write(storage={"min_free_mb": free + 10_000}), discord) as bot:
        answer = await said(await ada.slash("gif", prompt="x"))
        assert "disk is full" in answer
        assert "so it is cleaned up now" in bot.log
        assert kept(setup) == []
    with sqlite3.connect(setup.data / "hotshot.db") as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
