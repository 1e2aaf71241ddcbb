"""What PostgreSQL needs beside what SQLAlchemy does: limits to all waits, and one bot alone.

All writes of a bot go through one connection, and that connection holds an advisory lock from the
moment when it is opened. So no write ever comes from a bot that isn't alone: where the connection
is lost, the next one has to take the lock first, and where another bot has it by then, this one
stops.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from bot.core.errors import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

logger = logging.getLogger(__name__)

_CONNECT_SECONDS = 2  # the least that libpq takes
_LOCK_KEY = 0x686F7473  # "hots"; the other half of the key is the schema's
_SCHEMA_KEY = "hashtext(coalesce(current_schema(), '')) & 2147483647"
_TAKE = f"SELECT pg_try_advisory_lock({_LOCK_KEY}, {_SCHEMA_KEY})"
_WHO_AM_I = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_WHO_HAS_IT = f"""
    SELECT pid, backend_start, coalesce(host(client_addr), 'this machine')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = {_LOCK_KEY}
    AND objid = ({_SCHEMA_KEY})::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - constants of this file
_END = "SELECT pg_terminate_backend(%s)"
_TRIES, _TRY_AGAIN_SECONDS = 20, 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a statement may take by the server's clock, 0 for any time; how long it may wait for
    another's lock; and how long the server may say nothing by our clock. In seconds.
    """

    statement: float
    lock: float
    silence: float


READING = Patience(statement=10.0, lock=1.5, silence=12.0)
WRITING = Patience(statement=2.0, lock=1.5, silence=2.5)  # Discord waits 3 s in all
UPGRADING = Patience(
    statement=0.0, lock=30.0, silence=3600.0
)  # an index on a large table takes its time


class LeadershipLostError(DatabaseError):
    """Another bot has taken over the database that this one served."""


class Leader:
    """Takes the lock for each connection that the writer opens, one after another."""

    def __init__(self, url: URL) -> None:
        self._name = url.render_as_string(hide_password=True)
        self._mine: Any = None  # the server's process and its start, of the last that had the lock

    def take(self, connection: Connection[Any]) -> None:
        """Take the lock for a new connection.

        Raises DatabaseError where another bot has it; LeadershipLostError where it was ours before.
        """
        holder = None
        for _ in range(_TRIES):
            if _one(connection, _TAKE)[0]:
                self._mine = _one(connection, _WHO_AM_I)
                return
            holder = connection.execute(_WHO_HAS_IT).fetchone() or holder
            if holder is not None and self._mine is not None:
                if holder[:2] != self._mine:
                    break
                # our last connection, which the server hasn't seen end yet
                connection.execute(_END, (holder[0],))
            time.sleep(_TRY_AGAIN_SECONDS)  # at a start, one that was killed may not have ended yet
        raise self._taken(*(holder or ("unknown", None, "unknown")))

    def _taken(self, process: object, _began: object, place: object) -> DatabaseError:
        if self._mine is None:
            return DatabaseError(
                f"Another bot (the server's process {process}, connected from {place}) already "
                f"uses the database {self._name}; stop it, or name another with "
                "storage.database_url."
            )
        return LeadershipLostError(
            f"Another bot (the server's process {process}, connected from {place}) has taken over "
            f"the database {self._name} while the connection was lost; this one stops, so that "
            "nothing is made or posted twice."
        )


def prepare(engine: Engine, patience: Patience, leader: Leader | None = None) -> None:
    """Have the engine's connections keep to these limits, and hold the lock of ``leader``."""
    from bot.storage.watched_connection import SilenceWatch, watched_class

    watch = SilenceWatch(patience.silence)
    connection_class = watched_class(watch)
    name = engine.url.render_as_string(hide_password=True)

    def connect(_dialect: object, _record: object, args: Any, values: Any) -> Any:
        values.setdefault("connect_timeout", _CONNECT_SECONDS)
        connection = connection_class.connect(*args, **values)
        try:
            _check_encoding(connection, name)
            connection.autocommit = True
            connection.execute(*_settings(patience))
            if leader is not None:
                leader.take(connection)
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "engine_disposed", lambda _engine: watch.stop())


def _check_encoding(connection: Connection[Any], name: str) -> None:
    """Raise DatabaseError where a database can't keep what people write in any language."""
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseError(
            f"The database {name} is in the encoding {encoding}, which can't keep all that people "
            "write; make one with `createdb --encoding=UTF8 --template=template0 NAME`, and name "
            "it in storage.database_url."
        )


def _settings(patience: Patience) -> tuple[str, list[str]]:
    """Return the query that sets the session up, and its values."""
    wanted: Mapping[str, str] = {
        "statement_timeout": f"{patience.statement * 1000:.0f}",
        "lock_timeout": f"{patience.lock * 1000:.0f}",
        "idle_in_transaction_session_timeout": "60000" if patience.statement else "0",
        # by these the server soon sees that a bot's machine is gone, and frees its lock
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "client_encoding": "UTF8",  # whatever PGCLIENTENCODING or the database says
    }
    calls = ", ".join("set_config(%s, %s, false)" for _ in wanted)
    return f"SELECT {calls}", [word for pair in wanted.items() for word in pair]


def _one(connection: Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return (None,) if row is None else row
