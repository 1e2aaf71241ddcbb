"""A PostgreSQL cluster of a test's own: started on a socket, and stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.patience import PATIENCE
from tests.programs import need_program

_OWNER = "postgres"  # the server refuses to run as root


@contextmanager
def cluster() -> Iterator[str]:
    """The address of an empty database. Skips where PostgreSQL isn't installed."""
    initdb, pg_ctl = need_program("initdb"), need_program("pg_ctl")
    # not below pytest's own directories: those are closed to the server's user, and a socket's
    # path may have no more than 107 characters
    with TemporaryDirectory(prefix="hotshot-pg-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        if os.getuid() == 0:
            shutil.chown(directory, _OWNER, _OWNER)
        data = directory / "data"
        _run(initdb, "-D", data, "-U", "hotshot", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = f"-k {directory} -c listen_addresses='' -c fsync=off"
        timeout = ("-t", str(int(PATIENCE)))
        _run(pg_ctl, "-D", data, "-w", *timeout, "-o", options, "-l", directory / "log", "start")
        try:
            yield f"postgresql+psycopg://hotshot@/postgres?host={directory}"
        finally:
            _run(pg_ctl, "-D", data, *timeout, "-m", "immediate", "stop")


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
