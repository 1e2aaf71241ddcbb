"""A backup as one file: a tar archive of the manifest, the database, and the blobs."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, cast

from bot.core.errors import BackupError
from bot.storage.backups.files import CHUNK, check_room, locked, sync_directory, written_gently
from bot.storage.backups.manifest import DATABASE, MANIFEST, Manifest, Report
from bot.storage.backups.reading import Member, check
from bot.storage.blobs import is_blob

_BLOBS = "blobs"
_MOST_MANIFEST = 1 << 30  # bytes; a million files are named in a tenth of this
_TAR_BLOCK = 512


class ArchiveWriter:
    """Writes beside ``file``, and puts what is whole in its place. Made by ``opened``."""

    def __init__(self, file: Path, scratch: Path) -> None:
        self._file = file
        self.scratch = scratch

    @classmethod
    @contextlib.contextmanager
    def opened(cls, file: Path) -> Iterator[ArchiveWriter]:
        """Raises BackupError where the file's directory isn't there, or another backup is on."""
        parent = file.absolute().parent
        if not parent.is_dir():
            raise BackupError(f"There is no directory {parent}; make it first.")
        with scratch_beside(file) as scratch:
            yield cls(file, scratch)

    def write(self, manifest: Manifest, blobs: Mapping[str, Path], report: Report) -> int:
        """Write the archive of the database in ``scratch``, in place of an older one.

        Return its size in bytes. Raises BackupError, OSError.
        """
        part = self.scratch / "archive"
        check_room(self.scratch, manifest.size_bytes + 2 * _TAR_BLOCK * len(blobs))
        work = 2 * manifest.size_bytes  # written, and read back
        done = 0

        def progress(size: int) -> None:
            nonlocal done
            done += size
            report(done, work)

        with (
            written_gently(part) as out,
            tarfile.TarFile(fileobj=cast(IO[bytes], out), mode="w", copybufsize=CHUNK) as archive,
        ):
            _add_bytes(archive, MANIFEST, manifest.encode())
            archive.add(self.scratch / DATABASE, DATABASE)
            progress(manifest.database_bytes)
            for name, path in sorted(blobs.items()):
                archive.add(path, f"{_BLOBS}/{name[:2]}/{name}")
                progress((manifest.blobs or {}).get(name, 0))
        with ArchiveReader.opened(part) as reader:
            check(reader, progress)
        size = part.stat().st_size
        part.replace(self._file)
        sync_directory(self._file.absolute().parent)
        return size


@contextlib.contextmanager
def scratch_beside(file: Path) -> Iterator[Path]:
    """Make a directory beside a file, which is this process's alone; it is gone after the block.

    One that a killed process left is used again. Raises BackupError where another is at work.
    """
    place = file.absolute().with_name(f".{file.name}.part")
    busy = f"Another backup to {file} is being written; wait until it is done."
    place.mkdir(mode=0o700, exist_ok=True)
    with locked(place / "lock", busy):
        _clear(place, but="lock")
        try:
            yield place
        finally:
            _clear(place, but="lock")
            with contextlib.suppress(OSError):
                (place / "lock").unlink()
                place.rmdir()


def _clear(directory: Path, *, but: str) -> None:
    for path in directory.iterdir():
        if path.name != but:
            path.unlink()


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o600
    archive.addfile(info, io.BytesIO(data))


class ArchiveReader:
    """Reads an archive from its beginning to its end, once. Made by ``opened``."""

    def __init__(self, archive: tarfile.TarFile, manifest: Manifest) -> None:
        self._archive = archive
        self.manifest = manifest

    @classmethod
    @contextlib.contextmanager
    def opened(cls, file: Path) -> Iterator[ArchiveReader]:
        """Raises BackupError where the file is no backup, or can't be read."""
        try:
            archive = tarfile.open(file, mode="r:")  # noqa: SIM115 - closed below
        except OSError as error:
            raise BackupError(f"{file} can't be read ({error.strerror}).") from error
        except tarfile.TarError as error:
            raise _no_backup(file) from error
        with archive:
            try:
                first = archive.next()
                if first is None or first.name != MANIFEST or first.size > _MOST_MANIFEST:
                    raise _no_backup(file)
                manifest = Manifest.decode(_content(archive, first).read(), str(file))
                yield cls(archive, manifest)
            except tarfile.TarError as error:
                raise _no_backup(file) from error

    def members(self) -> Iterator[Member]:
        """Yield the database and the blobs. Raises BackupError for what is neither."""
        while (info := self._archive.next()) is not None:
            name = info.name.rpartition("/")[2]
            if name != DATABASE and not is_blob(name):
                raise BackupError(f"The backup holds {info.name[:100]!r}, which no backup does.")
            yield Member(name, info.size, _content(self._archive, info))


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(info) if info.isreg() else None
    if content is None:
        raise BackupError(f"The backup is damaged: {info.name[:100]!r} isn't a file.")
    return content


def _no_backup(file: Path) -> BackupError:
    return BackupError(f"{file} is damaged, or isn't a backup of hotshot-bot.")
