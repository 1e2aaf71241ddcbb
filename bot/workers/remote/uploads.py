"""Files that hosts made, taken in chunk by chunk into scratch: whole, or not at all.

A file is only taken for a job that the bot gave to that worker, is bounded, and is checked against
its hash before it gets its name, which the bot makes. Where it breaks off the host goes on. That it
stays on the disk is seen to where it is kept, by ``BlobStore.adopt``.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from pathlib import Path
from typing import BinaryIO

from generator.contract.file_reference import FileReference


class DamagedUploadError(ValueError):
    """What came isn't the file that was announced."""


class Upload:
    """One file on its way to ``path``. ``size`` is what the host announced. One chunk at a time."""

    def __init__(self, path: Path, reference: FileReference, size: int) -> None:
        self.reference = reference
        self.size = size
        self.received = 0
        self.path = path
        self._part = path.with_name(f"{path.name}.part")
        self._digest = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._is_dropped = False
        self.is_done = False

    async def take(self, offset: int, chunk: bytes) -> None:
        """Take a chunk in if it is the next one. Raises OSError, DamagedUploadError."""
        if self.is_done or offset != self.received:
            return
        await asyncio.to_thread(self._take, chunk)

    def drop(self) -> None:
        """Delete what came, and take nothing more. Waits for a chunk that is being written."""
        with self._lock:
            self._is_dropped = True
            self._forget()
            if self.is_done:
                self.path.unlink(missing_ok=True)

    def _take(self, chunk: bytes) -> None:
        with self._lock:
            if self._is_dropped:
                return
            try:
                self._write(chunk)
            except (OSError, DamagedUploadError):
                self._forget()
                raise

    def _write(self, chunk: bytes) -> None:
        if self.received + len(chunk) > self.size:
            raise DamagedUploadError("more came than was announced")
        if self._file is None:
            self._file = self._part.open("wb")
        self._file.write(chunk)
        self._digest.update(chunk)
        self.received += len(chunk)
        if self.received == self.size:
            self._finish(self._file)

    def _finish(self, file: BinaryIO) -> None:
        file.flush()
        if self._digest.hexdigest() != self.reference.sha256:
            raise DamagedUploadError("the hash is different")
        file.close()
        self._part.replace(self.path)
        self.is_done = True

    def _forget(self) -> None:
        if self._file is not None:
            self._file.close()
            with contextlib.suppress(OSError):
                self._part.unlink()
        self._file, self.received, self._digest = None, 0, hashlib.sha256()
