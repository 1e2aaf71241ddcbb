"""hotshot-bot backup and restore: of a bot that runs, and what becomes of what it had in hand."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import Person, Sandbox, Upload
from bot.sandbox.model import Message
from tests.bot import files
from tests.bot.end_to_end.process import Setup, run_command, running
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_lora import kept, lora
from tests.bot.end_to_end.test_variations import labels_of

pytestmark = pytest.mark.slow


async def command(setup: Setup, *words: str) -> tuple[int, str]:
    config = setup.directory / "config.toml"
    (setup.directory / "bot.log").unlink(missing_ok=True)
    return await run_command(setup.directory, *words, "--config", str(config))


async def test_a_running_bot_is_backed_up_and_goes_on_elsewhere(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    file = tmp_path / "backup.tar"
    async with running(setup.write(), discord):
        await said(await ada.slash("lora add", name="ink", file=Upload("a.safetensors", lora())))
        source = Upload("a.gif", files.gif())
        sent = await ada.slash("gif", prompt="a cat", control_gif=source)
        await sent.message(lambda message: message.files)  # a draft with its source
        await posted(await ada.slash("gif", prompt="a dog", seed="7"))
        await setup.all_over()
        code, told = await command(setup, "backup", str(file))
        assert (code, "1 jobs and 3 files" in told) == (0, True), told
        alone = setup.data / "hotshot.db"  # what a copy of that file would have held
        with sqlite3.connect(f"file:{alone}?mode=ro&immutable=1", uri=True) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        before = {path.name for path in kept(setup)}
        code, told = await command(setup, "restore", str(file))
        assert (code, "Another hotshot-bot (process" in told) == (2, True), told
    assert tables == 0, "else the test shows nothing of the log"
    code, told = await command(setup, "restore", str(file))
    assert (code, "a restore overwrites nothing" in told) == (2, True), told
    shutil.rmtree(setup.data)
    code, told = await command(setup, "restore", str(file))
    assert (code, "1 jobs and 3 files" in told) == (0, True), told
    assert {path.name for path in kept(setup)} == before
    async with running(setup.write(), discord):
        assert "a dog" in await said(await ada.slash("history"))
        assert "ink" in await said(await ada.slash("lora list"))
        assert (await posted(await ada.slash("lora try", lora="ink"))).results


def texts(discord: Sandbox, words: str) -> list[Message]:
    return [each for each in discord.messages_in(discord.channel) if words in each.text]


async def test_what_was_in_hand_is_looked_for_and_offered_once(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, tmp_path: Path
) -> None:
    """One that was posted after the backup, two that weren't, and two in one message."""
    target = f"{tmp_path}/backups/"
    setup.engine = "slow:create"
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="posted", steps=5)
        await bot.logged("running, attempt 1")
        [worker] = bot.workers()
        worker.suspend()
        for prompt, person, count in (("lost", ada, 1), ("never", ada, 1), ("pair", bob, 2)):
            await (await person.slash("gif", prompt=prompt, count=count)).acknowledged()
        await bot.logged("accepted as number 5")
        code, told = await command(setup, "backup", target)
        assert (code, "5 jobs" in told) == (0, True), told
        worker.resume()
        await posted(sent)
        await bot.stop(signal.SIGKILL)
    assert len(texts(discord, "posted")) == 1
    setup = replace(setup, directory=tmp_path / "new", engine="fast:create")
    setup.directory.mkdir()
    config = setup.write()
    code, told = await command(setup, "restore", target)
    assert (code, "5 jobs weren't finished then" in told) == (0, True), told
    discord.clock.advance(16 * 60)  # the tokens are over
    async with running(config, discord) as bot:
        await setup.all_notified()
        rows = {row["number"]: row for row in setup.rows()}
        assert [row["state"] for row in rows.values()] == ["done", *["failed"] * 4]
        assert {rows[number]["failure_kind"] for number in (2, 3, 4, 5)} == {"interrupted"}
        offers = texts(discord, "go back to a backup")
        [offer] = [each for each in offers if "lost" in each.text]
        assert labels_of(offer) == ["Make it again"]
        [of_pair] = [each for each in offers if "pair" in each.text]
        assert labels_of(of_pair) == ["Make 1 again", "Make 2 again"]
        assert len([each for each in discord.messages_in(discord.channel) if each.results]) == 1
        assert "Only the person who asked" in await said(await bob.press(offer, "Make it again"))
        both = [await ada.press(offer, "Make it again") for _ in range(2)]
        shown = [await each.message(lambda message: not message.loading) for each in both]
        assert sorted(each.ephemeral for each in shown) == [False, True]  # either may be the first
        [refused] = [each for each in shown if each.ephemeral]
        assert "already being made again" in refused.text
        again = await posted(both[1 - shown.index(refused)])
        assert "made again after an interruption" in again.text
        assert "already being made again" in await said(await ada.press(offer, "Make it again"))
        assert (await posted(await bob.press(of_pair, "Make 2 again"))).results
        await setup.all_over()
    rows = {row["number"]: row for row in setup.rows()}
    assert rows[6]["request"] == rows[2]["request"]
    async with running(config, discord):  # and nothing is said twice
        assert len(texts(discord, "go back to a backup")) == len(offers)
    assert len(setup.rows()) == 7


async def test_what_can_t_be_done_is_a_sentence(setup: Setup, tmp_path: Path) -> None:
    setup.write()
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    for words, why in (
        (("backup", f"{tmp_path}/a.tar"), "There is no database"),
        (("backup", f"{tmp_path}/nowhere/a.tar"), "There is no directory"),
        (("restore", f"{tmp_path}/junk"), "damaged, or isn't a backup of hotshot-bot"),
        (("move", "postgresql://x@127.0.0.1:1/x"), "There is no database"),
        (("backup", "x/", "--keep", "0"), "at least 1 is expected"),
    ):
        code, told = await command(setup, *words)
        assert (code, why in told, "Traceback" in told) == (2, True, False), told
