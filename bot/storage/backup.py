"""A backup of a bot that may be running: one archive with the database and the blobs it names.

The database is copied by SQLite's own online backup, so what stands in its write-ahead log is there
as well. The archive gets its name only after it was read back whole. Blocking; knows no Discord.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.core.errors import BotError
from bot.storage.blobs import BlobStore
from bot.storage.database import create_engine
from bot.storage.retention import all_referenced

DATABASE = "hotshot.db"  # in the archive; unpacked in a data directory, it is in its place
_BLOBS = "blobs"
_CHUNK = 1 << 20
_OWNERS_ONLY = 0o600  # rows hold tokens and what people wrote


class BackupError(BotError):
    """There is nothing to back up, or no place for it, or it didn't come out whole."""

    is_translated = False


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What stands in a finished archive."""

    blobs: int
    size_bytes: int
    missing: int  # files that rows name and that aren't there any more


def back_up(url: str, blobs: BlobStore, file: Path) -> BackedUp:
    """Write the archive ``file``, in place of an older one. Raises BackupError."""
    database = _sqlite_file(url)
    try:
        with _scratch(file) as scratch:
            copy, part = scratch / DATABASE, scratch / "archive"
            _copy(database, copy)
            names = _named_by(copy)
            missing = _write(part, copy, names, blobs)
            # a clean-up may have taken a file meanwhile, and its row's word for it before
            lost = missing & _named_by(database)
            _check(part, names - missing)
            size = part.stat().st_size
            part.replace(file)
            _sync(file.parent)
    except OSError as error:
        reason = error.strerror or error
        raise BackupError(f"The backup can't be written to {file}: {reason}.") from error
    except (sqlite3.Error, tarfile.TarError, SQLAlchemyError) as error:
        raise BackupError(f"The backup of {database} failed: {error}.") from error
    return BackedUp(len(names - missing), size, len(lost))


def _sqlite_file(url: str) -> Path:
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database:
        raise BackupError(
            "The database isn't SQLite's: back it up by its own means (pg_dump), and after that "
            "the data directory's blobs."
        )
    file = Path(address.database)
    if not file.is_file():
        raise BackupError(f"There is no database {file} yet, so there is nothing to back up.")
    return file


@contextlib.contextmanager
def _scratch(file: Path) -> Iterator[Path]:
    """Make a directory beside ``file``, so that a rename puts it in its place."""
    if file.is_dir():
        raise BackupError(f"{file} is a directory; give the name of a file to write.")
    if not file.absolute().parent.is_dir():
        raise BackupError(f"There is no directory {file.absolute().parent}; make it first.")
    place = Path(tempfile.mkdtemp(prefix=f".{file.name}-", dir=file.absolute().parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _copy(database: Path, copy: Path) -> None:
    """Copy a database as of one moment, while others go on reading and writing."""
    with (
        contextlib.closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True))
        as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):  # fmt: skip
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        _check_whole(target)


def _named_by(database: Path) -> set[str]:
    engine = create_engine(f"sqlite:///{database.absolute()}")
    try:
        with engine.connect() as connection:
            return all_referenced(connection)
    finally:
        engine.dispose()


def _write(part: Path, copy: Path, names: Iterable[str], blobs: BlobStore) -> set[str]:
    """Write the archive to disk; return the names whose files aren't there."""
    missing: set[str] = set()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS_ONLY)
    with os.fdopen(descriptor, "wb") as opened:
        with tarfile.open(fileobj=opened, mode="w") as archive:
            archive.add(copy, DATABASE)
            for name in sorted(names):
                try:
                    archive.add(blobs.path(name), _place(name))
                except FileNotFoundError:
                    missing.add(name)
        opened.flush()
        os.fsync(opened.fileno())
    return missing


def _check(part: Path, names: set[str]) -> None:
    """Read it back: the database whole, and each file with the hash that it is called by."""
    found: set[str] = set()
    with tarfile.open(part) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                raise BackupError(f"The backup didn't come out whole: {member.name} is no file.")
            if member.name == DATABASE:
                _check_database(content, part.with_name(f"read-{secrets.token_hex(4)}"))
                continue
            name = member.name.rpartition("/")[2]
            digest = hashlib.sha256()
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
            if digest.hexdigest() != name[:64]:
                raise BackupError(
                    f"The file {name} is damaged in the backup; check the disk of the data "
                    "directory and the backup's."
                )
            found.add(name)
    if found != names:
        raise BackupError("The backup didn't come out whole; try again.")


def _check_database(content: Iterable[bytes], read: Path) -> None:
    with read.open("wb") as opened:
        opened.writelines(content)
    with contextlib.closing(sqlite3.connect(read)) as connection:
        _check_whole(connection)
    read.unlink()


def _check_whole(connection: sqlite3.Connection) -> None:
    [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise BackupError(f"The database is damaged ({verdict}); see `hotshot-bot doctor`.")


def _place(name: str) -> str:
    return f"{_BLOBS}/{name[:2]}/{name}"


def _sync(directory: Path) -> None:
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
