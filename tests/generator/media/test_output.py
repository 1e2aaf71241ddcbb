"""Where files may go, and that they come whole or not at all."""

from __future__ import annotations

import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from generator.contract.errors import MediaError
from generator.media.clip import Clip
from generator.media.output import SUFFIXES, check_output, write_whole
from generator.media.save import save
from tests.generator.media.pictures import moving_ball, read_back


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".GIF"])
def test_every_known_extension_is_written_and_nothing_else(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"ball{suffix}"
    check_output(path)
    assert list(tmp_path.iterdir()) == []
    save(Clip(moving_ball(2, 32, 32), 500), path)
    assert list(tmp_path.iterdir()) == [path]
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ball.bmp", "must be one of .gif, .webp, .mp4, .png, .jpg"),
        ("ball", "must be one of"),
        ("", "must be one of"),
        ("missing/ball.gif", "There is no directory"),
        ("file.gif/ball.gif", "There is no directory"),
        ("directory.gif", "is a directory"),
        (f"{'x' * 300}.gif", "can't be written"),
        ("/proc/ball.gif", "/proc/ball.gif can't be written"),
    ],
)
def test_what_cannot_be_written_is_said_beforehand(
    name: str, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / "directory.gif").mkdir()
    (tmp_path / "file.gif").touch()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(MediaError) as caught:
        check_output(tmp_path / name)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "ball.gif"
    path.write_bytes(b"old")
    with files_no_larger_than(1000), pytest.raises(MediaError, match="file too large"):
        write_whole(path, b"x" * 2000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ball.png"
    path.write_bytes(b"old")
    frames = moving_ball(2, 32, 32)
    save(Clip(frames, 500), path)
    assert len(read_back(path.read_bytes()).frames) == 2


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As a full disk would: the system itself refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
