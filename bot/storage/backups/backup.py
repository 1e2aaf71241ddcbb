"""Takes a backup: a snapshot of the database, and every blob that it names.

From before the snapshot until the last blob is copied no process removes any, so what the snapshot
names is there. What is written gets its name at the end, after it was read back.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.core.errors import BackupError
from bot.storage.backups.archive import ArchiveReader, ArchiveWriter
from bot.storage.backups.directory import DirectoryWriter, SnapshotReader
from bot.storage.backups.files import digest_of
from bot.storage.backups.manifest import DATABASE, Manifest, Report
from bot.storage.backups.snapshot import (
    blobs_named_in,
    count_jobs,
    opened,
    take_snapshot,
)
from bot.storage.blobs import BlobStore
from bot.storage.migrate import reason_of
from generator.contract.version import VERSION

Writer = ArchiveWriter | DirectoryWriter
OpenedReader = (
    contextlib.AbstractContextManager[ArchiveReader]
    | contextlib.AbstractContextManager[SnapshotReader]
)


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What stands in a finished backup, and how many bytes it took of the disk."""

    manifest: Manifest
    written_bytes: int
    removed: int = 0  # older ones that went


def say_nothing(done: int, total: int) -> None:
    """Tell nobody how far it is."""


def back_up(
    url: str,
    blobs: BlobStore | None,
    target: str,
    *,
    report: Report = say_nothing,
    keep: int | None = None,
) -> BackedUp:
    """Back up to the file ``target``, in place of an older one, or into a directory of backups.

    It is a directory where there is one of that name, or where it ends with a slash; of its backups
    the newest ``keep`` stay. Without ``blobs``, the database alone. Raises BackupError.
    """
    try:
        with _opened_writer(target, keep) as writer:
            hold = contextlib.nullcontext() if blobs is None else blobs.held()
            with hold:
                revision = take_snapshot(url, writer.scratch / DATABASE)
                manifest, paths = _described(writer.scratch / DATABASE, revision, blobs)
                written = writer.write(manifest, paths, report)
            removed = (
                writer.keep_newest(keep) if keep and isinstance(writer, DirectoryWriter) else 0
            )
    except OSError as error:
        reason = error.strerror or error
        raise BackupError(
            f"The backup can't be written to {target} ({reason}), and nothing of it was left."
        ) from error
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(
            f"The backup to {target} failed ({reason_of(error)}), and nothing of it was left."
        ) from error
    return BackedUp(manifest, written, removed)


def is_directory(target: str) -> bool:
    """Return whether backups of that name stand in a directory."""
    return target.endswith("/") or Path(target).is_dir()


def opened_reader(source: Path) -> OpenedReader:
    """Return what opens a backup to read: a file, a directory of them, or one in it."""
    if source.is_dir():
        return SnapshotReader.opened(source)
    return ArchiveReader.opened(source)


def _opened_writer(target: str, keep: int | None) -> contextlib.AbstractContextManager[Writer]:
    if is_directory(target):
        return DirectoryWriter.opened(Path(target))
    if keep is not None:
        raise BackupError(
            f"{target} is one file, so there are no older backups to keep; name a directory "
            f"({target}/)."
        )
    return ArchiveWriter.opened(Path(target))


def _described(
    database: Path, revision: str, blobs: BlobStore | None
) -> tuple[Manifest, Mapping[str, Path]]:
    """Return what is said of a backup, and where its blobs are."""
    named = set() if blobs is None else blobs_named_in(database, revision)
    with opened(database) as connection:
        jobs = count_jobs(connection)
    paths = {name: blobs.path(name) for name in sorted(named)} if blobs is not None else {}
    sizes = {name: path.stat().st_size for name, path in paths.items() if path.is_file()}
    with database.open("rb") as content:
        digest = digest_of(content)
    manifest = Manifest(
        made_at=datetime.now(UTC).replace(microsecond=0),
        version=VERSION,
        revision=revision,
        jobs=jobs,
        database_sha256=digest,
        database_bytes=database.stat().st_size,
        blobs=None if blobs is None else sizes,
        missing=tuple(named - sizes.keys()),
    )
    return manifest, {name: paths[name] for name in sizes}
