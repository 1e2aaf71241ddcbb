"""Programs that tests need: found, or skipped with the line that installs them, or a failure."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs
from tests.programs import PROGRAMS, Program, find_program, missing_packages, need_program

ROOT = Path(__file__).parents[1]
ABSENT = Program("no-such-program", "no-such-package", "nothing")


@pytest.fixture
def with_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PROGRAMS", (*PROGRAMS, ABSENT))


def make_program(directory: Path, name: str) -> Path:
    directory.mkdir(parents=True)
    program = directory / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.mark.usefixtures("with_absent")
@pytest.mark.parametrize("value", [None, "", "0"])
def test_a_missing_program_skips_the_test_with_the_line_that_installs_it(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv(programs.REQUIRE, raising=False)
    else:
        monkeypatch.setenv(programs.REQUIRE, value)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-such-package"):
        need_program("no-such-program")


@pytest.mark.usefixtures("with_absent")
def test_where_programs_are_required_a_missing_one_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(programs.REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install no-such-package"):
        need_program("no-such-program")


def test_a_program_on_the_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_program(tmp_path / "bin", "gifsicle")
    monkeypatch.setenv("PATH", str(made.parent))
    assert need_program("gifsicle") == made


def test_of_several_versions_off_the_path_the_newest_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9.6", "15", "14"):
        make_program(tmp_path / "postgresql" / version / "bin", "some-server")
    pattern = str((tmp_path / "postgresql/*/bin").relative_to("/"))
    server = Program("some-server", "some-package", "a test", elsewhere=pattern)
    monkeypatch.setattr(programs, "PROGRAMS", (server,))
    found = find_program("some-server")
    assert found is not None
    assert found.parent.parent.name == "15"


def test_a_program_that_is_not_listed_is_a_mistake_in_the_test() -> None:
    with pytest.raises(ValueError, match=r"tests/programs\.py"):
        need_program("emacs")


def test_a_package_is_named_once_however_many_of_its_programs_are_missing() -> None:
    other = Program("another-program", ABSENT.package, "nothing")
    assert missing_packages([ABSENT, other]) == [ABSENT.package]


def test_the_list_is_printed_by_any_python_without_the_environment() -> None:
    printed = subprocess.run(
        [sys.executable, "-S", "-m", "tests.programs"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert printed == missing_packages()
