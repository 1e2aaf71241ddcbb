"""Backups in a directory, one after another: each has its database, and all share the blobs.

::

    DIRECTORY/20261128T081500Z/backup.json, hotshot.db
    DIRECTORY/blobs/ab/ab…

So a backup costs what is new. One that was cut short leaves at most a directory whose name begins
with a dot, and blobs that the next one finds there or takes away.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.core.errors import BackupError
from bot.storage.backups.files import check_room, copy_checked, locked, sync_directory
from bot.storage.backups.manifest import DATABASE, MANIFEST, Manifest, Report
from bot.storage.backups.reading import Member, damaged
from bot.storage.blobs import BlobStore

_BLOBS = "blobs"
_LOCK = ".lock"
_PART = ".part"
_NAME = re.compile(r"\d{8}T\d{6}Z(-\d+)?")


class DirectoryWriter:
    """Adds a backup to a directory. Made by ``opened``."""

    def __init__(self, directory: Path, scratch: Path) -> None:
        self._directory = directory
        self._blobs = BlobStore(directory / _BLOBS)
        self.scratch = scratch

    @classmethod
    @contextlib.contextmanager
    def opened(cls, directory: Path) -> Iterator[DirectoryWriter]:
        """Raises BackupError where another backup is on, or other things are in the directory."""
        directory = directory.absolute()
        if not directory.parent.is_dir():
            raise BackupError(f"There is no directory {directory.parent}; make it first.")
        directory.mkdir(mode=0o700, exist_ok=True)
        strangers = [each.name for each in directory.iterdir() if not _is_ours(each.name)]
        if strangers:
            raise BackupError(
                f"{directory} holds other things ({strangers[0]}); name an empty directory."
            )
        busy = f"Another backup to {directory} is being written; wait until it is done."
        with locked(directory / _LOCK, busy):
            scratch = directory / _PART
            _remove_tree(scratch)
            scratch.mkdir(mode=0o700)
            try:
                yield cls(directory, scratch)
            finally:
                _remove_tree(scratch)

    def write(self, manifest: Manifest, blobs: Mapping[str, Path], report: Report) -> int:
        """Add the backup of the database in ``scratch``; return how many bytes that took.

        Raises BackupError, OSError.
        """
        sizes = manifest.blobs or {}
        new = [name for name in sorted(blobs) if self._size(name) != sizes[name]]
        work = sum(sizes[name] for name in new)
        check_room(self._directory, work)
        done = 0
        report(done, work)
        for name in new:
            self._keep(name, blobs[name])
            done += sizes[name]
            report(done, work)
        for directory in {self._blobs.path(name).parent for name in new}:
            sync_directory(directory)
        (self.scratch / MANIFEST).write_bytes(manifest.encode())
        for name in (MANIFEST, DATABASE):
            _to_disk(self.scratch / name)
        place = self._place(manifest)
        self.scratch.rename(place)
        sync_directory(self._directory)
        return work + manifest.database_bytes

    def keep_newest(self, count: int) -> int:
        """Remove all but the newest ``count`` backups, and what only those had; return how many."""
        every = snapshots(self._directory)
        old, kept = every[:-count], every[-count:]
        if not old:
            return 0
        try:
            named = {name for each in kept for name in read_manifest(each).blobs or ()}
        except BackupError as error:
            raise BackupError(
                f"The backup was taken, but no older one was removed: {error}"
            ) from error
        for each in old:
            _remove_tree(each)
        for blob in list(self._blobs):
            if blob.name not in named:
                self._blobs.path(blob.name).unlink()
        return len(old)

    def _size(self, name: str) -> int | None:
        try:
            return self._blobs.path(name).stat().st_size
        except FileNotFoundError:
            return None

    def _keep(self, name: str, source: Path) -> None:
        place = self._blobs.path(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        part = self.scratch / name
        with source.open("rb") as opened:
            try:
                copy_checked(opened, part, name[:64])
            except BackupError as error:
                raise damaged(name) from error
        part.replace(place)

    def _place(self, manifest: Manifest) -> Path:
        name = f"{manifest.made_at:%Y%m%dT%H%M%SZ}"
        names = (name, *(f"{name}-{number}" for number in range(2, 100)))
        return next(place for each in names if not (place := self._directory / each).exists())


class SnapshotReader:
    """Reads one of the backups in a directory. Made by ``opened``."""

    def __init__(self, snapshot: Path, manifest: Manifest) -> None:
        self._snapshot = snapshot
        self._blobs = BlobStore(snapshot.parent / _BLOBS)
        self.manifest = manifest

    @classmethod
    @contextlib.contextmanager
    def opened(cls, directory: Path) -> Iterator[SnapshotReader]:
        """Open the newest backup in ``directory``, or the one that it is.

        Raises BackupError where there is none.
        """
        directory = directory.absolute()
        if not (directory / MANIFEST).is_file():
            found = snapshots(directory)
            if not found:
                raise BackupError(f"There is no backup of hotshot-bot in {directory}.")
            directory = found[-1]
        yield cls(directory, read_manifest(directory))

    def members(self) -> Iterator[Member]:
        """Yield the database and the blobs."""
        yield from self._member(DATABASE, self._snapshot / DATABASE)
        for name in self.manifest.blobs or ():
            yield from self._member(name, self._blobs.path(name))

    def _member(self, name: str, path: Path) -> Iterator[Member]:
        try:
            opened = path.open("rb")
        except FileNotFoundError:
            return  # as the sum of all will say
        with opened:
            yield Member(name, path.stat().st_size, opened, place=str(path))


def snapshots(directory: Path) -> list[Path]:
    """Return the backups in a directory, the oldest first."""
    if not directory.is_dir():
        return []
    named = (each for each in directory.iterdir() if _NAME.fullmatch(each.name))
    return sorted(named, key=_order)


def read_manifest(snapshot: Path) -> Manifest:
    """Return what a backup in a directory says of itself. Raises BackupError."""
    try:
        return Manifest.decode((snapshot / MANIFEST).read_bytes(), str(snapshot))
    except FileNotFoundError as error:
        raise BackupError(f"{snapshot} is damaged: it has no {MANIFEST}.") from error


def _order(snapshot: Path) -> tuple[str, int]:
    moment, _, number = snapshot.name.partition("-")
    return moment, int(number or 1)


def _is_ours(name: str) -> bool:
    return name in (_BLOBS, _LOCK, _PART, "lost+found") or _NAME.fullmatch(name) is not None


def _remove_tree(directory: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)


def _to_disk(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
