"""Where a file is to go: checked before any work is done, and written whole or not at all.

Standard library only, so that a mistake is answered before anything heavy is imported. Knows
nothing of frames.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from generator.contract.errors import MediaError, OutputError

SUFFIXES = (".gif", ".webp", ".mp4", ".png", ".jpg", ".jpeg")


def check_output(path: Path, *, makes_directory: bool = False) -> None:
    """Raise MediaError or OutputError where a clip can't be written to ``path``.

    MediaError is about the extension. Nothing is left behind. With ``makes_directory`` the
    directory needn't be there yet: ``make_directory`` will make it.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise MediaError(
            "The extension of {path!r} decides the format, and it must be one of {suffixes}.",
            path=str(path),
            suffixes=", ".join(SUFFIXES),
        )
    made: list[Path] = []
    try:
        if makes_directory:
            made = _make_directories(path.parent)
        else:
            _check_directory(path)
        if path.is_dir():
            raise OutputError(f"{path} is a directory; give the name of a file in it.")
        scratch = _scratch_beside(path)
        # Only trying tells: permissions, a read-only disk and a superuser all have their own rules.
        scratch.touch(exist_ok=False)
        scratch.unlink()
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        for directory in reversed(made):
            directory.rmdir()


def make_directory(path: Path) -> None:
    """Make the directory that ``path`` is to lie in, where there is none. Raises OutputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_whole(path: Path, data: bytes, scratch: Path | None = None) -> None:
    """Put ``data`` in place in one step; a failure leaves what was there before.

    It is written to ``scratch`` first, a name in the same directory. Raises OutputError.
    """
    scratch = scratch or _scratch_beside(path)
    try:
        try:
            scratch.write_bytes(data)
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _make_directories(directory: Path) -> list[Path]:
    """Make the directory and return those that were made for it, the outermost first."""
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    made = []
    for one in reversed(missing):
        one.mkdir()
        made.append(one)
    return made


def _check_directory(path: Path) -> None:
    try:
        if path.parent.is_dir():
            return
    except OSError as error:
        raise _cannot_write(path, error) from error
    raise OutputError(f"There is no directory {path.parent}; make it, or write somewhere else.")


def _scratch_beside(path: Path) -> Path:
    """Return a path in the same directory: only within one file system is a rename one step."""
    return path.parent / f".hotshot-{os.getpid()}-{secrets.token_hex(4)}.part"


def _cannot_write(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or type(error).__name__
    return OutputError(f"{path} can't be written ({reason.lower()}); write somewhere else.")
