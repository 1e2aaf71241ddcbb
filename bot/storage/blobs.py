"""Files kept by what is in them: results and attachments, one copy of each.

A blob's name is its SHA-256 and the suffix it came with, so a name that came from somewhere else is
never part of a path. A file is in its place whole or not at all, and on disk before its name is
given out. Which blobs are still needed is for the database to say. Blocking: call it in a thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import StorageError
from generator.contract.file_reference import FileReference

_pinned_here: ContextVar[set[str] | None] = ContextVar("blobs in hand", default=None)
_PART = ".part"
_ABANDONED_SECONDS = 24 * 3600.0  # a part this old belongs to a process that was killed


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored file."""

    name: str
    size_bytes: int
    modified_at: float  # seconds since 1970


class BlobStore:
    """A directory of blobs, in subdirectories by the first two digits of their hash."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._pins: Counter[str] = Counter()
        self._marked: set[str] = set()

    @contextlib.contextmanager
    def pinned(self) -> Iterator[set[str]]:
        """Pin what is kept inside, by this task and its threads: nobody removes it till the end.

        So a file lives until the row that names it is written. Yields the names.
        """
        names: set[str] = set()
        token = _pinned_here.set(names)
        try:
            yield names
        finally:
            _pinned_here.reset(token)
            with self._lock:
                self._pins.subtract(names)
                self._pins += Counter()  # without those that nobody holds

    def mark(self, names: Iterable[str]) -> set[str]:
        """Mark those of ``names`` that nobody pins. Each goes by ``remove_marked``, unless it is
        kept anew first: who asks what rows name does so in between.
        """
        with self._lock:
            free = {name for name in names if not self._pins[name]}
            self._marked |= free
        return free

    def remove_marked(self, names: Iterable[str]) -> set[str]:
        """Remove what is marked still; return which went.

        None does where a backup holds all: that is left to the next clean-up.
        """
        removed = set()
        with self._removing() as may_remove:
            for name in names:
                with self._lock:
                    path = self.path(name)
                    if may_remove and name in self._marked and path.exists():
                        path.unlink()
                        removed.add(name)
                    self._marked.discard(name)
        return removed

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have no process remove any meanwhile; what has begun is waited for. Raises OSError."""
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        with self._hold(os.O_RDONLY) as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextlib.contextmanager
    def _removing(self) -> Iterator[bool]:
        """Keep ``held`` waiting meanwhile; yield False where it holds already."""
        if not self._directory.is_dir():
            yield False
            return
        with self._hold(os.O_RDWR) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextlib.contextmanager
    def _hold(self, flags: int) -> Iterator[int]:
        """Open the file beside the directory that is locked by whoever removes, or forbids it."""
        beside = self._directory.with_name(f"{self._directory.name}.lock")
        file = os.open(beside, flags | os.O_CREAT, 0o644)
        try:
            yield file
        finally:
            os.close(file)

    def unmark(self, names: Iterable[str]) -> None:
        """Unmark names that are needed."""
        with self._lock:
            self._marked.difference_update(names)

    def _pin(self, name: str) -> None:
        here = _pinned_here.get()
        with self._lock:
            self._marked.discard(name)
            if here is not None and name not in here:
                here.add(name)
                self._pins[name] += 1

    def path(self, name: str) -> Path:
        """Return where a blob is or would be. Raises ValueError for a name that is none."""
        reference = FileReference.parse(name)
        if reference is None:
            raise ValueError(f"{name!r} is no blob's name")
        return reference.path_in(self._directory)

    def put(self, data: bytes, suffix: str = "") -> str:
        """Keep ``data``; return its name. Raises StorageError."""
        name = hashlib.sha256(data).hexdigest() + suffix.lower()
        path = self.path(name)
        part = path.with_name(f"{secrets.token_hex(8)}{_PART}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(data)
                self._pin(name)
                _move_durably(part, path)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise _not_saved(error) from error
        return name

    def adopt(self, file: Path) -> str:
        """Move a finished file in here; return its name. Raises StorageError.

        Both have to be on one file system: a rename is what makes it whole or nothing.
        """
        try:
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            name = digest + file.suffix.lower()
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._pin(name)
            _move_durably(file, path)
        except OSError as error:
            raise _not_saved(error) from error
        return name

    def __iter__(self) -> Iterator[Blob]:
        """Yield every blob, in no order."""
        for path in self._directory.glob("??/*"):
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue  # somebody was faster
            if is_blob(path.name):
                yield Blob(path.name, facts.st_size, facts.st_mtime)

    def sweep(self, older_than: float = _ABANDONED_SECONDS) -> None:
        """Remove what killed processes left half-written, once it is so many seconds old."""
        for part in self._directory.glob(f"??/*{_PART}"):
            with contextlib.suppress(FileNotFoundError):  # it may just have got its place
                if time.time() - part.stat().st_mtime >= older_than:
                    part.unlink()


def is_blob(name: str) -> bool:
    """Return whether a name is a blob's."""
    return FileReference.parse(name) is not None


def _move_durably(file: Path, place: Path) -> None:
    """Put a file in place and onto the disk; a blob that comes again is young again."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
    file.replace(place)
    os.utime(place)
    directory = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _not_saved(error: OSError) -> StorageError:
    reason = (error.strerror or type(error).__name__).lower()
    return StorageError(
        "The file can't be saved on the bot's disk ({reason}), so nothing was accepted; "
        "please tell whoever runs the bot.",
        reason=reason,
    )
