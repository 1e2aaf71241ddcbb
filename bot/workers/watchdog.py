"""When a worker is taken for stuck, or for too large."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.storage.models import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogSettings:
    """When a worker is replaced. ``memory_bytes`` 0 is any amount."""

    silence_seconds: float = 600.0
    start_seconds: float = 3600.0  # a first start may download its model
    memory_bytes: int = 0

    def silence_limit(self, job: Job, known_controls: Collection[str]) -> float:
        """Return how long it may be silent: a ControlNet new there may first be downloaded."""
        kinds = {control.kind for control in job.request.controls}
        if kinds.issubset(known_controls):
            return self.silence_seconds
        return max(self.silence_seconds, self.start_seconds)
