"""What this process knows of each job beside its row: how its state changed, its last log lines.

Kept in memory, of the newest jobs alone. Lines are the bot's own, from INFO on, as the log has
them, without tokens; the one that holds a prompt is left out.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.logs import LineFormatter
from bot.jobs.transitions import Transition
from bot.storage.models import State
from generator.contract.logs import bound_id

_MOST_JOBS = 1000
_MOST_CHANGES = 50
_MOST_LINES = 30
_LONGEST_LINE = 300
_OWN = ("bot.", "generator.")


@dataclass(frozen=True, slots=True)
class Change:
    """A state that a job came into."""

    at: datetime
    state: State
    attempt: int


@dataclass(frozen=True, slots=True)
class _Entry:
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=_MOST_CHANGES))
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))


class JobJournal(logging.Handler):
    """A handler of the root logger, and a subscriber to the transitions of jobs."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(LineFormatter(secrets))
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what is logged meanwhile."""
        logging.getLogger().addHandler(self)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line that is about a job."""
        job_id = str(getattr(record, "job", "") or bound_id("job") or "")
        has_prompt = getattr(record, "has_prompt", False)
        if not job_id or has_prompt or not record.name.startswith(_OWN):
            return
        line = self.format(record).partition("\n")[0]
        with self._locked():
            self._entry(job_id).lines.append(line[:_LONGEST_LINE])

    def follow(self, transition: Transition) -> None:
        """Note a change of state."""
        job = transition.after
        with self._locked():
            changes = self._entry(job.id).changes
            changes.append(Change(transition.at, job.state, job.attempt))

    def changes(self, job_id: str) -> list[Change]:
        """Return the changes of a job's state, the oldest first."""
        with self._locked():
            entry = self._entries.get(job_id)
            return list(entry.changes) if entry else []

    def lines(self, job_id: str) -> list[str]:
        """Return the last lines about a job, the oldest first."""
        with self._locked():
            entry = self._entries.get(job_id)
            return list(entry.lines) if entry else []

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the handler's lock, which ``emit`` is called with: threads log as well."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _entry(self, job_id: str) -> _Entry:
        entry = self._entries.setdefault(job_id, _Entry())
        self._entries.move_to_end(job_id)
        if len(self._entries) > _MOST_JOBS:
            self._entries.popitem(last=False)
        return entry
