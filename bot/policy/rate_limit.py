"""Limits how many interactions of one person are looked at in a short time.

A flood of one person's costs the others nothing: what goes beyond is not even looked at.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_REMEMBERED = 10_000  # people; who was forgotten begins anew


class RateLimit:
    """A bucket for each person that fills up again by itself.

    With ``each_second`` 0, anybody may take any number.
    """

    def __init__(
        self, *, at_once: float, each_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once = at_once
        self._each_second = each_second
        self._clock = clock
        self._left: OrderedDict[int, tuple[float, float]] = OrderedDict()  # how much, and when

    def configure(self, *, at_once: float, each_second: float) -> None:
        """Go by these figures from now on; what is in the buckets stays."""
        self._at_once, self._each_second = at_once, each_second

    def take(self, user_id: int, cost: float = 1.0) -> bool:
        """Take ``cost`` from a person's bucket; return whether as much was left."""
        if not self._each_second:
            return True
        now = self._clock()
        left, then = self._left.pop(user_id, (self._at_once, now))
        left = min(self._at_once, left + (now - then) * self._each_second)
        is_enough = left >= cost
        self._left[user_id] = (left - cost if is_enough else left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return is_enough
