"""Everything of a person's, as zip files of a chosen size: each opens by itself, and one holds what
fits, however much there is.

First comes what is written down, as JSON by table; then GIFs, the newest first, each with its
recipe; then LoRAs and the files that were brought. A file goes from disk to disk in pieces, and one
part is made at a time, so neither memory nor disk has to hold all of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from bot.storage import holdings, jobs
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.holdings import StoredFile
from bot.storage.models import Job
from bot.storage.personal_data import TABLES

Recipe = Callable[[Job], Mapping[str, Any]]

_PIECE = 1 << 20
_OVERHEAD = 256  # bytes of a zip's own for each file, beside its name twice
_END = 64  # bytes at its end
_GIFS_AT_ONCE = 50
_UNSAFE = re.compile(r"[^\w .()-]")
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the zip: its content, or where that lies."""

    name: str
    content: bytes | Path

    def size(self) -> int:
        """Return its bytes. Raises OSError where it is gone."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.stat().st_size


@dataclass(slots=True)
class Progress:
    """How far an export has come: bytes that were taken in, and names of files left out."""

    done_bytes: int = 0
    left_out: list[str] = field(default_factory=list)


class PartWriter:
    """Writes entries into zip files of at most ``limit`` bytes in ``directory``. Blocking."""

    def __init__(
        self, directory: Path, limit: int, *, total: int, name: str = "part-{number}.zip"
    ) -> None:
        self._directory = directory
        self._name = name
        self._limit = limit
        self._left = total  # bytes that all parts together may still take
        self._number = 0
        self._zip: zipfile.ZipFile | None = None
        self._used = _END
        self.progress = Progress()

    def add(self, entry: Entry) -> Path | None:
        """Add an entry; return the part that is full by that, if one is.

        What fits into no part, or is more than the total, is noted as left out.
        """
        try:
            size = entry.size()
        except OSError:  # it was cleaned up meanwhile
            return None
        needed = size + size // 1000 + 2 * len(entry.name.encode()) + _OVERHEAD
        if needed + _END > self._limit or needed > self._left:
            self.progress.left_out.append(entry.name)
            return None
        full = self.finish() if self._used + needed > self._limit else None
        self._write(entry)
        self._used += needed
        self._left -= needed
        self.progress.done_bytes += size
        return full

    def finish(self) -> Path | None:
        """Return the part that was begun, closed; None where there is none."""
        if self._zip is None:
            return None
        path = Path(str(self._zip.filename))
        self._zip.close()
        self._zip, self._used = None, _END
        return path

    def _write(self, entry: Entry) -> None:
        if self._zip is None:
            self._number += 1
            self._zip = zipfile.ZipFile(
                self._directory / self._name.format(number=self._number), "w"
            )
        # a GIF or a LoRA is no smaller for being packed once more
        is_text = isinstance(entry.content, bytes)
        kind = zipfile.ZIP_DEFLATED if is_text else zipfile.ZIP_STORED
        info = zipfile.ZipInfo(entry.name, time.localtime()[:6])
        info.compress_type = kind
        info.external_attr = 0o600 << 16
        if isinstance(entry.content, bytes):
            self._zip.writestr(info, entry.content)
            return
        info.file_size = entry.content.stat().st_size  # tells whether 32 bits are enough
        with entry.content.open("rb") as source, self._zip.open(info, "w") as target:
            shutil.copyfileobj(source, target, _PIECE)


async def write_parts(entries: AsyncIterator[Entry], writer: PartWriter) -> AsyncIterator[Path]:
    """Yield each part once it is whole; the next one is begun when it is asked for."""
    async for entry in entries:
        if (part := await asyncio.to_thread(writer.add, entry)) is not None:
            yield part
    if writer.progress.left_out:
        names = "\n".join(writer.progress.left_out).encode()
        if (part := await asyncio.to_thread(writer.add, Entry("left-out.txt", names))) is not None:
            yield part
    if (part := await asyncio.to_thread(writer.finish)) is not None:
        yield part


async def entries_of(
    database: Database, blobs: BlobStore, user_id: int, *, read_me: str, recipe: Recipe
) -> AsyncIterator[Entry]:
    """Yield all that is a person's. Raises StorageError."""
    yield Entry("README.txt", read_me.encode())
    for data in TABLES:
        key: Any = ()
        number = 0
        while True:
            found, key = await database.read(holdings.exported_page, data, user_id, key)
            if found:
                number += 1
                yield Entry(f"data/{data.table.name}-{number:04}.json", _json(found))
            if not key:
                break
    async for entry in _gifs(database, blobs, user_id, recipe):
        yield entry
    for lora in await database.read(holdings.loras_of, user_id):
        yield _file("loras", lora, blobs)
    for source in await database.read(holdings.sources_of, user_id):
        yield _file("sources", source, blobs)


async def _gifs(
    database: Database, blobs: BlobStore, user_id: int, recipe: Recipe
) -> AsyncIterator[Entry]:
    before: int | None = None
    while ids := await database.read(holdings.results_of, user_id, before, _GIFS_AT_ONCE):
        for job_id in ids:
            job = await database.read(jobs.get, job_id)
            if job is None or job.output is None:
                continue
            before = job.number
            stem = f"gifs/{job.number:06}-{job.id[:8]}"
            yield Entry(f"{stem}.json", _json(recipe(job)))
            yield Entry(f"{stem}{PurePath(job.output).suffix}", blobs.path(job.output))


def _file(folder: str, file: StoredFile, blobs: BlobStore) -> Entry:
    """Return a file under its own name, made fit for any system, and unlike any other's."""
    stem = _UNSAFE.sub("_", PurePath(file.name).stem).strip(" .")[:_LONGEST_NAME] or "file"
    suffix = PurePath(file.blob).suffix
    return Entry(f"{folder}/{stem}-{file.blob[:8]}{suffix}", blobs.path(file.blob))


def _json(values: object) -> bytes:
    return json.dumps(values, indent=1, ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
