"""/privacy: what is kept, an export, and an erasure of which no byte is left."""

from __future__ import annotations

import asyncio
import io
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from bot.sandbox import MANAGE_GUILD, Person, Sandbox, Upload
from bot.sandbox.model import Message
from bot.storage.personal_data import DATA_DIRECTORY
from tests.bot import files
from tests.bot.end_to_end.process import Bot, Setup, run_command, running
from tests.bot.end_to_end.test_buttons import eventually_gone, forge, posted, said
from tests.bot.end_to_end.test_expressions import pressed
from tests.bot.end_to_end.test_gallery import choose_gallery
from tests.bot.end_to_end.test_lora import lora
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.slow

WORD = "planted5kd"
NAME = WORD.encode()


def left(setup: Setup) -> list[str]:
    """The files of the data directory that have the word somewhere."""
    return [
        str(path.relative_to(setup.data))
        for path in sorted(setup.data.rglob("*"))
        if has_name(path)
    ]


def has_name(path: Path) -> bool:
    try:
        return path.is_file() and NAME in path.read_bytes()
    except FileNotFoundError:  # one in the making was renamed just then
        return False


async def sheet_of(person: Person) -> Message:
    return await (await person.slash("privacy")).message(lambda message: not message.loading)


async def erased(person: Person) -> Message:
    """Everything, after the question."""
    asked = await (await person.press(await sheet_of(person), "Erase all my data")).message()
    assert "can't be undone" in asked.text
    await person.press(asked, "Yes, erase all my data")
    return asked


