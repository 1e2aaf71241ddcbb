"""What a backup says of itself, so that it can be judged before anything of it is used."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bot.core.errors import BackupError
from bot.storage.blobs import is_blob
from bot.storage.migrate import known_revisions

DATABASE = "hotshot.db"
MANIFEST = "backup.json"
STAGING = ".restore"  # of a restore, in the data directory
_FORMAT = 1

Report = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``blobs`` are the files that are in it; None where it is of the database alone."""

    made_at: datetime  # aware
    version: str  # of hotshot-bot
    revision: str  # of the database
    jobs: int
    database_sha256: str
    database_bytes: int
    blobs: Mapping[str, int] | None  # their sizes in bytes
    missing: tuple[str, ...] = ()  # files that rows name and that weren't there

    @property
    def size_bytes(self) -> int:
        """What database and files take."""
        return self.database_bytes + sum((self.blobs or {}).values())

    def encode(self) -> bytes:
        """Return it as JSON."""
        values = {
            "format": _FORMAT,
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "version": self.version,
            "revision": self.revision,
            "jobs": self.jobs,
            "database_sha256": self.database_sha256,
            "database_bytes": self.database_bytes,
            "blobs": None if self.blobs is None else dict(sorted(self.blobs.items())),
            "missing": sorted(self.missing),
        }
        return json.dumps(values, indent=0).encode()

    @classmethod
    def decode(cls, data: bytes, place: str) -> Self:
        """Return what ``encode`` wrote. Raises BackupError, also for one of a newer version."""
        try:
            values = json.loads(data)
            if values["format"] > _FORMAT:
                raise _newer(place, values)
            manifest = cls._of(values)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BackupError(f"{place} is damaged, or isn't a backup of hotshot-bot.") from error
        if manifest.revision not in known_revisions():
            raise _newer(place, values)
        return manifest

    @classmethod
    def _of(cls, values: Mapping[str, Any]) -> Self:
        made_at = datetime.fromisoformat(values["made_at"])
        blobs = values["blobs"]
        if blobs is not None:
            blobs = {str(name): int(size) for name, size in blobs.items()}
        names = (*(blobs or ()), *values["missing"])
        if made_at.tzinfo is None or not all(map(is_blob, names)):
            raise ValueError("no such manifest is ever written")
        return cls(
            made_at=made_at,
            version=str(values["version"]),
            revision=str(values["revision"]),
            jobs=int(values["jobs"]),
            database_sha256=str(values["database_sha256"]),
            database_bytes=int(values["database_bytes"]),
            blobs=blobs,
            missing=tuple(values["missing"]),
        )


def _newer(place: str, values: Mapping[str, Any]) -> BackupError:
    return BackupError(
        f"{place} was made by a newer version (hotshot-bot {values.get('version', '')}, database "
        f"revision {values.get('revision', '')}; this one knows up to {known_revisions()[-1]}); "
        "update hotshot-bot, then restore it."
    )
