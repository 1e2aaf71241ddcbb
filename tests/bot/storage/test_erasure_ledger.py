"""What was erased stays erased when a backup of before comes back; the list of it tells no ids."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.errors import BackupError, ConfigError
from bot.privacy.steps import erase_before_start
from bot.storage import erasure
from bot.storage.backups.backup import back_up
from bot.storage.backups.restore import restore
from bot.storage.blobs import BlobStore
from bot.storage.database import open_database
from bot.storage.erasure_ledger import ErasureLedger
from tests.bot.privacy.planted import ADA, BOB, Planted
from tests.bot.storage.stocked import sqlite
from tests.bot.storage.test_earlier_version import fill_sqlite
from tests.postgres import cluster

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


async def erase(url: str, data: Path, ledger: ErasureLedger, user_id: int | None = None) -> None:
    """Erase what is asked for and isn't erased, as a bot's start does."""
    async with open_database(url) as database:
        if user_id is not None:
            await database.write(erasure.begin, user_id, datetime.now(UTC))
        await erase_before_start(database, BlobStore(data / "blobs"), data / "scratch", ledger)


@pytest.mark.slow
@pytest.mark.parametrize("then", ["sqlite", "postgresql"])
def test_who_was_erased_since_a_backup_is_erased_again(tmp_path: Path, then: str) -> None:
    planted, data, back = Planted(), tmp_path / "data", tmp_path / "back"
    blobs, ledger, file = (
        BlobStore(data / "blobs"),
        ErasureLedger(data / "erased"),
        tmp_path / "a.tar",
    )

    async def fill() -> None:
        async with open_database(sqlite(data)) as database:
            await planted.fill(database, blobs)

    for place in (data, back):
        place.mkdir()
    asyncio.run(fill())
    asyncio.run(erase(sqlite(data), data, ledger, 99))  # before it, so nothing is to be done again
    back_up(sqlite(data), blobs, str(file))
    asyncio.run(erase(sqlite(data), data, ledger, ADA))
    asyncio.run(erase(sqlite(data), data, ledger))
    listed = ledger.path.read_text("ascii")
    assert len(listed.splitlines()) == 3
    assert str(ADA) not in listed
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    if then == "postgresql":
        with cluster() as url:
            restored = restore(file, url, back, ledger=ledger)
            asyncio.run(erase(url, back, ledger))
    else:
        restored = restore(file, sqlite(back), back, ledger=ledger)
        assert planted.left(back)
        asyncio.run(erase(sqlite(back), back, ledger))
    assert restored.erased == 1
    assert planted.left(back) == []
    assert ledger.path.read_text("ascii") == listed  # it was noted already


def test_without_a_list_it_says_so_and_a_damaged_one_restores_nothing(tmp_path: Path) -> None:
    url, blobs = fill_sqlite(tmp_path / "hotshot.db"), BlobStore(tmp_path / "blobs")
    file, back, ledger = tmp_path / "a.tar", tmp_path / "back", ErasureLedger(tmp_path / "erased")
    back.mkdir()
    back_up(url, blobs, str(file))  # of a version that knew of no erasures
    for content in ("", "x", "hotshot-bot-erasures-1 00\n", "\x80"):
        ledger.path.write_text(content, "utf-8")
        with pytest.raises(BackupError, match="repair it, or move it aside"):
            restore(file, sqlite(back), back, ledger=ledger)
        assert not list(back.rglob("hotshot.db"))
    ledger.path.unlink()
    assert restore(file, sqlite(back), back, ledger=ledger).erased is None
    (back / "hotshot.db").unlink()
    with closing(sqlite3.connect(tmp_path / "hotshot.db")) as connection:
        [user_id] = connection.execute("SELECT user_id FROM jobs WHERE user_id != 0").fetchone()
    for each in (user_id, 99):
        ledger.note(each, datetime.now(UTC) + timedelta(minutes=1))
    assert restore(file, sqlite(back), back, ledger=ledger).erased == 1


def test_the_list_goes_by_who_and_when_and_goes_on_elsewhere(tmp_path: Path) -> None:
    ledger = ErasureLedger(tmp_path / "erased")
    assert ledger.erased_since(NOW, {ADA}) is None
    for _ in range(2):
        ledger.note(ADA, NOW)
    ledger.note(BOB, NOW - timedelta(days=2))
    ledger.note(ADA, NOW + timedelta(hours=1))
    everybody = {ADA, BOB, 99}
    assert ledger.erased_since(NOW, everybody) == {ADA: NOW + timedelta(hours=1)}
    assert ledger.erased_since(NOW - timedelta(days=3), everybody) == {
        ADA: NOW + timedelta(hours=1),
        BOB: NOW - timedelta(days=2),
    }
    elsewhere = tmp_path / "b"
    ledger.continue_in(elsewhere)
    other = ErasureLedger(elsewhere)
    assert other.erased_since(NOW, everybody) == {ADA: NOW + timedelta(hours=1)}
    other.note(99, NOW)
    ledger.continue_in(elsewhere)  # which has more by now
    assert len(elsewhere.read_text("ascii").splitlines()) == 5


def test_lines_go_when_no_backup_is_as_old_and_a_full_disk_stops_no_erasure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger, now = ErasureLedger(tmp_path / "erased", backup_days=14), datetime.now(UTC)
    ledger.note(ADA, now - timedelta(days=20))
    ledger.note(BOB, now)
    assert ledger.erased_since(now - timedelta(days=99), {ADA, BOB}) == {BOB: now}
    ErasureLedger(tmp_path / "none" / "erased").note(ADA, now)
    assert "can't be noted" in caplog.text


def test_a_start_wants_a_place_for_it(tmp_path: Path) -> None:
    ledger = ErasureLedger(tmp_path / "erased")
    assert ledger.check() == 0
    ledger.note(ADA, NOW)
    assert ledger.check() == 1
    with pytest.raises(ConfigError, match=r"privacy\.erased: .*none isn't a directory"):
        ErasureLedger(tmp_path / "none" / "erased").check()
    ledger.path.write_text("x", "ascii")
    with pytest.raises(BackupError, match="damaged"):
        ledger.check()
