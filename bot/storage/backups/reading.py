"""What reads a backup: each of its files is compared with the hash that it is known by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from bot.core.errors import BackupError
from bot.storage.backups.files import CHUNK
from bot.storage.backups.manifest import DATABASE, Manifest


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup: the database, or a blob by its name; read before the next one is.

    ``place`` is where it stands alone, if it does.
    """

    name: str
    size_bytes: int
    content: IO[bytes]
    place: str = ""

    def sha256(self, manifest: Manifest) -> str:
        """Return the hash that it must have."""
        return manifest.database_sha256 if self.name == DATABASE else self.name[:64]


class Reader(Protocol):
    """A backup, from its beginning to its end."""

    @property
    def manifest(self) -> Manifest:
        """What it says of itself."""

    def members(self) -> Iterator[Member]:
        """Yield the database and each blob."""


def check(reader: Reader, progress: Callable[[int], None]) -> None:
    """Read a whole backup. Raises BackupError where something is damaged or missing.

    ``progress`` is told of the bytes of each file.
    """
    found = set()
    for member in reader.members():
        digest = hashlib.sha256()
        while chunk := member.content.read(CHUNK):
            digest.update(chunk)
        if digest.hexdigest() != member.sha256(reader.manifest):
            raise damaged(member.name, member.place)
        found.add(member.name)
        progress(member.size_bytes)
    check_complete(found, reader.manifest)


def check_complete(found: set[str], manifest: Manifest) -> None:
    """Raise BackupError where these aren't all of a backup's files."""
    wanted = {DATABASE, *(manifest.blobs or ())}
    if lacking := sorted(wanted - found):
        raise BackupError(f"The backup is damaged: it ends without {lacking[0]}.")
    if extra := sorted(found - wanted):
        raise BackupError(f"The backup is damaged: {extra[0]} isn't part of it.")


def damaged(name: str, place: str = "") -> BackupError:
    """Return what is said of a file in a backup that isn't what it was."""
    if place:
        return BackupError(
            f"The file {place} is damaged; remove it, check its disk, and take another backup, "
            "which stores it again if the bot still has it."
        )
    return BackupError(
        f"The file {name} is damaged in the backup; check the disk of the data directory and the "
        "backup's, and take another backup."
    )
