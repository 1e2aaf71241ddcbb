"""How many seconds of the workers' time each person used lately, and what that puts them behind.

Used seconds halve with every ``HALF_LIFE`` and count by their logarithm, and waiting makes up for
them: the scheme of J. Kay and P. Lauder, "A Fair Share Scheduler" (Communications of the ACM 31(1),
1988), which Slurm's multifactor priority follows, with age counted in rounds of the queue. Pure.
"""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.storage.shares import decayed

TYPICAL_SECONDS = 20.0
"""What a job may take of which nothing is known, and what weighs little of what was used."""
ROUNDS_OF_DOUBLING = 2.0
"""Whoever used twice as much comes after others that have waited so many rounds less."""
_MAX_REMEMBERED = 10_000  # people; those who used the most


@dataclass(frozen=True, slots=True)
class _Charge:
    """What a job that a worker has is thought to take of its owner's share."""

    user_id: int
    seconds: float
    at: float


class FairShares:
    """Seconds by person: what is over by what it took, what a worker has by its estimate."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: dict[int, tuple[float, float]] = {}  # by person: seconds, and as of when
        self._charges: dict[str, _Charge] = {}  # by job that a worker has

    def load(self, used: Mapping[int, float]) -> None:
        """Begin with what earlier runs noted, as it counts now."""
        now = self._clock()
        self._used = {user_id: (seconds, now) for user_id, seconds in used.items()}

    def used(self, user_id: int) -> float:
        """Return the seconds that count as somebody's by now."""
        seconds, at = self._used.get(user_id, (0.0, 0.0))
        return decayed(seconds, self._clock() - at) if seconds else 0.0

    def behind(self, used: float) -> float:
        """Return by how many rounds so many seconds put somebody behind who used none."""
        return ROUNDS_OF_DOUBLING * math.log2(1 + used / TYPICAL_SECONDS)

    def ahead(self, priority: float) -> float:
        """Return by how many rounds a priority puts somebody ahead of who has that of 1."""
        return ROUNDS_OF_DOUBLING * math.log2(priority)

    def charge(self, job_id: str, user_id: int, seconds: float) -> None:
        """Count a job that a worker gets, by what it may take."""
        self.give_back(job_id)
        self._charges[job_id] = _Charge(user_id, seconds, self._clock())
        self._add(user_id, seconds)

    def give_back(self, job_id: str) -> None:
        """Count a job no more that no worker has; what it took is added once it is over."""
        charge = self._charges.pop(job_id, None)
        if charge is not None:
            self._add(charge.user_id, -decayed(charge.seconds, self._clock() - charge.at))

    def settle(self, job_id: str, user_id: int, seconds: float) -> None:
        """Count a job by what it took in place of its estimate."""
        self.give_back(job_id)
        if seconds > 0:
            self._add(user_id, seconds)

    def _add(self, user_id: int, seconds: float) -> None:
        self._used[user_id] = (max(0.0, self.used(user_id) + seconds), self._clock())
        if len(self._used) > 2 * _MAX_REMEMBERED:
            most = heapq.nlargest(_MAX_REMEMBERED, self._used, key=self.used)
            self._used = {each: self._used[each] for each in most}
