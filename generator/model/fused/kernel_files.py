"""A directory of kernels on disk: which files of it are whole, so that no other is ever run.

Compilers look at a file's name alone. A machine that lost its power, a full disk or a process that
was killed leave files that are cut off; some of those end a process that loads them, at every start
again. So a list names each file with its hash, and whoever is the first to use the directory
compares: what isn't in the list is deleted, and where a file is another than in the list, all are.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

_LIST = "whole.json"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class KernelFiles:
    """The files in ``directory``, which this process uses until it ends."""

    directory: Path
    _in_use: TextIOWrapper | None  # locked as long as it is open
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)  # sizes and times of change

    @classmethod
    def open(cls, directory: Path) -> KernelFiles:
        """Make the directory, or look at what is in it; a line says it where something is damaged.

        Where another process uses it, that one has looked. Raises OSError where it can't be made.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # beside the directory, which may be deleted while others use it
        try:
            in_use = directory.with_name(f"{directory.name}.lock").open("a", encoding="utf-8")
        except OSError:  # made beforehand, and only to be read
            return cls(directory, None)
        try:
            fcntl.flock(in_use, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # in use, or on a disk that knows no locks
            pass
        else:
            _clean(directory)
        _share(in_use)
        return cls(directory, in_use)

    def keep(self) -> None:
        """Put what was compiled until now on the list of what is whole."""
        known = _read_list(self.directory)
        found = {
            name: (facts.st_size, facts.st_mtime_ns)
            for name, path in _files(self.directory)
            if (facts := _facts(path)) is not None
        }
        changed = [name for name, facts in found.items() if self._seen.get(name) != facts]
        if not changed:
            return
        self._seen = found
        hashes = {name: _hash(self.directory / name) for name in changed}
        known |= {name: made for name, made in hashes.items() if made}
        part = self.directory / f"{_LIST}.{os.getpid()}"
        try:
            part.write_text(json.dumps(known), encoding="utf-8")
            part.replace(self.directory / _LIST)
        except OSError:  # they are made anew then
            logger.info("The list of compiled kernels can't be written in %s.", self.directory)

    def close(self) -> None:
        """Use the directory no more, so that the next who opens it looks at what is in it."""
        if self._in_use is not None:
            self._in_use.close()

    def throw_away(self) -> None:
        """Delete all kernels, so that the next process makes them anew."""
        shutil.rmtree(self.directory, ignore_errors=True)


def _clean(directory: Path) -> None:
    """Delete what may not be whole."""
    known = _read_list(directory)
    for name, path in _files(directory):
        expected = known.get(name)
        if expected is None:
            path.unlink(missing_ok=True)
        elif _hash(path) != expected:
            logger.warning(
                "The compiled kernels in %s are damaged (%s), so they are compiled again.",
                directory,
                path.name,
            )
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            return


def _files(directory: Path) -> list[tuple[str, Path]]:
    """Return all files but the list, by their names below the directory."""
    return [
        (str(path.relative_to(directory)), path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path != directory / _LIST
    ]


def _read_list(directory: Path) -> dict[str, str]:
    """Return the hashes of the files that are whole; none where the list is none itself."""
    try:
        known = json.loads((directory / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _hash(path: Path) -> str:
    """Return the hash of a file; nothing where it is gone or can't be read."""
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return ""


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:  # another process has renamed it
        return None


def _share(in_use: TextIOWrapper) -> None:
    try:
        fcntl.flock(in_use, fcntl.LOCK_SH)  # waits while another process looks at them
    except OSError:
        logger.info("The kernels are on a disk without file locks, so they aren't checked.")
