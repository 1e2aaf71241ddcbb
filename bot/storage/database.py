"""The database: engine, pragmas, one writer that commits in groups.

Queries are plain functions of a connection (``bot.storage.jobs``); ``read`` and ``write`` run them.
All writes go through one task: what comes in while a commit is under way is done in the next single
transaction, so fifty commands at once cost a commit or two, and SQLite's one-writer rule never
turns into "database is locked". ``write`` returns once its commit is on disk.

Threads, not SQLAlchemy's asyncio: a whole transaction is one trip to a thread, where the asyncio
drivers make a trip for every cursor. On busy cores each trip waits for its turn.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from bot.core.errors import DatabaseError, StorageError
from bot.storage.migrate import migrate
from generator.contract.extras import missing_extra
from generator.contract.text import Text

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # accepted means on disk, after a power cut as well
    # milliseconds; somebody may look in with the sqlite3 shell, but Discord waits 3 s in all
    "busy_timeout": "1500",
    "foreign_keys": "ON",
}
_TO_WRITE = {"begins_to_write": True}
_MAX_GROUP = 100
# What a person who wanted a GIF is told.
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
# By SQLite's primary result codes and PostgreSQL's SQLSTATEs: what would meet the next query, too.
_TROUBLES: dict[int | str, Text] = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_FULL: _DISK_FULL,
    sqlite3.SQLITE_IOERR: _DISK_FAILS,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    "53100": _DISK_FULL,
    "58030": _DISK_FAILS,
    "25006": _READ_ONLY,
    "XX001": _DAMAGED,
}
_PRIMARY_CODE = 0xFF  # the rest of SQLite's extended codes tells where it was met
_UNKNOWN = Text(
    "The bot's database can't be used at the moment, so nothing was accepted; please try again "
    "later, and tell whoever runs the bot."
)
_CLOSED = Text("The bot is being restarted.")
_READERS = 4  # threads
# Drivers for asyncio, which configs of earlier versions named, and what does their work in threads.
_DRIVERS = {"sqlite+aiosqlite": "sqlite", "postgresql+asyncpg": "postgresql+psycopg"}


QueryObserver = Callable[[str, float], None]
"""Told of each query: ``read`` or ``write``, and the seconds until its caller had the answer."""


@dataclass(frozen=True, slots=True)
class _Write:
    query: Callable[[Connection], Any]
    done: asyncio.Future[Any]


class Database:
    """An open database. Made by ``open_database``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._to_write = engine.execution_options(**_TO_WRITE)
        self._writes: asyncio.Queue[_Write | None] = asyncio.Queue()
        self._is_open = True
        self._observe: QueryObserver = _no_observer
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="database reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="database writer")

    def set_observer(self, observer: QueryObserver) -> None:
        """Have ``observer`` called in the event loop after each query, whatever came of it."""
        self._observe = observer

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``query`` on a connection of its own. Raises StorageError."""
        self._check_open()

        def run() -> T:
            with self._engine.connect() as connection:
                return query(connection, *args, **kwargs)

        began = time.perf_counter()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, run)
        except (SQLAlchemyError, OSError) as error:
            raise _storage_error(error) from error
        finally:
            self._observe("read", time.perf_counter() - began)

    async def write(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``query`` in a transaction; return once it is on disk. Raises StorageError.

        ``query`` may run twice, the first time rolled back, so it must do nothing but query.
        """
        self._check_open()  # nobody would ever write it
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writes.put_nowait(_Write(_bind(query, *args, **kwargs), done))
        began = time.perf_counter()
        try:
            return await done
        finally:
            self._observe("write", time.perf_counter() - began)

    async def write_until_closed(self) -> None:
        """Write in groups; end when ``close`` was called and all is written."""
        is_open = True
        while is_open:
            group, is_open = await self._next_group()
            failure = await self._commit(group)
            if failure is not None:
                is_open &= self._refuse_waiting(failure)
        self._readers.shutdown(wait=False)
        self._writer.shutdown(wait=False)

    def close(self) -> None:
        """Take no more writes after those that wait already."""
        self._is_open = False
        self._writes.put_nowait(None)

    def _check_open(self) -> None:
        if not self._is_open:
            raise StorageError(_CLOSED)

    async def _next_group(self) -> tuple[list[_Write], bool]:
        """Return what waits, once there is something; False where nothing comes after it."""
        first = await self._writes.get()
        if first is None:
            return [], False
        group = [first]
        while len(group) < _MAX_GROUP and not self._writes.empty():
            following = self._writes.get_nowait()
            if following is None:
                return group, False
            group.append(following)
        return group, True

    def _refuse_waiting(self, failure: StorageError) -> bool:
        """Refuse whoever waited behind a write that failed for all: Discord bears no longer wait.

        False where ``close`` was called meanwhile.
        """
        while not self._writes.empty():
            waiting = self._writes.get_nowait()
            if waiting is None:
                return False
            _settle(waiting.done, error=failure)
        return True

    async def _commit(self, group: list[_Write]) -> StorageError | None:
        """Commit one transaction for all; where one of them fails, one for each.

        Returns the error where it is the database's own, which would meet the next ones as well.
        """
        if not group:
            return None
        try:
            results = await self._transaction(group)
        except Exception as error:  # noqa: BLE001 - a bug in one query belongs to its caller alone
            is_its_own = isinstance(error, SQLAlchemyError | OSError)
            if is_its_own and _hits_all(error):
                failure = _storage_error(error)
                for write in group:
                    _settle(write.done, error=failure)
                return failure
            if len(group) > 1:
                for write in group:
                    await self._commit([write])
                return None
            _settle(group[0].done, error=_storage_error(error) if is_its_own else error)
        else:
            for write, result in zip(group, results, strict=True):
                _settle(write.done, result=result)
        return None

    async def _transaction(self, group: list[_Write]) -> list[Any]:
        def run() -> list[Any]:
            with self._to_write.begin() as connection:
                return [write.query(connection) for write in group]

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Open the database at ``url``, migrated to this version. Raises DatabaseError."""
    engine = create_engine(url)
    try:
        await asyncio.to_thread(migrate, engine)
        database = Database(engine)
        writer = asyncio.create_task(database.write_until_closed(), name="database writer")
        try:
            yield database
        finally:
            database.close()
            await writer
    finally:
        engine.dispose()


def create_engine(address: str | URL) -> Engine:
    """Return an engine with this project's settings. Raises DatabaseError for a bad address."""
    try:
        url = make_url(address)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        engine = sqlalchemy.create_engine(url, hide_parameters=True)
    except (ArgumentError, ImportError) as error:
        if missing := missing_extra(error):
            raise DatabaseError(f"storage.database_url: {missing}") from error
        raise DatabaseError(
            "storage.database_url is no address of a database that can be used here "
            f"({_first_line(error)}); give one that begins with sqlite:/// or postgresql://."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
    return engine


def _no_observer(kind: str, seconds: float) -> None:
    """Look at no query."""


def _bind(
    query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[Connection], T]:
    return lambda connection: query(connection, *args, **kwargs)


def _set_up(connection: Any, record: Any) -> None:
    """Set pragmas; else the driver begins transactions itself, never around a migration's DDL."""
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for name, value in _PRAGMAS.items():
        cursor.execute(f"PRAGMA {name}={value}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin a transaction; a writer takes its lock at once: later, it can't be waited for."""
    writes = connection.get_execution_options().get("begins_to_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _settle(
    done: asyncio.Future[Any], *, result: Any = None, error: Exception | None = None
) -> None:
    """Answer whoever waits; they may have been cancelled meanwhile."""
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)


def _hits_all(error: Exception) -> bool:
    """Return whether an error is the database's trouble and not one query's."""
    return _code(error) in _TROUBLES


def _storage_error(error: Exception) -> StorageError:
    logger.error("the database failed: %s", _first_line(error))
    return StorageError(_TROUBLES.get(_code(error), _UNKNOWN))


def _code(error: Exception) -> int | str:
    """Return what the driver says went wrong; "" where it doesn't."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error):
        code: int = getattr(cause, "sqlite_errorcode", 0)  # those of the driver's own have none
        return code & _PRIMARY_CODE
    return getattr(cause, "sqlstate", None) or ""  # as psycopg calls it


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
