"""What a database's errors mean: the sentence for whoever wanted a GIF, and whom they hit."""

from __future__ import annotations

import logging
import sqlite3

from sqlalchemy.exc import DBAPIError

from bot.core.errors import StorageError
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_LOCKED = Text(
    "The bot's database is in use by another program, so nothing was accepted; please try "
    "again in a moment."
)
_DISK_FULL = Text(
    "The bot's disk is full, so nothing was accepted; please tell whoever runs the bot to make "
    "room."
)
_DISK_FAILS = Text(
    "The bot's disk is failing, so nothing was accepted; please tell whoever runs the bot."
)
_READ_ONLY = Text(
    "The bot's database can't be written to, so nothing was accepted; please tell whoever runs "
    "the bot."
)
_DAMAGED = Text(
    "The bot's database is damaged, so nothing was accepted; please tell whoever runs the bot "
    "to stop it and to run `hotshot-bot doctor`."
)
_SILENT = Text(
    "The bot's database doesn't answer at the moment, so nothing was accepted; please try again "
    "in a moment."
)
# By SQLite's primary result codes and PostgreSQL's SQLSTATEs: what would meet the next query, too.
_TROUBLES: dict[int | str, Text] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR: _DISK_FAILS,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    "53100": _DISK_FULL,
    "53300": _SILENT,  # it has too many connections
    "55P03": _LOCKED,
    "57014": _SILENT,  # a statement took too long
    "58030": _DISK_FAILS,
    "25006": _READ_ONLY,
    "XX001": _DAMAGED,
}
_PRIMARY_CODE = 0xFF  # the rest of SQLite's extended codes tells where it was met
_UNKNOWN = Text(
    "The bot's database can't be used at the moment, so nothing was accepted; please try again "
    "later, and tell whoever runs the bot."
)
CLOSED = Text("The bot is being restarted.")


def hits_all(error: Exception) -> bool:
    """Return whether an error is the database's trouble and not one query's."""
    return is_lost(error) or _code(error) in _TROUBLES


def is_lost(error: Exception) -> bool:
    """Return whether there is no connection to the database, or no longer.

    A file that can't be opened is none of that: SQLite's own codes say more.
    """
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    # one that can't be made, or is lost at the commit, has no statement
    return error.connection_invalidated or error.statement is None


def storage_error(error: Exception) -> StorageError:
    """Return what is said of a database's error, which is logged."""
    logger.error("the database failed: %s", first_line(error))
    unknown = _SILENT if is_lost(error) else _UNKNOWN
    return StorageError(_TROUBLES.get(_code(error), unknown))


def first_line(error: Exception) -> str:
    """Return an error's first line, without its full stop; its type where it says nothing."""
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _code(error: Exception) -> int | str:
    """Return what the driver says went wrong; "" where it doesn't."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code: int = getattr(cause, "sqlite_errorcode", 0)  # those of the driver's own have none
        return code & _PRIMARY_CODE
    return getattr(cause, "sqlstate", None) or ""  # as psycopg calls it
