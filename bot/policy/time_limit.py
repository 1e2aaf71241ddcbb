"""The longest that a GIF may take to make: one that would take longer isn't begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.errors import RefusedError
from bot.jobs.cost_model import Estimate
from generator.contract.messages import Request
from generator.contract.text import plural


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """``most_minutes`` by what was learnt of earlier GIFs; 0 is any time."""

    most_minutes: float
    estimate: Callable[[Request], Estimate | None]

    def check(self, requests: Iterable[Request]) -> None:
        """Raise RefusedError where one would take too long. Of what is unknown nothing is said."""
        if not self.most_minutes:
            return
        for request in requests:
            estimate = self.estimate(request)
            if estimate is not None and estimate.seconds > 60 * self.most_minutes:
                raise RefusedError(
                    plural(
                        "It would take about 1 minute to make, and {most:g} are allowed here; ask "
                        "for fewer frames or steps, or for a smaller size.",
                        "It would take about {count} minutes to make, and {most:g} are allowed "
                        "here; ask for fewer frames or steps, or for a smaller size.",
                        max(1, round(estimate.seconds / 60)),
                        most=self.most_minutes,
                    )
                )
