"""One bot for one data directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import DataDirectoryError


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """The data directory, made where it is missing, for this process alone.

    The system drops the lock with the process, however that ends. Raises DataDirectoryError.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise DataDirectoryError(
            f"The data directory {data_dir} can't be written ({error.strerror}); "
            "choose another by storage.data_dir in the config."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise DataDirectoryError(
                f"Another bot (process {file.read().strip() or 'unknown'}) already uses the data "
                f"directory {data_dir}; stop it, or choose another by storage.data_dir."
            ) from None
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(data_dir: Path) -> int | None:
    """The process that uses the data directory; None where nobody does."""
    try:
        with (data_dir / "lock").open("r", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0) or None
    except (OSError, ValueError):
        return None
    return None
