"""Moves a bot's rows from one database to another one, which is empty: all of them, or none."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.core.errors import BackupError
from bot.storage import postgresql
from bot.storage.backups.copying import copy_rows, table_names
from bot.storage.database import create_engine, serving_alone
from bot.storage.migrate import (
    create_tables,
    known_revisions,
    name_of,
    reason_of,
    revision_of,
    unusable,
)


def move(source_url: str, target_url: str) -> dict[str, int]:
    """Copy all rows; return how many each table has, on both sides.

    The source stays as it is. Raises BackupError, DatabaseError.
    """
    source_address = make_url(source_url)
    database = source_address.database or ""
    if source_address.get_backend_name() == "sqlite" and not Path(database).is_file():
        raise BackupError(f"There is no database {database} yet, so there is nothing to move.")
    with _patient(source_url) as source:
        revision, newest = revision_of(source), known_revisions()[-1]
        if revision is None:
            raise BackupError(
                f"The database {name_of(source.url)} is empty; there is nothing to move."
            )
        if revision != newest:
            raise BackupError(
                f"The database {name_of(source.url)} is at revision {revision}, and this version "
                f"moves {newest}; run `hotshot-bot db upgrade` first."
            )
        with serving_alone(source), _none_left(target_url):
            refuse_filled(target_url)
            return copy_into(source_url, target_url)


def refuse_filled(url: str) -> None:
    """Raise BackupError where a database has tables already; DatabaseError for none at all."""
    with _patient(url) as engine:
        if (
            engine.url.get_backend_name() == "sqlite"
            and not Path(engine.url.database or "").exists()
        ):
            return  # to look would make it
        try:
            with engine.connect() as connection:
                found = table_names(connection)
        except (SQLAlchemyError, OSError) as error:
            raise unusable(engine.url, error) from error
        if found:
            raise BackupError(
                f"The database {name_of(engine.url)} has tables already ({', '.join(found[:3])}…); "
                "name an empty one."
            )


def copy_into(source_url: str, target_url: str) -> dict[str, int]:
    """Make this version's tables in an empty database, and copy all rows, in one transaction.

    Return how many each has. Raises BackupError, DatabaseError.
    """
    with _patient(source_url) as source, _patient(target_url) as target:
        try:
            with (
                serving_alone(target),
                source.connect() as reading,
                target.execution_options(begins_to_write=True).begin() as writing,
            ):
                create_tables(writing)
                return copy_rows(reading, writing)
        except SQLAlchemyError as error:
            raise BackupError(
                f"The rows can't be copied into {name_of(target.url)} ({reason_of(error)}), so "
                "none were."
            ) from error


@contextlib.contextmanager
def _none_left(url: str) -> Iterator[None]:
    """Have a SQLite file that the block made go where it fails."""
    address = make_url(url)
    is_sqlite = address.get_backend_name() == "sqlite"
    file = Path(address.database) if is_sqlite and address.database else None
    is_new = file is not None and not file.exists()
    try:
        yield
    except BaseException:
        if file is not None and is_new:
            for end in ("", "-wal", "-shm"):
                file.with_name(f"{file.name}{end}").unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _patient(url: str) -> Iterator[Engine]:
    engine = create_engine(url, postgresql.UPGRADING)
    try:
        yield engine
    finally:
        engine.dispose()
