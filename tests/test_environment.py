"""The first make: what stops it is one sentence and exit code 2, and nothing half made is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the script looks at, of a fresh clone."""
    clone = tmp_path / "clone"
    (clone / "tools").mkdir(parents=True)
    for name in ("tools/environment.sh", "Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, clone / name)
    return clone


def run(clone: Path, python: str = sys.executable, **variables: str) -> Ended:
    return subprocess.run(
        ["sh", "tools/environment.sh", python, "generator"],
        cwd=clone,
        env={**os.environ, **variables},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def refusal(done: Ended) -> str:
    """The one sentence that it ended with."""
    assert done.returncode == 2, done
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("The environment .venv can't be made: ")
    return sentence


def refused(clone: Path, python: str = sys.executable, **variables: str) -> str:
    """The sentence that it ends with, having made nothing."""
    sentence = refusal(run(clone, python, **variables))
    assert not (clone / ".venv").exists()
    assert not (clone / "out" / "environment.lock").exists()
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
    (copy / "out").symlink_to("/proc/nowhere")
    assert "/out can't be written" in refused(copy)


def test_a_log_that_can_not_be_written(copy: Path) -> None:
    (copy / "out" / "environment.log").mkdir(parents=True)
    assert "/out can't be written" in refused(copy)


def test_a_file_where_the_environment_goes(copy: Path) -> None:
    for name in ("out", ".venv"):
        in_the_way = copy / name
        in_the_way.write_text("somebody's", encoding="utf-8")
        assert f"/{name} is a file" in refusal(run(copy))
        assert in_the_way.read_text(encoding="utf-8") == "somebody's"
        in_the_way.unlink()


def test_an_environment_that_was_only_begun_is_made_from_nothing(
    copy: Path, tmp_path: Path
) -> None:
    (copy / ".venv" / "bin").mkdir(parents=True)
    (copy / ".venv" / "bin" / "python").touch()
    asked = tmp_path / "asked"
    venv = fake_program(
        tmp_path,
        "python3",
        f'if [ "$2" = venv ]; then echo "$@" > "{asked}"; exit 1; fi\n'
        'case "$2" in *print*) echo 3.12;; esac',
    )
    assert run(copy, str(venv)).returncode == 2
    assert asked.read_text(encoding="utf-8") == "-m venv --clear .venv\n"


def dry_run(clone: Path, target: str) -> str:
    return subprocess.check_output(["make", "--dry-run", target], cwd=clone, encoding="utf-8")


def environment_in(clone: Path, program: str, *markers: str) -> None:
    programs = clone / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(program)
    for name in markers:
        (clone / ".venv" / name).touch()


@pytest.mark.parametrize("is_gone", [True, False])
def test_make_sees_that_the_environment_s_python_is_gone(copy: Path, *, is_gone: bool) -> None:
    environment_in(copy, "/no/such/python" if is_gone else "/bin/true", "ready-generator")
    assert ("environment.sh" in dry_run(copy, "demo")) == is_gone


def test_the_demo_installs_the_generator_and_the_tests_what_they_need_beside_it(copy: Path) -> None:
    assert '/environment.sh "python3" generator\n' in dry_run(copy, "demo")
    environment_in(copy, "/bin/true", "ready-generator")
    assert "environment.sh" not in dry_run(copy, "demo")
    for target in ("test", "lint", "bench", "release"):
        assert '/environment.sh "python3" dev\n' in dry_run(copy, target)


def test_where_the_tests_ran_the_demo_installs_nothing(copy: Path) -> None:
    environment_in(copy, "/bin/true")
    quiet = fake_program(
        copy,
        "python3",
        f'if [ "$2" = venv ]; then ln -sf "{copy}/python3" .venv/bin/python; exit; fi\n'
        f'echo "$@" >> "{copy}/asked"',
    )
    command = ["sh", "tools/environment.sh", str(quiet), "dev"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    assert "--editable .[dev]\n" in (copy / "asked").read_text(encoding="utf-8")
    assert (copy / ".venv" / "ready").exists()
    assert "environment.sh" not in dry_run(copy, "demo") + dry_run(copy, "test")


def test_another_make_at_the_same_time(copy: Path) -> None:
    (copy / "out").mkdir()
    lock = copy / "out" / "environment.lock"
    lock.write_text(str(os.getpid()), encoding="utf-8")
    log = copy / "out" / "environment.log"
    log.write_text("the first one's", encoding="utf-8")
    assert f"another make (process {os.getpid()})" in refusal(run(copy))
    assert lock.exists()
    assert log.read_text(encoding="utf-8") == "the first one's"


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
