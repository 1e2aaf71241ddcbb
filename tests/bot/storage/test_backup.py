"""Backups are whole or not there, whatever goes on beside them."""

from __future__ import annotations

import asyncio
import io
import os
import resource
import signal
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cli.progress_line import progress_line
from bot.core.errors import BackupError
from bot.storage.backups import snapshot
from bot.storage.backups.backup import back_up
from bot.storage.backups.directory import snapshots
from bot.storage.backups.restore import check_backup
from bot.storage.blobs import BlobStore
from bot.storage.database import open_database
from bot.storage.retention import RetentionLimits, clean_up
from tests.bot.storage.stocked import Stocked, stock
from tests.postgres import cluster


@pytest.fixture
def stocked(tmp_path: Path) -> Stocked:
    return stock(tmp_path / "data")


def names_in(file: Path) -> set[str]:
    with tarfile.open(file) as archive:
        return {name.rpartition("/")[2] for name in archive.getnames()}


def listing(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_an_archive_has_the_database_and_every_file_that_it_names(
    stocked: Stocked, tmp_path: Path
) -> None:
    stocked.store.put(b"of no row", ".gif")
    file = tmp_path / "a b.tar"
    for _ in range(2):  # the second in place of the first
        made = back_up(stocked.url, stocked.store, str(file))
        assert names_in(file) == {"backup.json", "hotshot.db", *stocked.blobs}
        assert (made.manifest.jobs, set(made.manifest.blobs or ())) == (6, stocked.blobs)
        assert made.manifest.missing == ()
    assert file.stat().st_mode & 0o077 == 0
    assert listing(tmp_path) == ["a b.tar", "data"]
    assert check_backup(file) == made.manifest


def test_a_directory_is_added_to_by_what_is_new(stocked: Stocked, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    first = back_up(stocked.url, stocked.store, f"{target}/")
    assert first.written_bytes == first.manifest.size_bytes
    second = back_up(stocked.url, stocked.store, str(target))
    assert second.written_bytes == second.manifest.database_bytes
    assert len(snapshots(target)) == 2
    for source in (target, *snapshots(target)):
        assert set(check_backup(source).blobs or ()) == stocked.blobs
    with sqlite3.connect(stocked.data / "hotshot.db") as connection:
        connection.execute("DELETE FROM loras")
    third = back_up(stocked.url, stocked.store, str(target), keep=1)
    assert third.removed == 2
    assert {blob.name for blob in BlobStore(target / "blobs")} == set(third.manifest.blobs or ())
    assert len(third.manifest.blobs or ()) == len(stocked.blobs) - 1
    check_backup(target)
    assert listing(target) == sorted([".lock", "blobs", snapshots(target)[0].name])


def test_what_is_damaged_in_a_directory_is_brought_again(stocked: Stocked, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    back_up(stocked.url, stocked.store, f"{target}/")
    damaged = BlobStore(target / "blobs").path(min(stocked.blobs))
    damaged.write_bytes(b"X" * damaged.stat().st_size)
    with pytest.raises(BackupError, match=f"The file {damaged} is damaged; remove it"):
        check_backup(target)
    damaged.unlink()
    with pytest.raises(BackupError, match=f"ends without {damaged.name}"):
        check_backup(target)
    back_up(stocked.url, stocked.store, str(target))
    check_backup(target)
    (snapshots(target)[1] / "backup.json").unlink()
    with pytest.raises(BackupError, match="no older one was removed"):
        back_up(stocked.url, stocked.store, str(target), keep=2)
    assert len(snapshots(target)) == 3


def test_what_the_snapshot_names_is_in_it_whatever_is_cleaned_up_meanwhile(
    stocked: Stocked, tmp_path: Path
) -> None:
    """After the snapshot every file that can go does, while the first is being copied."""
    cleaned: list[int] = []

    def clean(done: int, total: int) -> None:
        if not cleaned:
            cleaned.append(asyncio.run(_clean_up(stocked)))

    file = tmp_path / "a.tar"
    made = back_up(stocked.url, stocked.store, str(file), report=clean)
    assert (cleaned, made.manifest.missing) == ([0], ())
    assert set(check_backup(file).blobs or ()) == stocked.blobs
    assert asyncio.run(_clean_up(stocked)) > 0


def test_writes_between_its_steps_neither_hold_a_snapshot_up_nor_get_into_it(
    stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, steps = stocked.data / "hotshot.db", 0
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE filling AS SELECT zeroblob(3000000) AS content")

    def write_something(_: int) -> None:
        nonlocal steps
        steps += 1
        assert steps < 10  # each write would have it begin again
        with sqlite3.connect(database) as connection:
            connection.execute("INSERT INTO filling VALUES (zeroblob(100000))")

    monkeypatch.setattr(snapshot, "sync_data", write_something)
    snapshot.take_snapshot(stocked.url, tmp_path / "taken.db")
    assert steps > 2
    with sqlite3.connect(tmp_path / "taken.db") as connection:
        assert connection.execute("SELECT count(*) FROM filling").fetchone() == (1,)


async def _clean_up(stocked: Stocked) -> int:
    (stocked.data / "scratch").mkdir(exist_ok=True)
    async with open_database(stocked.url) as database:
        limits = RetentionLimits(timedelta(days=30), 1)
        return await clean_up(
            database, stocked.store, stocked.data / "scratch", limits, needed=10**9
        )


def test_a_damaged_file_is_noticed_and_the_older_backup_stays(
    stocked: Stocked, tmp_path: Path
) -> None:
    file, name = tmp_path / "a.tar", min(stocked.blobs)
    for target in (str(file), f"{tmp_path}/all/"):
        back_up(stocked.url, stocked.store, target)
    before = file.read_bytes()
    whole = stocked.store.path(name).read_bytes()
    stocked.store.path(name).write_bytes(b"X" + whole[1:])
    with pytest.raises(BackupError, match=f"{name} is damaged in the backup"):
        back_up(stocked.url, stocked.store, str(file))
    assert file.read_bytes() == before
    with pytest.raises(BackupError, match=f"{name} is damaged in the backup"):
        back_up(stocked.url, stocked.store, f"{tmp_path}/new/")
    assert snapshots(tmp_path / "new") == []
    stocked.store.path(name).unlink()
    made = back_up(stocked.url, stocked.store, str(file))
    assert made.manifest.missing == (name,)
    with sqlite3.connect(stocked.data / "hotshot.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (stocked.data / "hotshot.db").open("r+b") as opened:
        opened.seek(8192)
        opened.write(b"\xff" * 4096)
    with pytest.raises(BackupError, match="The database is damaged"):
        back_up(stocked.url, stocked.store, str(file))
    assert check_backup(file) == made.manifest


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """A disk that takes no more than that of a file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(stocked: Stocked, tmp_path: Path) -> None:
    size = (stocked.data / "hotshot.db").stat().st_size
    for limit in (10_000, size + 60_000):  # at the snapshot, and at the archive
        with no_file_above(limit), pytest.raises(BackupError, match="nothing of it was left"):
            back_up(stocked.url, stocked.store, str(tmp_path / "a.tar"))
    with no_file_above(10_000), pytest.raises(BackupError, match="nothing of it was left"):
        back_up(stocked.url, stocked.store, f"{tmp_path}/all/")
    assert listing(tmp_path) == ["all", "data"]
    assert listing(tmp_path / "all") == [".lock"]


def test_a_disk_without_room_is_told_before_it_is_filled(
    stocked: Stocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Free)
    for target in (f"{tmp_path}/a.tar", f"{tmp_path}/all/"):
        with pytest.raises(BackupError, match="has 0 MB free; make room there"):
            back_up(stocked.url, stocked.store, target)


class _Free:
    free = 1000


def test_where_it_can_t_go_is_a_sentence(stocked: Stocked, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for target, why in (
        (f"{tmp_path}/nowhere/a.tar", "There is no directory"),
        (f"{tmp_path}/nowhere/all/", "There is no directory"),
        (f"{tmp_path}/file/", "can't be written"),
        (f"{tmp_path}/file/a.tar", "There is no directory"),
        (str(tmp_path), "holds other things"),
        (str(stocked.data), "holds other things"),
    ):
        with pytest.raises(BackupError, match=why):
            back_up(stocked.url, stocked.store, target)
    with pytest.raises(BackupError, match="name a directory"):
        back_up(stocked.url, stocked.store, f"{tmp_path}/a.tar", keep=3)
    with pytest.raises(BackupError, match="There is no database"):
        back_up(f"sqlite:///{tmp_path}/no.db", stocked.store, f"{tmp_path}/a.tar")
    assert listing(tmp_path) == ["data", "file"]


@pytest.mark.parametrize("target", ["a.tar", "all/"])
def test_two_at_once_and_one_after_a_kill(stocked: Stocked, tmp_path: Path, target: str) -> None:
    place = f"{tmp_path}/{target}"
    told = []

    def another(done: int, total: int) -> None:
        with pytest.raises(BackupError) as caught:
            back_up(stocked.url, stocked.store, place)
        told.append(str(caught.value))

    back_up(stocked.url, stocked.store, place, report=another)
    assert set(told) == {
        f"Another backup to {place.rstrip('/')} is being written; wait until it is done."
    }
    before = check_backup(Path(place))

    def die(done: int, total: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    in_a_child(lambda: back_up(stocked.url, stocked.store, place, report=die))
    assert check_backup(Path(place)) == before
    after = back_up(stocked.url, stocked.store, place)
    assert check_backup(Path(place)) == after.manifest
    assert [name for name in listing(tmp_path) if "part" in name] == []


def test_sigterm_leaves_nothing_behind(stocked: Stocked, tmp_path: Path) -> None:
    def end(done: int, total: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    try:
        for target in ("a.tar", "all/"):
            with progress_line(), pytest.raises(KeyboardInterrupt):
                back_up(stocked.url, stocked.store, f"{tmp_path}/{target}", report=end)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert listing(tmp_path) == ["all", "data"]
    assert snapshots(tmp_path / "all") == []
    assert listing(tmp_path / "all") == [".lock"]


def in_a_child(work: Callable[[], object]) -> None:
    """Run what ends its process by a signal in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.slow
def test_postgresql_s_backup_is_like_any_other(tmp_path: Path) -> None:
    with cluster() as url:
        stocked = stock(tmp_path / "data", url)
        file = tmp_path / "a.tar"
        made = back_up(url, stocked.store, str(file))
        assert check_backup(file) == made.manifest
        assert names_in(file) == {"backup.json", "hotshot.db", *stocked.blobs}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is_and_a_pipe_nothing(
    stocked: Stocked, tmp_path: Path
) -> None:
    shown, silent, before = Terminal(), io.StringIO(), signal.getsignal(signal.SIGTERM)
    for stream in (shown, silent):
        with progress_line(stream) as report:
            back_up(stocked.url, stocked.store, f"{tmp_path}/a.tar", report=report)
    signal.signal(signal.SIGTERM, before)
    assert "% of 1 MB" in shown.getvalue()
    assert shown.getvalue().endswith("\r\033[K")
    assert silent.getvalue() == ""
