"""Locks a data directory, so that one bot alone uses it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.core.errors import DataDirectoryError
from bot.storage.backups.manifest import STAGING

_FILE = "lock"
_ADVICE = {
    errno.ENOSPC: "make room there",
    errno.EDQUOT: "make room there",
    errno.EROFS: "mount it writable",
}
_LONGEST = 20  # digits of a process's number


@contextmanager
def lock_data_directory(data_dir: Path, *, to_restore: bool = False) -> Iterator[None]:
    """Lock the data directory, made where it is missing, for this process alone.

    The system drops the lock with the process, however that ends. Raises DataDirectoryError, also
    where a restore was cut short, unless it is ``to_restore``.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = os.open(data_dir / _FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unwritable(data_dir, error) from error
    try:
        _take(file, data_dir)
        if (data_dir / STAGING).exists() and not to_restore:
            raise DataDirectoryError(
                f"A restore into {data_dir} was interrupted; run `hotshot-bot restore` again, or "
                f"remove {data_dir / STAGING} to start without it."
            )
        yield
    finally:
        os.close(file)


def lock_holder(data_dir: Path) -> int | None:
    """Return the number of the process that uses the data directory; None where none does."""
    try:
        file = os.open(data_dir / _FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(file)
    finally:
        os.close(file)
    return None


def _take(file: int, data_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataDirectoryError(
            f"Another hotshot-bot (process {_read_pid(file) or 'unknown'}) already uses the data "
            f"directory {data_dir}; stop it, or choose another with storage.data_dir."
        ) from None
    number = str(os.getpid()).encode()
    try:
        # in this order: where the disk is full, the room of an older number is enough
        os.pwrite(file, number, 0)
        os.ftruncate(file, len(number))
    except OSError as error:
        raise _unwritable(data_dir, error) from error


def _read_pid(file: int) -> int | None:
    written = os.pread(file, _LONGEST, 0).strip()
    return int(written) if written.isdigit() else None


def _unwritable(data_dir: Path, error: OSError) -> DataDirectoryError:
    advice = _ADVICE.get(error.errno or 0, "give it to the user who runs the bot")
    return DataDirectoryError(
        f"The data directory {data_dir} can't be written ({error.strerror}); {advice}, or choose "
        "another with storage.data_dir in the config."
    )
