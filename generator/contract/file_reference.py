"""A file named by what is in it, for messages to a side that has other directories.

Each side keeps such files in a directory of its own (``path_in``); how a file gets from one to the
other is the business of whoever carries the messages. Standard library only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_NAME = re.compile(r"(?P<sha256>[0-9a-f]{64})(?P<suffix>(\.[a-z0-9]{1,11})?)")


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file's SHA-256 in hexadecimal digits, and the suffix it came with, such as ``.gif``.

    Only what looks like these is taken, so a stranger's name is never part of a path. Raises
    ValueError.
    """

    sha256: str
    suffix: str = ""

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise ValueError(f"{self.name[:100]!r} is no file's hash and suffix")

    @property
    def name(self) -> str:
        """The hash and the suffix as one word: the name of a blob."""
        return f"{self.sha256}{self.suffix}"

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the reference that a name is; None for any other, such as a path or a hub id."""
        found = _NAME.fullmatch(name)
        return None if found is None else cls(found["sha256"], found["suffix"])

    @classmethod
    def of_file(cls, file: Path) -> Self:
        """Return what names this file, by reading it. Raises OSError."""
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return cls(digest, file.suffix.lower())

    def path_in(self, directory: Path) -> Path:
        """Return where the file is in a directory of such: a level by its first two digits."""
        return directory / self.sha256[:2] / self.name

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"sha256": self.sha256, "suffix": self.suffix}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the reference that ``to_dict`` wrote. Raises ValueError for any other value."""
        return cls(str(values.get("sha256", "")), str(values.get("suffix", "")))
