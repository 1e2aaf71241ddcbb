"""For how many more jobs a worker asks, and how long before it could begin them.

What lies in the worker when a job is computed is begun at once, however late its parent is; what
lies there has left the queue, so it is as little as that takes. Long jobs lie there one at a time
and for a moment, of quick ones as many as are computed in that moment.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from generator.contract.messages import MAX_AHEAD, Generate

LEAD_SECONDS = 0.5
"""Longer than a bot under load takes to hand out a job, shorter than anybody regrets which."""
MOST_LEAD_SECONDS = 2.0
"""The same, where a bot was seen to take longer."""

_REMEMBERED = 16  # answers
_MARGIN = 1.5  # of the lead, over what answers take


class Room:
    """Knows which jobs wait in the worker, which were asked for, and how long those take to come.

    Called from both threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: list[Generate] = []
        self._asked = 1  # jobs that are yet to come; of the first one nobody has to be told
        self._asked_at: deque[float] = deque()
        self._answers: deque[float] = deque(maxlen=_REMEMBERED)  # seconds

    @property
    def lead(self) -> float:
        """Seconds before a job can be begun in which it had better come."""
        slow = sorted(self._answers)[-2:-1]  # once is chance
        return min(max([LEAD_SECONDS, *(_MARGIN * each for each in slow)]), MOST_LEAD_SECONDS)

    def job_came(self, job: object) -> None:
        """Note that a job waits, maybe behind others."""
        with self._lock:
            self._asked -= 1
            asked_at = self._asked_at.popleft() if self._asked_at else None
            if not isinstance(job, Generate):  # it can't be read, and takes no time
                return
            self._waiting.append(job)
            if job.has_waited and asked_at is not None:
                self._answers.append(self._clock() - asked_at)

    def job_begins(self, job: object) -> None:
        """Note that a job waits no longer."""
        with self._lock:
            self._waiting = [other for other in self._waiting if other is not job]

    def ask(self, left: float, usual: float, seconds: Callable[[Generate], float]) -> int:
        """Return for how many more jobs there is room, which is then said to the parent.

        ``left`` are the seconds until the job at hand is computed, ``usual`` those that one such as
        it takes, and ``seconds(job)`` those that one takes which waits.
        """
        with self._lock:
            ahead = left + sum(map(seconds, self._waiting))
            least = 0 if self._waiting else 1
            wanted = max(_times(self.lead - ahead, usual), least)
            more = max(0, min(wanted, MAX_AHEAD - len(self._waiting)) - self._asked)
            self._asked += more
            self._asked_at.extend([self._clock()] * more)
            return more


def _times(seconds: float, each: float) -> int:
    """Return how many jobs that take so long ``each`` fill these seconds."""
    if not (seconds > 0 and math.isfinite(each)):
        return 0
    return min(MAX_AHEAD, math.ceil(seconds / max(each, seconds / MAX_AHEAD)))
