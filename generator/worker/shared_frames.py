"""Frames in memory that two processes share, in a file without a name: nobody can leave it behind.

On Linux that is a memfd, which no mount's size limits; elsewhere, and where there is no memory
left, an unlinked file in the directory for temporary files.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

MEMFD_NAME = "hotshot-frames"


class FrameStore:
    """Puts frames where another process can have them; says once where that is no memory."""

    def __init__(self) -> None:
        self._is_warned = False

    @contextmanager
    def holding(self, frames: memoryview) -> Iterator[int]:
        """Yield the descriptor of a file that holds these bytes; it is closed at the end.

        Raises OSError where neither memory nor the disk has room.
        """
        descriptor = self._stored(frames.cast("B"))
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _stored(self, data: memoryview) -> int:
        try:
            return _written(_memory_file(), data)
        except OSError as error:
            if not self._is_warned:
                self._is_warned = True
                logger.warning(
                    "there is no shared memory for frames (%s); they go through files in %s",
                    error.strerror or error,
                    Path(tempfile.gettempdir()),
                )
        with tempfile.TemporaryFile(prefix="hotshot-") as file:
            return _written(os.dup(file.fileno()), data)


def _memory_file() -> int:
    """Return the descriptor of an empty file in memory. Raises OSError."""
    if not hasattr(os, "memfd_create"):
        raise OSError("this system has no files in memory")
    return os.memfd_create(MEMFD_NAME)


def _written(descriptor: int, data: memoryview) -> int:
    """Return the descriptor of a file that ``data`` was written to, or close it."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
