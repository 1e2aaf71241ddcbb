"""Whether anything can be made at the moment, and this job: what refuses new ones, and why."""

from __future__ import annotations

from bot.core.errors import NotAcceptedError
from bot.jobs.needs import JobNeeds
from bot.jobs.roster import WorkerRoster
from generator.contract.text import NO_TEXT, Text


class Availability:
    """``closed`` says why nothing is accepted for good, ``reason`` why nothing can be made now."""

    def __init__(self, roster: WorkerRoster) -> None:
        self._roster = roster
        self.closed = NO_TEXT
        self.reason = NO_TEXT

    def check_accepts(self, needs: JobNeeds) -> None:
        """Raise NotAcceptedError where a new job can't be made at the moment."""
        if self.closed:
            raise NotAcceptedError("{reason} Please try again in a minute.", reason=self.closed)
        if reason := self.reason or self._roster.broken(needs.model):
            raise NotAcceptedError(reason)

    def note_unavailable(self, reason: Text) -> Text | None:
        """Note that nothing can be made at the moment; return the sentence where it is news."""
        words = Text("No GIFs can be made at the moment. {reason}", reason=reason)
        if words == self.reason:
            return None
        self.reason = words
        return words

    def why_all_wait(self) -> Text | None:
        """Return why all jobs wait, if they do."""
        return self.closed or self.reason or None
