"""The first make: what stops it is one sentence and exit code 2, and nothing half made is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the script looks at, of a fresh clone."""
    clone = tmp_path / "clone"
    (clone / "tools").mkdir(parents=True)
    for name in ("tools/environment.sh", "Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, clone / name)
    return clone


def refused(clone: Path, python: str = sys.executable, **variables: str) -> str:
    """The sentence that it ends with."""
    done = subprocess.run(
        ["sh", "tools/environment.sh", python],
        cwd=clone,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2, done
    assert not (clone / ".venv").exists()
    assert not (clone / "out" / "environment.lock").exists()
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("The environment .venv can't be made: ")
    return sentence


def fake_program(directory: Path, name: str, body: str) -> Path:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_a_python_that_is_too_old(copy: Path, tmp_path: Path) -> None:
    body = 'case "$2" in *print*) echo 3.9;; *"< (3, 11)"*) exit 1;; esac'
    old = fake_program(tmp_path, "python3.9", body)
    assert f"{old} is Python 3.9, and 3.11 or newer is needed" in refused(copy, str(old))


def test_no_python_at_all(copy: Path) -> None:
    assert "there is no /no/such/python3 here" in refused(copy, "/no/such/python3")


def test_a_python_without_venv(copy: Path, tmp_path: Path) -> None:
    body = 'case "$2" in *print*) echo 3.12;; *venv*) exit 1;; esac'
    bare = fake_program(tmp_path, "python3.12", body)
    assert "apt install python3.12-venv" in refused(copy, str(bare))


def test_a_full_disk(copy: Path, tmp_path: Path) -> None:
    fake_program(tmp_path, "df", "printf 'Filesystem a b c\\ntmpfs 20 0 20 0%% /\\n'")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert "has 20 MB left, and 2500 are needed" in refused(copy, PATH=path)


def test_a_directory_that_can_not_be_written(copy: Path) -> None:
    (copy / "out").write_text("in the way", encoding="utf-8")
    (copy / "out").rename(copy / "out.txt")
    (copy / "out").symlink_to("/proc/nowhere")
    assert "can't be written" in refused(copy)


def test_another_make_at_the_same_time(copy: Path) -> None:
    (copy / "out").mkdir()
    lock = copy / "out" / "environment.lock"
    lock.write_text(str(os.getpid()), encoding="utf-8")
    done = subprocess.run(
        ["sh", "tools/environment.sh", sys.executable],
        cwd=copy,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 2
    assert f"another make (process {os.getpid()})" in done.stderr
    assert lock.exists()


def test_no_network(copy: Path, tmp_path: Path) -> None:
    """As pip tells it; the venv is made, and taken away again."""
    words = "ERROR: NewConnectionError('<...>: Failed to establish a new connection')"
    venv = fake_program(
        tmp_path,
        "python3",
        'if [ "$2" = venv ]; then mkdir -p .venv/bin; cp "$0" .venv/bin/python; exit; fi\n'
        f'if [ "$2" = pip ]; then echo "{words}"; exit 1; fi\n'
        'case "$2" in *print*) echo 3.12;; esac',
    )
    assert "the package index can't be reached" in refused(copy, str(venv))
