"""How often a host says how far a job is: an engine may do a thousand steps a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from generator.contract.messages import Progress

_SECONDS = 0.1  # between two of one stage; nobody sees more, and each costs all on its way


class ProgressThrottle:
    """Lets each stage's first and last word through, new previews, and others now and then.

    Each job has one; ``preview_said`` is its last preview of which the bot has the bytes.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = 0.0
        self.preview_said = ""
        self._last: Progress | None = None

    def lets_through(self, progress: Progress) -> bool:
        """Return whether to say this one."""
        now, last = self._clock(), self._last
        is_new = last is None or _subject(last) != _subject(progress)
        if not is_new and progress.step < progress.steps and now - self._at < _SECONDS:
            return False
        self._at, self._last = now, progress
        return True


def _subject(progress: Progress) -> tuple[str, int, str, str]:
    return progress.job_id, progress.attempt, progress.stage, progress.preview
