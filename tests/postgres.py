"""A PostgreSQL cluster of a test's own: started in a directory, on a socket there, and stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.programs import need_program

_OWNER = "postgres"  # the server refuses to run as root


@contextmanager
def cluster(directory: Path) -> Iterator[str]:
    """The address of an empty database. Skips where PostgreSQL isn't installed."""
    initdb, pg_ctl = need_program("initdb"), need_program("pg_ctl")
    directory.mkdir()
    if os.getuid() == 0:
        for parent in (directory, *directory.parents[:3]):
            parent.chmod(0o755)
        shutil.chown(directory, _OWNER, _OWNER)
    data = directory / "data"
    _run(initdb, "-D", data, "-U", "hotshot", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-k {directory} -c listen_addresses='' -c fsync=off"
    _run(pg_ctl, "-D", data, "-w", "-o", options, "-l", directory / "log", "start")
    try:
        yield f"postgresql+psycopg://hotshot@/postgres?host={directory}"
    finally:
        _run(pg_ctl, "-D", data, "-m", "immediate", "stop")


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
