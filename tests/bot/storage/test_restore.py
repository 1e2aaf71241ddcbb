"""What a backup has comes back whole, or not at all; into SQLite and PostgreSQL, from either."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.app.lock import lock_data_directory
from bot.core.errors import BackupError, DataDirectoryError
from bot.storage.backups.backup import back_up
from bot.storage.backups.restore import check_backup, restore
from bot.storage.blobs import BlobStore
from tests.bot.storage.stocked import Stocked, all_rows, sqlite, states_in, stock
from tests.bot.storage.test_backup import in_a_child
from tests.bot.storage.test_earlier_version import BEFORE, fill_sqlite
from tests.postgres import cluster

INTERRUPTED = ["interrupted", "interrupted", "interrupted", "done", "failed", "cancelled"]


@pytest.fixture
def stocked(tmp_path: Path) -> Stocked:
    return stock(tmp_path / "data")


@pytest.fixture
def archive(stocked: Stocked, tmp_path: Path) -> Path:
    file = tmp_path / "a.tar"
    back_up(stocked.url, stocked.store, str(file))
    return file


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    place = tmp_path / "empty"
    place.mkdir()
    return place


def is_untouched(place: Path) -> bool:
    return not {path.name for path in place.rglob("*") if path.is_file()} - {"lock"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "then"),
    [("sqlite", "sqlite"), ("sqlite", "postgresql"), ("postgresql", "sqlite"),
     ("postgresql", "postgresql")],
)  # fmt: skip
def test_all_of_it_comes_back(first: str, then: str, tmp_path: Path, empty: Path) -> None:
    with ExitStack() as clusters:
        urls = [
            clusters.enter_context(cluster()) if kind == "postgresql" else sqlite(place)
            for kind, place in ((first, tmp_path / "data"), (then, empty))
        ]
        stocked = stock(tmp_path / "data", urls[0])
        target = f"{tmp_path}/all/" if first == "sqlite" else f"{tmp_path}/a.tar"
        back_up(urls[0], stocked.store, target)
        restored = restore(Path(target), urls[1], empty)
        assert restored.interrupted == 3
        assert states_in(urls[1]) == INTERRUPTED
        before, after = all_rows(urls[0]), all_rows(urls[1])
        assert len(before.pop("jobs")) == len(after.pop("jobs")) == 6
        assert after == before
        kept = BlobStore(empty / "blobs")
        assert {blob.name for blob in kept} == stocked.blobs
        assert not (empty / ".restore").exists()
        with pytest.raises(BackupError, match="already"):
            restore(Path(target), urls[1], empty)


def test_a_database_without_its_log_isn_t_given_another_s(archive: Path, empty: Path) -> None:
    (empty / "hotshot.db-wal").write_bytes(b"")
    with pytest.raises(BackupError, match="a restore overwrites nothing"):
        restore(archive, sqlite(empty), empty)


def with_other(archive: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> None:
    """Write the archive anew, with other members."""
    with tarfile.open(archive) as before:
        members = [(each.name, before.extractfile(each)) for each in before]
        content = [(name, opened.read()) for name, opened in members if opened is not None]
    with tarfile.open(archive, "w") as after:
        for name, data in content:
            changed = change(name, data)
            if changed is not None:
                info = tarfile.TarInfo(changed[0])
                info.size = len(changed[1])
                after.addfile(info, io.BytesIO(changed[1]))


def of_manifest(**values: object) -> Callable[[str, bytes], tuple[str, bytes]]:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        is_meant = name == "backup.json"
        return name, json.dumps(json.loads(data) | values).encode() if is_meant else data

    return change


def without(part: str) -> Callable[[str, bytes], tuple[str, bytes] | None]:
    return lambda name, data: None if part in name else (name, data)


def flipped(part: str) -> Callable[[str, bytes], tuple[str, bytes]]:
    def change(name: str, data: bytes) -> tuple[str, bytes]:
        return name, bytes([data[0] ^ 1]) + data[1:] if part in name else data

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (of_manifest(revision="9999"), "made by a newer version"),
        (of_manifest(format=2, version="9.0"), r"newer version \(hotshot-bot 9.0"),
        (of_manifest(blobs={"../../etc/passwd": 1}), "damaged, or isn't a backup"),
        (of_manifest(jobs=7), "hotshot.db is damaged"),
        (of_manifest(missing=None), "damaged, or isn't a backup"),
        (without("backup.json"), "damaged, or isn't a backup"),
        (without("hotshot.db"), "ends without hotshot.db"),
        (without(".gif"), "ends without [0-9a-f]{64}.gif"),
        (flipped("hotshot.db"), "hotshot.db is damaged"),
        (flipped(".gif"), "[0-9a-f]{64}.gif is damaged"),
        (lambda name, data: (name.replace("hotshot.db", "/etc/passwd"), data), "no backup does"),
        (lambda name, data: (name.replace("hotshot.db", "../x"), data), "no backup does"),
    ],
)
def test_what_is_damaged_or_hostile_changes_nothing(
    change: Callable[[str, bytes], tuple[str, bytes] | None],
    why: str,
    archive: Path,
    empty: Path,
) -> None:
    with_other(archive, change)
    with pytest.raises(BackupError, match=why):
        restore(archive, sqlite(empty), empty)
    assert is_untouched(empty)


def test_what_is_no_backup_is_a_sentence(archive: Path, empty: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    for number, other in enumerate((b"", b"x" * 5000, data[: len(data) // 2], data[:700])):
        file = tmp_path / f"{number}.tar"
        file.write_bytes(other)
        with pytest.raises(BackupError, match="damaged, or isn't a backup of hotshot-bot"):
            restore(file, sqlite(empty), empty)
        with pytest.raises(BackupError, match="damaged, or isn't a backup of hotshot-bot"):
            check_backup(file)
    for source, why in ((tmp_path / "no.tar", "can't be read"), (empty, "There is no backup")):
        with pytest.raises(BackupError, match=why):
            restore(source, sqlite(empty), empty)
    assert is_untouched(empty)


def test_a_full_disk_leaves_nothing(
    archive: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Free:
        free = 1000

    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda _: Free)
        with pytest.raises(BackupError, match="make room there"):
            restore(archive, sqlite(empty), empty)
    (empty / "blobs").write_bytes(b"in the way")  # at the very end
    with pytest.raises(BackupError, match="nothing was changed"):
        restore(archive, sqlite(empty), empty)
    assert sorted(path.name for path in empty.iterdir()) == ["blobs"]


def test_a_restore_that_was_killed_keeps_the_bot_from_starting_until_it_is_done(
    archive: Path, empty: Path
) -> None:
    def die(done: int, total: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    in_a_child(lambda: restore(archive, sqlite(empty), empty, report=die))
    assert not (empty / "hotshot.db").exists()
    with pytest.raises(DataDirectoryError, match="run `hotshot-bot restore` again"):
        lock_data_directory(empty).__enter__()
    with lock_data_directory(empty, to_restore=True):
        with pytest.raises(DataDirectoryError, match="Another hotshot-bot"):
            lock_data_directory(empty, to_restore=True).__enter__()
        restore(archive, sqlite(empty), empty)
    with lock_data_directory(empty):
        assert states_in(sqlite(empty)) == INTERRUPTED


def test_a_backup_of_an_earlier_version_comes_back(tmp_path: Path, empty: Path) -> None:
    url = fill_sqlite(tmp_path / "hotshot.db")
    file, blobs = tmp_path / "a.tar", BlobStore(tmp_path / "blobs")
    made = back_up(url, blobs, str(file))
    assert made.manifest.revision == BEFORE
    assert made.manifest.missing  # the dump came without its files
    assert restore(file, sqlite(empty), empty).interrupted > 0
    with cluster() as address:
        restore(file, address, tmp_path)
        assert len(all_rows(address)["jobs"]) == made.manifest.jobs


def test_the_database_alone_goes_back_beside_the_files(stocked: Stocked, tmp_path: Path) -> None:
    file = tmp_path / "before.tar"
    back_up(stocked.url, None, str(file))
    with sqlite3.connect(stocked.data / "hotshot.db") as connection:
        connection.execute("DELETE FROM drafts")
    before = {blob.name for blob in stocked.store}
    for left in stocked.data.glob("hotshot.db*"):
        left.unlink()
    restored = restore(file, stocked.url, stocked.data)
    assert restored.manifest.blobs is None
    assert {blob.name for blob in stocked.store} == before
    assert len(all_rows(stocked.url)["drafts"]) == 1


def test_files_that_are_there_already_are_left_there_by_a_restore_that_fails(
    archive: Path, stocked: Stocked, empty: Path
) -> None:
    shutil.copytree(stocked.data / "blobs", empty / "blobs")
    with_other(archive, flipped("hotshot.db"))
    with pytest.raises(BackupError):
        restore(archive, sqlite(empty), empty)
    assert {blob.name for blob in BlobStore(empty / "blobs")} == stocked.blobs
