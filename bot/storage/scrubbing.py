"""Takes what was deleted out of the database's own files, not only out of its tables.

SQLite overwrites what is deleted (``secure_delete``, set on every connection), so what is left of
it stands in the write-ahead log until that is emptied. A file that an earlier version wrote to
without is rewritten once. PostgreSQL is asked to vacuum; what its own log and backups keep is for
whoever runs it.
"""

from __future__ import annotations

import logging
import sqlite3
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.storage.tables import metadata

logger = logging.getLogger(__name__)

_CLEAN = 1  # SQLite's user_version of a file that only such connections wrote to
_TRIES, _PAUSE = 20, 0.1  # somebody may read from the log just then; seconds


def scrub(engine: Engine) -> bool:
    """Leave nothing of deleted rows; return whether that was done. Blocking."""
    if engine.dialect.name == "postgresql":
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM {names}")
        return True
    return engine.dialect.name != "sqlite" or _empty_log(engine)


def _empty_log(engine: Engine) -> bool:
    for _ in range(_TRIES):
        busy, _, _ = _run(engine, "PRAGMA wal_checkpoint(TRUNCATE)")
        if not busy:
            return True
        time.sleep(_PAUSE)
    logger.warning("the database's log is in use, so it is emptied later")
    return False


def rewrite_once(engine: Engine, *, is_new: bool) -> None:
    """Rewrite a SQLite file that may hold remains of rows deleted by an earlier version.

    Where that fails, the bot runs all the same, and the next start tries again. Blocking.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        (version,) = _run(engine, "PRAGMA user_version")
        if version >= _CLEAN:
            return
        if not is_new:
            logger.info("rewriting the database, so that nothing deleted is left in its file")
            _run(engine, "VACUUM")
            _empty_log(engine)
        _run(engine, f"PRAGMA user_version = {_CLEAN}")
    except (SQLAlchemyError, sqlite3.Error) as error:  # what goes past SQLAlchemy is the driver's
        logger.warning("the database couldn't be rewritten: %s", str(error).splitlines()[0])


def _run(engine: Engine, statement: str) -> tuple[int, ...]:
    """Run a statement outside of any transaction; return its first row."""
    with engine.connect() as connection:
        cursor = connection.connection.cursor()  # SQLAlchemy would begin a transaction
        try:
            cursor.execute(statement)
            return tuple(cursor.fetchone() or ())
        finally:
            cursor.close()
