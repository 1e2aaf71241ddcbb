"""What whoever runs the bot holds back for a while: all jobs, or those of some models.

Nothing that is held is handed to a worker or newly accepted; what waits keeps its place, and its
owners read why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.core.errors import NotAcceptedError
from bot.jobs.needs import JobNeeds
from generator.contract.text import Text

_DRAINED = Text("Whoever runs the bot has paused it for a while.")


class Holds:
    """``on_change`` is called whenever more or less is held than before."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._is_drained = False
        self._models: dict[str, str] = {}  # what people read of each, by its key

    @property
    def is_drained(self) -> bool:
        """Whether everything is held."""
        return self._is_drained

    @property
    def models(self) -> Mapping[str, str]:
        """The models that are paused: what people read of each, by its key."""
        return self._models

    def set_drained(self, *, is_drained: bool) -> bool:
        """Hold everything, or no more; return whether that is a change."""
        if is_drained == self._is_drained:
            return False
        self._is_drained = is_drained
        self._on_change()
        return True

    def pause_model(self, key: str, label: str) -> bool:
        """Hold what a model makes; return whether that is a change."""
        if key in self._models:
            return False
        self._models[key] = label
        self._on_change()
        return True

    def resume_model(self, key: str) -> bool:
        """Hold what a model makes no more; return whether that is a change."""
        if self._models.pop(key, None) is None:
            return False
        self._on_change()
        return True

    def why_all_wait(self) -> Text | None:
        """Return why everything is held; None where it isn't."""
        return _DRAINED if self._is_drained else None

    def has(self, needs: JobNeeds) -> bool:
        """Return whether a job of these needs is held."""
        return self._is_drained or needs.model in self._models

    def reason(self, needs: JobNeeds) -> Text | None:
        """Return why a job of these needs is held; None where it isn't."""
        if self._is_drained:
            return _DRAINED
        if (label := self._models.get(needs.model)) is None:
            return None
        return Text("The model {model} is paused by whoever runs the bot.", model=label)

    def check_accepts(self, needs: JobNeeds) -> None:
        """Raise NotAcceptedError where a new job of these needs would be held."""
        if (reason := self.reason(needs)) is not None:
            raise NotAcceptedError("{reason} Please try again later.", reason=reason)
