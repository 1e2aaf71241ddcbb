"""Where the page was to be found the last time, so that one that was left open finds it again.

What it keeps lets in whoever knows it: a file is believed only where nobody else could write it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_LONGEST = 1000  # bytes
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Address:
    """A port, and the token that stands in the page's address."""

    port: int
    token: str

    @classmethod
    def kept_in(cls, file: Path) -> Self | None:
        """Return what ``keep_in`` wrote there; None for nothing, or for what may be another's."""
        try:
            with file.open("rb") as opened:
                about = os.fstat(opened.fileno())
                if about.st_uid != os.getuid() or about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    return None
                kept = cls(**json.loads(opened.read(_LONGEST)))
        except (OSError, ValueError, TypeError):
            return None
        return kept if kept._is_sound() else None

    def _is_sound(self) -> bool:
        is_port = isinstance(self.port, int) and 0 < self.port <= _MOST_PORT
        is_token = isinstance(self.token, str) and len(self.token) >= 24 and self.token.isascii()
        return is_port and is_token and self.token.replace("-", "").replace("_", "").isalnum()

    def keep_in(self, file: Path) -> None:
        """Keep it for next time, for this user alone; where that can't be, it is left."""
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)  # another's file or link would keep its own rights
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with os.fdopen(os.open(file, flags, 0o600), "w", encoding="ascii") as opened:
                json.dump(asdict(self), opened)
