"""Files that hold keys: written whole, read by their owner alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from bot.broker.errors import BrokerError

_OWNERS_ONLY = 0o600
_DIRECTORY = 0o700


def write_private(file: Path, data: bytes) -> None:
    """Write a file that only its owner reads, in place of an older one, whole or not at all.

    Raises BrokerError.
    """
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS_ONLY)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _unusable(file, error, "written") from error


def read_private(file: Path) -> bytes | None:
    """Return what such a file holds; None where there is none. Raises BrokerError."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(file, error, "read") from error


@contextlib.contextmanager
def locked_directory(directory: Path) -> Iterator[None]:
    """Make a directory that only its owner sees into, and keep other processes from it meanwhile.

    Raises BrokerError.
    """
    try:
        directory.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, _OWNERS_ONLY)
    except OSError as error:
        raise _unusable(directory, error, "written") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # others hold it for milliseconds
        yield
    finally:
        os.close(lock)


def _unusable(path: Path, error: OSError, verb: str) -> BrokerError:
    return BrokerError(
        f"{path} can't be {verb} ({error.strerror}); run this as the user who runs the bot, and "
        "see whether the disk has room."
    )
