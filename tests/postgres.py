"""PostgreSQL for tests: one server a process, started when it is first asked for, on a socket.

Each test gets an empty database of its own in it. The server runs as a user who isn't root.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy.engine import make_url

from tests.patience import PATIENCE
from tests.programs import need_program

_OWNER = "postgres"  # the server refuses to run as root
_numbers = itertools.count(1)
_running = ExitStack()


def stop_server() -> None:
    """Stop this process's server, if any; ``tests/conftest.py`` does at the end."""
    _running.close()


@contextmanager
def cluster(*, is_durable: bool = False) -> Iterator[str]:
    """The address of an empty database. Skips where PostgreSQL isn't installed.

    One that ``is_durable`` waits for the disk, as people's own do.
    """
    directory = _server(
        need_program("initdb"), need_program("pg_ctl"), "on" if is_durable else "off"
    )
    name = f"test{next(_numbers)}"
    address = f"postgresql+psycopg://hotshot@/{name}?host={directory}"
    _execute(directory, f"CREATE DATABASE {name}")
    try:
        yield address
    finally:
        _execute(directory, f"DROP DATABASE {name} WITH (FORCE)")


def connect(address: str) -> psycopg.Connection[tuple[object, ...]]:
    """Look into a database from outside; each statement is its own transaction."""
    url = make_url(address)
    return psycopg.connect(
        host=str(socket_of(address).parent), dbname=url.database, user="hotshot", autocommit=True
    )


def socket_of(address: str) -> Path:
    """The socket that the server of a database listens on."""
    return Path(str(make_url(address).query["host"])) / ".s.PGSQL.5432"


def _execute(directory: Path, statement: str) -> None:
    with psycopg.connect(
        host=str(directory), dbname="postgres", user="hotshot", autocommit=True
    ) as connection:
        connection.execute(statement.encode())


@cache
def _server(initdb: Path, pg_ctl: Path, fsync: str) -> Path:
    """Start the server of this process; return the directory of its socket."""
    # not below pytest's own directories: those are closed to the server's user, and a socket's
    # path may have no more than 107 characters
    made = TemporaryDirectory(prefix="hotshot-pg-", ignore_cleanup_errors=True)
    directory = Path(_running.enter_context(made))
    if os.getuid() == 0:
        shutil.chown(directory, _OWNER, _OWNER)
    data = directory / "data"
    _run(initdb, "-D", data, "-U", "hotshot", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-k {directory} -c listen_addresses='' -c fsync={fsync} -c shared_buffers=16MB"
    timeout = ("-t", str(int(PATIENCE)))
    _run(pg_ctl, "-D", data, "-w", *timeout, "-o", options, "-l", directory / "log", "start")
    _running.callback(_run, pg_ctl, "-D", data, *timeout, "-m", "immediate", "stop")
    return directory


def _run(*command: str | Path) -> None:
    owner = pwd.getpwnam(_OWNER) if os.getuid() == 0 else None
    done = subprocess.run(
        list(map(str, command)),
        user=owner and owner.pw_uid,
        group=owner and owner.pw_gid,
        extra_groups=[] if owner else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
