"""Kernels on disk: what isn't whole is never found again, whatever left it so."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from generator.model.fused.kernel_files import KernelFiles

NAMES = ("ab/kernel.so", "fxgraph/cd/graph", "triton/ef/kernel.cubin")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Kernels that a process has made and kept; the process has ended."""
    files = KernelFiles.open(tmp_path / "kernels")
    for name in NAMES:
        write(files.directory / name, b"made by a compiler")
    files.keep()
    files.close()
    return files.directory


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def there(directory: Path) -> set[str]:
    found = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    return found - {"whole.json"}


def reopen(directory: Path) -> None:
    KernelFiles.open(directory).close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path, 5),
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(b"made by a c0mpiler"),
    ],
    ids=("cut off", "emptied", "a bit"),
)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_damaged_is_thrown_away_with_one_line(
    directory: Path,
    name: str,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    damage(directory / name)
    reopen(directory)
    assert there(directory) == set()
    assert [one.levelno for one in caplog.records] == [logging.WARNING]
    assert Path(name).name in caplog.messages[0]
    reopen(directory)
    assert len(caplog.messages) == 1


def test_what_is_whole_stays(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    reopen(directory)
    assert there(directory) == set(NAMES)
    assert not caplog.messages


def test_what_a_killed_compiler_left_is_made_anew(directory: Path) -> None:
    write(directory / "gh/half.so", b"mad")
    reopen(directory)
    assert there(directory) == set(NAMES)


@pytest.mark.parametrize("content", [b"", b'{"ab/ker', b"[]", b"\xff"])
def test_a_damaged_list_names_nothing(directory: Path, content: bytes) -> None:
    (directory / "whole.json").write_bytes(content)
    reopen(directory)
    assert there(directory) == set()


def test_what_another_process_uses_is_left_alone(directory: Path) -> None:
    first = KernelFiles.open(directory)
    write(directory / "gh/being_made.so", b"mad")
    second = KernelFiles.open(directory)
    assert there(directory) == {*NAMES, "gh/being_made.so"}
    second.close()
    write(directory / "gh/being_made.so", b"made by a compiler")
    first.keep()
    first.close()
    reopen(directory)
    assert there(directory) == {*NAMES, "gh/being_made.so"}
