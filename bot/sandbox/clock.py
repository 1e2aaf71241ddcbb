"""The sandbox's time: the machine's, plus what a test adds. Knows nothing of Discord."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Epoch seconds that can be moved forward, so that a token's 15 minutes pass at once."""

    def __init__(self) -> None:
        self._added = 0.0

    def now(self) -> float:
        return time.time() + self._added

    def advance(self, seconds: float) -> None:
        """Lets ``seconds`` pass; time never runs backwards, so a negative value is a ValueError."""
        if seconds < 0:
            raise ValueError("Time can only be moved forward.")
        self._added += seconds


def iso(timestamp: float) -> str:
    """Epoch seconds as Discord writes them."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat()
