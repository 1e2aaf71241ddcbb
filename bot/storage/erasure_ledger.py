"""The list of erasures, which isn't in the database: so that going back to a backup undoes none.

A line has a hash of a person's id and when they asked, and nothing else. The hash is keyed by
random bytes that stand in the first line: who has the list can ask it about somebody whose id they
know, and read no id in it. Lines go when no backup can be as old.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.core.errors import BackupError, ConfigError

logger = logging.getLogger(__name__)

NAME = "erased"
"""What it is called in the data directory."""
_TITLE = "hotshot-bot-erasures-1"
_KEY_BYTES, _HASH_BYTES = 32, 16
_OWNERS_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class _Content:
    key: bytes
    lines: tuple[tuple[str, datetime], ...]  # hashes, and when they were asked for

    def hash_of(self, user_id: int) -> str:
        return hashlib.blake2b(
            str(user_id).encode(), key=self.key, digest_size=_HASH_BYTES
        ).hexdigest()

    def encode(self) -> str:
        lines = [f"{hashed} {asked_at.isoformat()}" for hashed, asked_at in self.lines]
        return "\n".join((f"{_TITLE} {self.key.hex()}", *lines, ""))


class ErasureLedger:
    """A list in a file, which its first line makes. Of one process at a time, and any thread."""

    def __init__(self, path: Path, *, backup_days: float | None = None) -> None:
        self.path = path
        self._backup_days = backup_days
        self._lock = threading.Lock()

    def check(self) -> int:
        """Return how many lines there are, where one more can be written.

        Raises ConfigError for a place that isn't there, and BackupError for a damaged list.
        """
        place = self.path.absolute().parent
        if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
            raise ConfigError(
                f"privacy.erased: {place} isn't a directory that can be written to; make it, or "
                "name another place."
            )
        content = self._read()
        return 0 if content is None else len(content.lines)

    def note(self, user_id: int, asked_at: datetime) -> None:
        """Add an erasure, once however often it is noted. Blocking.

        Where the list can't be written, the log says so: erasing goes on, since that was asked for.
        """
        try:
            with self._lock:
                self._note(user_id, asked_at)
        except (OSError, BackupError) as error:
            logger.warning(
                "an erasure can't be noted in %s (%s): erase the person again after restoring an "
                "earlier backup",
                self.path,
                error,
            )

    def _note(self, user_id: int, asked_at: datetime) -> None:
        content = self._read() or _Content(secrets.token_bytes(_KEY_BYTES), ())
        line = (content.hash_of(user_id), asked_at)
        if line in content.lines:
            return
        since = None
        if self._backup_days is not None:
            since = datetime.now(UTC) - timedelta(days=self._backup_days)
        kept = [each for each in content.lines if since is None or each[1] >= since]
        _write(self.path, _Content(content.key, (*kept, line)).encode())

    def erased_since(
        self, moment: datetime, user_ids: Collection[int]
    ) -> dict[int, datetime] | None:
        """Return who of these asked since then, and when last; None where there is no list.

        Raises BackupError for a list that can't be read.
        """
        content = self._read()
        if content is None:
            return None
        asked = {hashed: at for hashed, at in sorted(content.lines, key=_moment) if at >= moment}
        hashes = {user_id: content.hash_of(user_id) for user_id in user_ids} if asked else {}
        return {each: asked[hashed] for each, hashed in hashes.items() if hashed in asked}

    def continue_in(self, path: Path) -> None:
        """Have the list go on in another place, unless there is one. Raises OSError."""
        if self.path.exists() and not path.exists():
            _write(path, self.path.read_text("ascii"))

    def _read(self) -> _Content | None:
        """Return what the list has; None where there is none."""
        try:
            text = self.path.read_text("ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(getattr(error, "strerror", "") or "damaged") from error
        try:
            return _parsed(text)
        except ValueError as error:
            raise self._unreadable("damaged, or not such a list") from error

    def _unreadable(self, reason: str) -> BackupError:
        return BackupError(
            f"The list of erasures {self.path} can't be read ({reason}), and without it people "
            "who had everything erased would come back; repair it, or move it aside."
        )


def _parsed(text: str) -> _Content:
    """Return what ``_Content.encode`` wrote. Raises ValueError for anything else."""
    first, *rest = text.splitlines() or [""]
    title, key = first.split(" ")
    pairs = [line.split(" ") for line in rest]
    lines = tuple((hashed, datetime.fromisoformat(at)) for hashed, at in pairs)
    is_alike = all(len(hashed) == 2 * _HASH_BYTES and at.tzinfo for hashed, at in lines)
    if title != _TITLE or len(key) != 2 * _KEY_BYTES or not is_alike:
        raise ValueError("no such list is ever written")
    return _Content(bytes.fromhex(key), lines)


def _moment(line: tuple[str, datetime]) -> datetime:
    return line[1]


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all, and to the disk."""
    with _beside(path) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNERS_ONLY)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
