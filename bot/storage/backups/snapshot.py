"""The database as of one moment, as a SQLite file, while others go on reading and writing.

SQLite copies itself, what stands in its write-ahead log too. PostgreSQL's rows are read in one
snapshot of it and written into tables that the migrations make: that needs none of its programs,
and what comes of it fits either kind of database.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bot.core.errors import BackupError, DatabaseError
from bot.storage import postgresql
from bot.storage.backups.copying import copy_rows
from bot.storage.backups.files import SYNC_EVERY, sync_data
from bot.storage.database import create_engine
from bot.storage.migrate import create, known_revisions, name_of, reason_of, revision_of, upgrade
from bot.storage.retention import all_referenced
from bot.storage.tables import jobs


def take_snapshot(url: str, file: Path) -> str:
    """Write the database into the new file ``file``; return its revision.

    Raises BackupError, DatabaseError.
    """
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        _copy_sqlite(Path(address.database or ""), file)
    else:
        _copy_others(url, file)
    check_whole(file)
    with opened(file) as connection:
        revision = revision_in(connection)
    if revision is None:
        raise BackupError(f"The database {name_of(address)} is empty, so there is nothing to do.")
    if revision not in known_revisions():
        raise BackupError(
            f"The database {name_of(address)} is of a newer version (revision {revision}); update "
            "hotshot-bot, then back it up."
        )
    return revision


def check_whole(file: Path) -> None:
    """Raise BackupError where a SQLite file is damaged."""
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            [verdict] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise BackupError(f"The database is damaged ({verdict}); see `hotshot-bot doctor`.")


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Connection]:
    """Open a SQLite file that nobody else uses, as it is; what is written is kept at the end."""
    engine = sqlalchemy.create_engine(f"sqlite:///{file}", poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def revision_in(connection: Connection) -> str | None:
    """Return the revision of a database; None for one that has none."""
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(
        sqlalchemy.text("SELECT version_num FROM alembic_version")
    )
    return found


def count_jobs(connection: Connection) -> int:
    """Return how many jobs there are."""
    return connection.execute(select(func.count()).select_from(jobs)).scalar_one()


def blobs_named_in(file: Path, revision: str) -> set[str]:
    """Return the blobs that rows of a snapshot name, whose tables may be of an earlier revision."""
    if revision == known_revisions()[-1]:
        with opened(file) as connection:
            return all_referenced(connection)
    upgraded = file.with_name("upgraded.db")
    shutil.copyfile(file, upgraded)
    try:
        upgrade(make_url(f"sqlite:///{upgraded}"))
        with opened(upgraded) as connection:
            return all_referenced(connection)
    finally:
        upgraded.unlink()


def _copy_sqlite(database: Path, file: Path) -> None:
    if not database.is_file():
        raise BackupError(f"There is no database {database} yet, so there is nothing to do.")
    address = f"{database.absolute().as_uri()}?mode=rw"  # its log has an index, which is written
    with (
        _opened_to_sync(file) as descriptor,
        contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as source,
        contextlib.closing(sqlite3.connect(file)) as target,
    ):
        target.execute("PRAGMA synchronous = OFF")  # instead:
        # as of one moment: else each write of the bot would have the steps begin again
        source.execute("BEGIN")
        [page_bytes] = source.execute("PRAGMA page_size").fetchone()
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(
            target, pages=SYNC_EVERY // page_bytes, progress=lambda *_: sync_data(descriptor)
        )
        target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it


@contextlib.contextmanager
def _opened_to_sync(file: Path) -> Iterator[int]:
    """Make a file and open it for as long as SQLite has it: a close would drop SQLite's locks."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _copy_others(url: str, file: Path) -> None:
    engine = create_engine(url, postgresql.UPGRADING)
    try:
        revision = revision_of(engine)
        if revision is None:
            raise DatabaseError(
                f"The database {name_of(engine.url)} is empty, so there is nothing to do."
            )
        make_tables(file, revision)
        try:
            with (
                engine.connect().execution_options(isolation_level="REPEATABLE READ") as source,
                opened(file) as target,
            ):
                copy_rows(source, target)
        except SQLAlchemyError as error:
            raise BackupError(
                f"The database {name_of(engine.url)} can't be read ({reason_of(error)})."
            ) from error
    finally:
        engine.dispose()


def make_tables(file: Path, revision: str) -> None:
    """Make a SQLite file with the empty tables of a revision."""
    engine = sqlalchemy.create_engine(f"sqlite:///{file}", poolclass=NullPool)
    try:
        if revision == known_revisions()[-1]:
            create(engine)
        else:
            upgrade(engine.url, revision)
    finally:
        engine.dispose()
