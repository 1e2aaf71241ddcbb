"""hotshot-bot backup: of a bot that runs, with its write-ahead log, and read back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest

from bot.sandbox import Person, Sandbox, Upload
from bot.storage.backup import BackupError, back_up
from bot.storage.blobs import BlobStore
from tests.bot import files
from tests.bot.end_to_end.process import Setup, run_command, running
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_lora import kept, lora
from tests.postgres import cluster


async def back_up_of(setup: Setup, file: Path) -> tuple[int, str]:
    config = setup.directory / "config.toml"
    (setup.directory / "bot.log").unlink(missing_ok=True)
    return await run_command(setup.directory, "backup", str(file), "--config", str(config))


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
        code, told = await back_up_of(setup, file)
        assert (code, "and 3 files" in told) == (0, True), told
        assert file.stat().st_mode & 0o077 == 0
        alone = setup.data / "hotshot.db"  # what a copy of that file would have held
        with sqlite3.connect(f"file:{alone}?mode=ro&immutable=1", uri=True) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        before = {path.name for path in kept(setup)}
    assert tables == 0, "else the test shows nothing of the log"
    assert [name for name in os.listdir(tmp_path) if "backup" in name] == ["backup.tar"]  # noqa: PTH208
    shutil.rmtree(setup.data)
    setup.data.mkdir()
    with tarfile.open(file) as archive:
        archive.extractall(setup.data, filter="data")
    assert {path.name for path in kept(setup)} == before
    async with running(setup.write(), discord):
        assert "a dog" in await said(await ada.slash("history"))
        assert "ink" in await said(await ada.slash("lora list"))
        assert (await posted(await ada.slash("lora try", lora="ink"))).results


async def test_what_can_t_be_backed_up_is_a_sentence(setup: Setup, tmp_path: Path) -> None:
    setup.write()
    for file, why in (
        (tmp_path / "a.tar", "There is no database"),
        (tmp_path, "There is no database"),
    ):
        code, told = await back_up_of(setup, file)
        assert code == 2
        assert why in told
        assert "Traceback" not in told


def a_database(directory: Path, blob: str) -> str:
    url = f"sqlite:///{directory / 'hotshot.db'}"
    with sqlite3.connect(directory / "hotshot.db") as connection:
        connection.executescript(
            """CREATE TABLE jobs (id, output, state, finished_at);
            CREATE TABLE attachments (job_id, blob); CREATE TABLE drafts (blob, content JSON);
            CREATE TABLE loras (blob);"""
        )
        connection.execute("INSERT INTO loras VALUES (?)", (blob,))
    return url


def test_a_damaged_file_is_noticed_and_the_older_backup_stays(tmp_path: Path) -> None:
    blobs, file = BlobStore(tmp_path / "blobs"), tmp_path / "backup.tar"
    name = blobs.put(b"a LoRA", ".safetensors")
    url = a_database(tmp_path, name)
    assert back_up(url, blobs, file).blobs == 1
    before = file.read_bytes()
    blobs.path(name).write_bytes(b"another")
    with pytest.raises(BackupError, match="is damaged in the backup"):
        back_up(url, blobs, file)
    assert file.read_bytes() == before
    blobs.path(name).unlink()
    made = back_up(url, blobs, file)
    assert (made.blobs, made.missing) == (0, 1)
    for place in (tmp_path / "nowhere" / "x.tar", tmp_path / "blobs"):
        with pytest.raises(BackupError, match="directory"):
            back_up(url, blobs, place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "blobs", "hotshot.db"]


def test_postgresql_is_backed_up_by_its_own_means(tmp_path: Path) -> None:
    with cluster() as url, pytest.raises(BackupError, match="pg_dump"):
        back_up(url, BlobStore(tmp_path), tmp_path / "x.tar")
