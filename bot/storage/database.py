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
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bot.core.errors import DatabaseError, StorageError
from bot.storage import postgresql
from bot.storage.migrate import BeforeUpgrade, migrate, unusable
from bot.storage.postgresql import Leader, LeadershipLostError, Patience
from bot.storage.scrubbing import rewrite_once, scrub
from bot.storage.troubles import CLOSED, first_line, hits_all, is_lost, storage_error
from generator.contract.extras import missing_extra

P = ParamSpec("P")
T = TypeVar("T")

_PRAGMAS = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # accepted means on disk, after a power cut as well
    # milliseconds; somebody may look in with the sqlite3 shell, but Discord waits 3 s in all
    "busy_timeout": "1500",
    "foreign_keys": "ON",
    "secure_delete": "ON",  # what is deleted is overwritten: people may ask for that
}
_TO_WRITE = {"begins_to_write": True}
_MAX_GROUP = 100
_AGAIN_WITHIN = 1.0  # seconds that a first try took, for a second one
_BEAT_SECONDS = 5.0
_READERS = 4  # threads
# Drivers for asyncio, which configs of earlier versions named, and what does their work in threads.
_DRIVERS = {
    "sqlite+aiosqlite": "sqlite",
    "postgresql+asyncpg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",  # for SQLAlchemy 2.0 it is another driver
}


QueryObserver = Callable[[str, float], None]
"""Told of each query: ``read`` or ``write``, and the seconds until its caller had the answer."""


@dataclass(frozen=True, slots=True)
class _Write:
    query: Callable[[Connection], Any]
    done: asyncio.Future[Any]


class Database:
    """An open database. Made by ``open_database``."""

    def __init__(self, engine: Engine, to_write: Engine) -> None:
        self._engine = engine
        self._to_write = to_write
        self._failure: asyncio.Future[DatabaseError] = asyncio.get_running_loop().create_future()
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

        def run(attempt: _Attempt) -> T:
            del attempt  # nothing is written, so it may always be tried again
            with self._engine.connect() as connection:
                return query(connection, *args, **kwargs)

        began = time.perf_counter()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._readers, _twice_at_most, run
            )
        except (SQLAlchemyError, OSError) as error:
            raise storage_error(error) from error
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

    async def watch(self) -> NoReturn:
        """Write nothing every few seconds, until this bot may not write any more.

        Raises DatabaseError then: another bot has taken over. That of a SQLite file never does.
        """
        is_alone = self._engine.dialect.name == "sqlite"  # as its directory's lock says
        while True:
            try:
                raise await asyncio.wait_for(
                    asyncio.shield(self._failure), None if is_alone else _BEAT_SECONDS
                )
            except TimeoutError:
                with suppress(StorageError):
                    await self.write(_do_nothing)

    async def scrub(self) -> bool:
        """Leave nothing of deleted rows in the database's files; return whether that was done.

        A SQLite file takes no writes meanwhile. Raises StorageError.
        """
        self._check_open()
        is_sqlite = self._engine.dialect.name == "sqlite"
        # a vacuum of PostgreSQL's keeps nobody from writing, and may take long
        runner = self._writer if is_sqlite else self._readers
        engine = self._engine if is_sqlite else _patient(self._engine)
        try:
            return await asyncio.get_running_loop().run_in_executor(runner, scrub, engine)
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise storage_error(error) from error
        finally:
            if engine is not self._engine:
                engine.dispose()

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
            raise StorageError(CLOSED)

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
            if (failure := self._failure_of_all(error)) is not None:
                for write in group:
                    _settle(write.done, error=failure)
                return failure
            if len(group) > 1:
                for write in group:
                    await self._commit([write])
                return None
            _settle(group[0].done, error=storage_error(error) if is_its_own else error)
        else:
            for write, result in zip(group, results, strict=True):
                _settle(write.done, result=result)
        return None

    def _failure_of_all(self, error: Exception) -> StorageError | None:
        """Return what everybody is told where an error would meet the next write as well."""
        if isinstance(error, LeadershipLostError):
            self._is_open = False
            _settle(self._failure, result=error)
            return StorageError(CLOSED)
        is_its_own = isinstance(error, SQLAlchemyError | OSError)
        return storage_error(error) if is_its_own and hits_all(error) else None

    async def _transaction(self, group: list[_Write]) -> list[Any]:
        def run(attempt: _Attempt) -> list[Any]:
            with self._to_write.connect() as connection, connection.begin() as transaction:
                results = [write.query(connection) for write in group]
                attempt.is_safe = False  # it may get through though its answer is lost
                transaction.commit()
            return results

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, _twice_at_most, run)


