"""Whether the disk has room for what is to be accepted."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

from bot.errors import NotAcceptedError


@dataclass(frozen=True, slots=True)
class Room:
    """Of the disk that ``directory`` is on, ``spare_bytes`` are never to be filled."""

    directory: Path
    spare_bytes: int

    def check(self) -> None:
        """Raises NotAcceptedError where there is too little."""
        try:
            free = shutil.disk_usage(self.directory).free
        except OSError as error:
            raise NotAcceptedError(
                "The bot's data directory can't be reached, so nothing was accepted; please tell "
                "whoever runs the bot."
            ) from error
        if free < self.spare_bytes:
            raise no_room()


def no_room() -> NotAcceptedError:
    """What is said of a full disk."""
    return NotAcceptedError(
        "The bot's disk is full, so nothing was accepted; please tell whoever runs the bot to make "
        "room."
    )


def is_full(error: BaseException) -> bool:
    """Whether the disk, or this user's part of it, is what failed."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
