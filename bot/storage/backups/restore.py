"""Brings a backup back: everything is written beside its place, read back, and then moved there.

What was waiting or being made when the backup was taken comes back as ``interrupted``: it may have
been finished since then, so nobody makes it again unasked (``bot.jobs.interrupted``).
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.core.errors import BackupError
from bot.storage import erasure
from bot.storage.backups.backup import opened_reader, say_nothing
from bot.storage.backups.files import check_room, copy_checked, digest_of, sync_directory
from bot.storage.backups.manifest import DATABASE, STAGING, Manifest, Report
from bot.storage.backups.move import copy_into, refuse_filled
from bot.storage.backups.reading import Reader, check, check_complete, damaged
from bot.storage.backups.snapshot import (
    check_whole,
    count_jobs,
    opened,
    revision_in,
)
from bot.storage.blobs import BlobStore
from bot.storage.erasure_ledger import ErasureLedger
from bot.storage.migrate import known_revisions, reason_of, upgrade
from bot.storage.models import UNFINISHED, State
from bot.storage.tables import jobs

_BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back, how many jobs are to be looked for and offered to their owners."""

    manifest: Manifest
    interrupted: int
    erased: int | None  # people to be erased again at the next start; None: nobody knows of any


def check_backup(source: Path, *, report: Report = say_nothing) -> Manifest:
    """Read a whole backup, and change nothing. Raises BackupError."""
    with opened_reader(source) as reader:
        done, total = 0, reader.manifest.size_bytes

        def progress(size: int) -> None:
            nonlocal done
            done += size
            report(done, total)

        check(reader, progress)
        return reader.manifest


def restore(
    source: Path,
    url: str,
    data_dir: Path,
    *,
    ledger: ErasureLedger | None = None,
    report: Report = say_nothing,
) -> Restored:
    """Restore a backup into a data directory that is locked, and a database that is empty.

    Whoever had everything erased since the backup, by the ``ledger``, is to be erased again: that
    is begun in the database, and the bot's next start does it before anything else. Raises
    BackupError, DatabaseError; then all is as it was.
    """
    try:
        with opened_reader(source) as reader:
            _check_is_empty(url, data_dir)
            check_room(data_dir, 2 * reader.manifest.database_bytes + _blob_bytes(reader))
            with _staging(data_dir) as staging:
                _write_all(reader, staging, report)
                interrupted = _interrupt(staging / DATABASE, reader.manifest)
                erased = _erase_again(staging / DATABASE, reader.manifest, ledger)
                _put_in_place(staging, url, data_dir)
            return Restored(reader.manifest, interrupted, erased)
    except OSError as error:
        raise BackupError(
            f"The backup can't be restored to {data_dir} ({error.strerror or error}), and nothing "
            "was changed."
        ) from error
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(
            f"The backup can't be restored ({reason_of(error)}), and nothing was changed."
        ) from error


def _blob_bytes(reader: Reader) -> int:
    return reader.manifest.size_bytes - reader.manifest.database_bytes


def _check_is_empty(url: str, data_dir: Path) -> None:
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        refuse_filled(url)
        return
    database = Path(address.database or "")
    # a log without its database would be taken for that of the next one
    if any(
        database.with_name(f"{database.name}{end}").exists() for end in ("", "-wal", "-journal")
    ):
        raise BackupError(
            f"There is a database {database} already, and a restore overwrites nothing; move "
            f"{data_dir} aside (mv {data_dir} {data_dir}.old), or name another with "
            "storage.data_dir."
        )
    if not database.absolute().parent.is_dir():
        raise BackupError(f"There is no directory {database.absolute().parent}; make it first.")


@contextlib.contextmanager
def _staging(data_dir: Path) -> Iterator[Path]:
    """Make an empty directory on the disk of the data; it is gone after the block.

    It is made anew where a killed one was left, which keeps a bot from starting there meanwhile.
    """
    staging = data_dir / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_all(reader: Reader, staging: Path, report: Report) -> None:
    """Write a backup's files, each read back."""
    blobs = BlobStore(staging / _BLOBS)
    done, total, found = 0, reader.manifest.size_bytes, set()
    for member in reader.members():
        is_database = member.name == DATABASE
        path = staging / DATABASE if is_database else blobs.path(member.name)
        path.parent.mkdir(exist_ok=True, parents=True)
        try:
            done += copy_checked(member.content, path, member.sha256(reader.manifest))
        except FileExistsError as error:
            raise damaged(member.name) from error
        except BackupError as error:
            raise damaged(member.name, member.place) from error
        found.add(member.name)
        report(done, total)
    check_complete(found, reader.manifest)


def _interrupt(database: Path, manifest: Manifest) -> int:
    """Mark what was unfinished; return how many. Raises BackupError for a damaged database."""
    check_whole(database)
    with opened(database) as connection:
        revision, number = revision_in(connection), count_jobs(connection)
        if (revision, number) != (manifest.revision, manifest.jobs):
            raise damaged(DATABASE)
        states = [state for state in UNFINISHED if state is not State.INTERRUPTED]
        marking = update(jobs).where(jobs.c.state.in_(states)).values(state=State.INTERRUPTED)
        return connection.execute(marking).rowcount


def _erase_again(database: Path, manifest: Manifest, ledger: ErasureLedger | None) -> int | None:
    """Begin the erasures that a backup is too old for; return how many. Raises BackupError."""
    if ledger is None:
        return None
    if ledger.erased_since(manifest.made_at, ()) is None:
        return None
    _upgrade(database)  # what is noted may be new
    with opened(database) as connection:
        found = ledger.erased_since(manifest.made_at, erasure.people(connection)) or {}
        for user_id, asked_at in found.items():
            erasure.begin(connection, user_id, asked_at)
    return len(found)


def _upgrade(database: Path) -> None:
    with opened(database) as connection:
        revision = revision_in(connection)
    if revision != known_revisions()[-1]:
        upgrade(make_url(f"sqlite:///{database}"))


def _put_in_place(staging: Path, url: str, data_dir: Path) -> None:
    """Move blobs, and after them the database, without which they are nothing."""
    blobs, kept = BlobStore(staging / _BLOBS), BlobStore(data_dir / _BLOBS)
    moved = []
    try:
        for blob in blobs:
            place = kept.path(blob.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                moved.append(place)
            blobs.path(blob.name).replace(place)
        for directory in {place.parent for place in moved}:
            sync_directory(directory)
        _put_database_in_place(staging / DATABASE, url)
    except BaseException:
        for place in moved:
            place.unlink(missing_ok=True)
        raise


def _put_database_in_place(database: Path, url: str) -> None:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        _put_file_in_place(database, Path(address.database or ""))
        return
    _upgrade(database)
    copy_into(f"sqlite:///{database}", url)


def _put_file_in_place(database: Path, place: Path) -> None:
    """Copy the database beside its place, which may be on another disk, and rename it there."""
    beside = place.absolute().with_name(f".{place.name}{STAGING}")
    beside.unlink(missing_ok=True)
    try:
        with database.open("rb") as content:
            digest = digest_of(content)
        with database.open("rb") as content:
            copy_checked(content, beside, digest)
        beside.rename(place)
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(place.absolute().parent)
