"""Files that are written gently, and read back from the disk before anybody relies on them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from bot.core.errors import BackupError

CHUNK = 1 << 20
# Bytes. Whoever waits for the disk meanwhile, as the bot does with each write, waits for as much:
# with eight times as much it waited three times as long.
SYNC_EVERY = 1 << 20
_OWNERS_ONLY = 0o600  # rows hold tokens and what people wrote


class GentleFile:
    """A new file for its owner alone.

    What is written goes to the disk bit by bit: a long file that is forced out at its end would
    keep the bot's own writes waiting for seconds.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS_ONLY)
        self._opened = os.fdopen(descriptor, "wb", buffering=0)
        self._unsynced = 0
        self._written = 0

    def write(self, data: bytes) -> int:
        """Write all of ``data``."""
        rest = memoryview(data)
        while rest:
            rest = rest[self._opened.write(rest) or 0 :]
        self._written += len(data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_EVERY:
            sync_data(self._opened.fileno())
            self._unsynced = 0
        return len(data)

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._written

    def close(self) -> None:
        """Bring it to the disk, and out of memory, so that it is read back from there."""
        if self._opened.closed:
            return
        try:
            os.fsync(self._opened.fileno())
            _forget_pages(self._opened.fileno())
        finally:
            self._opened.close()


@contextlib.contextmanager
def written_gently(path: Path) -> Iterator[GentleFile]:
    """Open a new file; it is on the disk after the block."""
    file = GentleFile(path)
    try:
        yield file
    finally:
        file.close()


def copy_checked(source: IO[bytes], path: Path, sha256: str) -> int:
    """Write a file, read it back, and return its size. Raises BackupError where it differs."""
    with written_gently(path) as file:
        shutil.copyfileobj(source, file, CHUNK)
    with path.open("rb") as opened:
        if digest_of(opened) != sha256:
            path.unlink()
            raise BackupError(f"{path.name} is damaged.")
    return file.tell()


def digest_of(opened: IO[bytes]) -> str:
    """Return the SHA-256 of what is left to read, in hexadecimal digits."""
    digest = hashlib.sha256()
    while chunk := opened.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def sync_data(descriptor: int) -> None:
    """Bring a file's content to the disk."""
    getattr(os, "fdatasync", os.fsync)(descriptor)  # macOS has only the second


def sync_directory(directory: Path) -> None:
    """Bring to the disk which files a directory has."""
    opened = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.contextmanager
def locked(file: Path, refusal: str) -> Iterator[None]:
    """Lock a file, made where it is missing, for this process. Raises BackupError."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, _OWNERS_ONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(refusal) from None
        yield
    finally:
        os.close(descriptor)


def check_room(place: Path, needed: int) -> None:
    """Raise BackupError where the disk of a directory has less than ``needed`` bytes."""
    free = shutil.disk_usage(place).free
    if free < needed:
        raise BackupError(
            f"It takes {needed / 1e6:.0f} MB, and the disk of {place} has {free / 1e6:.0f} MB "
            "free; make room there, or choose another place."
        )


def _forget_pages(descriptor: int) -> None:
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
