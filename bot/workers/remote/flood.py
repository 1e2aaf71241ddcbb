"""How much of somebody is read: so many messages a second, and a line in the log on the rest."""

from __future__ import annotations

import time
from collections.abc import Callable

_QUIET_SECONDS = 60.0  # between two lines about one sender


class FloodGate:
    """A bucket of ``burst`` messages, into which ``rate`` come a second; it is full at first.

    A line that was down brings at once what was said meanwhile.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = self._left = burst
        self._clock = clock
        self._at = clock()
        self._refused_at: float | None = None

    def opens(self) -> bool:
        """Return whether one more may be read now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def is_first_refusal(self) -> bool:
        """Return whether a refusal is worth a line: the first one for a while."""
        now = self._clock()
        if self._refused_at is not None and now - self._refused_at < _QUIET_SECONDS:
            return False
        self._refused_at = now
        return True