@dataclass(slots=True)
class _Attempt:
    """One try of a transaction; ``is_safe`` as long as nothing of it can have got through."""

    is_safe: bool = True


def _twice_at_most(run: Callable[[_Attempt], T]) -> T:
    """Run a transaction, once more where its connection was lost before anything came of it."""
    attempt, began = _Attempt(), time.monotonic()
    try:
        return run(attempt)
    except SQLAlchemyError as error:
        # one that fell silent would keep whoever waits from being told in time
        is_early = time.monotonic() - began < _AGAIN_WITHIN
        if not (is_lost(error) and attempt.is_safe and is_early):
            raise
    return run(_Attempt())


def _do_nothing(connection: Connection) -> None:
    connection.execute(select(1))


@asynccontextmanager
async def open_database(
    url: str, *, before_upgrade: BeforeUpgrade | None = None
) -> AsyncIterator[Database]:
    """Open the database at ``url``, migrated to this version. Raises DatabaseError.

    ``before_upgrade`` is called where there is something to migrate.
    """
    engine = create_engine(url)
    try:
        with serving_alone(engine) as to_write:
            before = await asyncio.to_thread(_migrate, engine, before_upgrade)
            await asyncio.to_thread(rewrite_once, engine, is_new=before is None)
            database = Database(engine, to_write)
            writer = asyncio.create_task(database.write_until_closed(), name="database writer")
            try:
                yield database
            finally:
                database.close()
                await writer
    finally:
        engine.dispose()


@contextmanager
def serving_alone(engine: Engine) -> Iterator[Engine]:
    """Yield the engine to write by. Raises DatabaseError where a bot serves the database already.

    PostgreSQL's has one connection, which holds a lock; a SQLite file is locked with its directory.
    """
    if engine.dialect.name == "sqlite":
        yield engine.execution_options(**_TO_WRITE)
        return
    leader = Leader(engine.url)
    to_write = create_engine(engine.url, postgresql.WRITING, leader)
    try:
        try:
            to_write.connect().close()
        except (SQLAlchemyError, OSError) as error:
            raise unusable(engine.url, error) from error
        yield to_write
    finally:
        to_write.dispose()


def _patient(engine: Engine) -> Engine:
    """Return an engine for what may take any time on PostgreSQL."""
    return create_engine(engine.url, postgresql.UPGRADING)


def _migrate(engine: Engine, before_upgrade: BeforeUpgrade | None) -> str | None:
    """Bring the database to this version, in as much time as that takes; see ``migrate``."""
    if engine.dialect.name == "sqlite":
        return migrate(engine, before_upgrade)
    patient = _patient(engine)
    try:
        return migrate(patient, before_upgrade)
    finally:
        patient.dispose()


def create_engine(
    address: str | URL, patience: Patience = postgresql.READING, leader: Leader | None = None
) -> Engine:
    """Return an engine with this project's settings. Raises DatabaseError for a bad address.

    ``patience`` and ``leader`` are PostgreSQL's; a leader's engine has one connection.
    """
    try:
        url = make_url(address)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        options: dict[str, Any] = {"hide_parameters": True}
        if url.get_backend_name() != "sqlite":
            options["pool_pre_ping"] = True
            options |= {"pool_size": 1, "max_overflow": 0} if leader else {"pool_size": _READERS}
        engine = sqlalchemy.create_engine(url, **options)
    except (ArgumentError, ImportError) as error:
        if missing := missing_extra(error):
            raise DatabaseError(f"storage.database_url: {missing}") from error
        raise DatabaseError(
            "storage.database_url isn't the address of a database that can be used here "
            f"({first_line(error)}); give one that begins with sqlite:/// or postgresql://."
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
    elif engine.dialect.name == "postgresql":
        postgresql.prepare(engine, patience, leader)
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
