"""Files that jobs need, kept on a GPU host by their hash: at most so many bytes of them.

A file is written beside, checked against its hash, and only then put in its place, so what is there
is whole. Who was used longest ago goes first; what a job uses is pinned and stays. The cache is a
directory like any other: what is in it survives a restart.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.contract.errors import FailureKind, HotshotError
from generator.contract.file_reference import FileReference
from generator.contract.text import Text


class CacheFullError(HotshotError):
    """A file doesn't fit into the cache beside those that are in use."""

    kind = FailureKind.HOST_FULL
    is_retryable = True


class DamagedFileError(HotshotError):
    """What came isn't the file that was asked for."""

    is_retryable = True


class FileCache:
    """``files`` holds whole files, ``parts`` those that are coming."""

    def __init__(self, directory: Path, most_bytes: int) -> None:
        self.files = directory / "files"
        self._parts = directory / "parts"
        self._most = most_bytes
        self._pins: Counter[str] = Counter()
        self._sizes: dict[str, int] = {}  # by name, in order of use
        self._coming: dict[str, int] = {}

    @property
    def held(self) -> int:
        """The bytes that the whole files have."""
        return sum(self._sizes.values())

    def open(self) -> None:
        """Look at what an earlier run left; drop what it hadn't finished. Raises OSError."""
        shutil.rmtree(self._parts, ignore_errors=True)
        self._parts.mkdir(parents=True)
        self.files.mkdir(exist_ok=True)
        found = sorted(self._found(), key=lambda each: each[1].st_mtime_ns)
        self._sizes = {name: facts.st_size for name, facts in found}
        self._make_room(0)

    def _found(self) -> Iterator[tuple[str, os.stat_result]]:
        for path in self.files.glob("*/*"):
            reference = FileReference.parse(path.name)
            if reference is not None and path == reference.path_in(self.files):
                yield path.name, path.stat()

    @contextmanager
    def pinned(self, references: tuple[FileReference, ...]) -> Iterator[None]:
        """Keep these files, once they are here, as long as the block runs."""
        names = [each.name for each in references]
        self._pins.update(names)
        try:
            yield
        finally:
            self._pins.subtract(names)
            self._pins += Counter()

    def use(self, reference: FileReference) -> bool:
        """Return whether a file is here, and note that it is in use."""
        path = reference.path_in(self.files)
        try:
            os.utime(path)
        except OSError:
            self._sizes.pop(reference.name, None)
            return False
        self._sizes[reference.name] = self._sizes.pop(reference.name, path.stat().st_size)
        return True

    def part(self, reference: FileReference, size: int) -> Path:
        """Return where to write a file of this size, with room made. Raises CacheFullError."""
        self._make_room(size)
        self._coming[reference.name] = size
        return self._parts / reference.name

    def drop_part(self, reference: FileReference) -> None:
        """Forget a file that was coming, where it isn't here by now."""
        self._coming.pop(reference.name, None)
        with contextlib.suppress(OSError):
            (self._parts / reference.name).unlink()

    def take(self, reference: FileReference, part: Path) -> None:
        """Put a file that was checked in its place. Raises OSError."""
        place = reference.path_in(self.files)
        place.parent.mkdir(exist_ok=True)
        size = part.stat().st_size
        part.replace(place)
        self._sizes[reference.name] = size

    @staticmethod
    def check(reference: FileReference, part: Path) -> None:
        """See that a file came whole, and that it stays. Raises DamagedFileError, OSError."""
        with part.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            os.fsync(opened.fileno())
        if digest != reference.sha256:
            raise DamagedFileError("A file was damaged on its way to the GPU host.")

    def _make_room(self, needed: int) -> None:
        """Drop files until so many bytes more fit; none where that can't be."""
        idle = [name for name in self._sizes if not self._pins[name]]
        wanted = self.held + sum(self._coming.values()) + needed - self._most
        if wanted > sum(self._sizes[name] for name in idle):
            raise CacheFullError(
                Text(
                    "A file of {size} MB doesn't fit into the cache of its GPU host, which is "
                    "{most} MB; whoever runs that host can raise it with --cache-gb.",
                    size=needed // 10**6,
                    most=self._most // 10**6,
                )
            )
        while wanted > 0:
            name = idle.pop(0)
            wanted -= self._sizes[name]
            self._drop(name)

    def _drop(self, name: str) -> None:
        del self._sizes[name]
        reference = FileReference.parse(name)
        if reference is not None:
            with contextlib.suppress(OSError):
                reference.path_in(self.files).unlink()