async def test_what_is_kept_is_shown_sent_and_erased(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    channel = discord.add_channel("gallery")
    async with running(setup.write(privacy={"server_days": 0}), discord) as bot:
        await choose_gallery(discord, manager, channel)
        ink = Upload(f"{WORD}.safetensors", lora(words="in ink style"))
        await said(await ada.slash("lora add", name=f"Ink {WORD}", file=ink))
        await said(await ada.slash("lora share", lora=f"Ink {WORD}", who="server"))
        made = await posted(await ada.slash("gif", prompt=f"a {WORD} cat", frames=4))
        private = await ada.slash("gif", prompt=f"a hidden {WORD}", frames=4)
        await posted(private)
        theirs = await posted(await bob.slash("gif", prompt="a dog", lora=f"Ink {WORD}", frames=4))
        await setup.all_over()
        await pressed(ada, made, "Share")
        [post] = discord.messages_in(channel)
        await (await bob.press(post, "👍 0")).acknowledged()
        panel = await ada.slash("gif")
        await panel.message()

        sheet = await sheet_of(ada)
        assert "GIFs you asked for: 2" in sheet.text
        assert "1 of them shared" in sheet.text
        for action in ("export", "erase", "erase_sure"):
            custom_id = f"do:privacy_{action}:{ada.user.id}"
            assert "somebody else's" in await said(
                await bob.press(forge(made, custom_id), custom_id)
            )
        policy = await (await ada.press(sheet, "Privacy policy")).message()
        assert b"# What this bot keeps" in policy.files[0].data

        await check_export(discord, ada, sheet)
        await check_commands(setup, bob)

        await erased(ada)
        await until(lambda: not left(setup), lambda: left(setup))
        assert await eventually_gone(discord, made)
        assert await eventually_gone(discord, post)
        assert not theirs.deleted
        assert "GIFs you asked for: 0" in (await sheet_of(ada)).text
        assert await bob.autocomplete("gif", "lora", "ink") == []
        # she begins anew, like anybody
        await posted(await ada.slash("gif", prompt="a fresh start", frames=4))
        await setup.all_over()
        unknown = [
            path.name
            for path in setup.data.iterdir()
            if not any(fnmatch(path.name, known) for known in DATA_DIRECTORY)
        ]
        assert not unknown, "say in bot/storage/personal_data.py what an erasure does with it"

        code, told = await run_command(
            setup.directory, "privacy", "erase", str(bob.user.id), "--yes", *config_of(setup)
        )
        assert (code, "The running bot erases it" in told) == (0, True), told
        discord.kick_bot(discord.guild)
        await bot.logged("erased what a server set")
        discord.let_bot_in(discord.guild)
        assert "no gallery yet" in (await pressed(ada, await fresh(ada), "Share")).text
        assert "Traceback" not in bot.log


async def fresh(person: Person) -> Message:
    return await posted(await person.slash("gif", prompt="one more", frames=4))


def config_of(setup: Setup) -> tuple[str, str]:
    return "--config", str(setup.directory / "config.toml")


async def check_export(discord: Sandbox, ada: Person, sheet: Message) -> None:
    answer = await (await ada.press(sheet, "Export")).message(
        lambda message: "direct messages" in message.text
    )
    assert answer.ephemeral
    zips = [
        message
        for message in discord.world.messages.values()
        if any(file.filename.endswith(".zip") for file in message.files)
    ]
    assert all(message.channel.guild is None for message in zips)
    found: dict[str, bytes] = {}
    for message in zips:
        with zipfile.ZipFile(io.BytesIO(message.files[0].data)) as archive:
            found |= {name: archive.read(name) for name in archive.namelist()}
    names = " ".join(found)
    assert names.count("gifs/") == 4
    assert names.count("loras/") == 1
    assert "a dog" not in b"".join(found.values()).decode("utf-8", "replace")
    again = await ada.press(sheet, "Export")
    await again.message(lambda message: "direct messages" in message.text)
    assert "2 exports within 24 hours" in await said(await ada.press(sheet, "Export"))


async def check_commands(setup: Setup, bob: Person) -> None:
    output = setup.directory / "bob.zip"
    code, told = await run_command(
        setup.directory,
        *("privacy", "export", str(bob.user.id), "--output", str(output)),
        *config_of(setup),
    )
    assert (code, "Written to" in told) == (0, True), told
    with zipfile.ZipFile(output) as archive:
        assert any(name.startswith("gifs/") for name in archive.namelist())
    code, told = await run_command(
        setup.directory, "privacy", "erase", str(bob.user.id), *config_of(setup)
    )
    assert (code, "--yes" in told) == (0, True), told


async def test_killed_while_it_erases_it_goes_on(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    config = setup.write()
    bot = await Bot.start_module(
        "tests.bot.end_to_end.killed_at", config, "erasure.note_rows_gone", "before", "run"
    )
    try:
        await discord.connected()
        source = Upload(f"{WORD}.gif", files.gif())
        shown = await ada.slash("gif", prompt=f"a {WORD} cat", control_gif=source)
        await shown.message(lambda message: message.files)  # a draft with its source
        made = await posted(await ada.slash("gif", prompt=f"a {WORD} cat", frames=4))
        await setup.all_over()
        await erased(ada)
        assert await asyncio.wait_for(bot.process.wait(), PATIENCE) == -9
    finally:
        await bot.stop()
    assert left(setup)
    async with running(config, discord) as again:
        assert left(setup) == []
        assert await eventually_gone(discord, made)
        assert "GIFs you asked for: 0" in (await sheet_of(ada)).text
        assert "Traceback" not in again.log


async def test_it_is_erased_by_a_command_while_no_bot_runs(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    config = setup.write()
    code, told = await run_command(tmp_path, "privacy", "erase", "5", "--config", str(config))
    assert (code, "nothing is kept" in told) == (2, True), told
    async with running(config, discord):
        made = await posted(await ada.slash("gif", prompt=f"a {WORD} cat", frames=4))
        await setup.all_over()
    assert left(setup)
    code, told = await run_command(
        setup.directory, "privacy", "erase", str(ada.user.id), "--yes", *config_of(setup)
    )
    assert (code, "messages in Discord" in told) == (0, True), told
    assert left(setup) == []
    assert not made.deleted
    async with running(config, discord):
        assert await eventually_gone(discord, made)
