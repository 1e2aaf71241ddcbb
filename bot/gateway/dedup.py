"""What came already, so that what comes twice is done once. The newest are remembered."""

from __future__ import annotations

from collections import OrderedDict

_REMEMBERED = 10_000


class Deduplicator:
    """Names of things, whatever they are."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, None] = OrderedDict()

    def is_new(self, name: str) -> bool:
        """Whether it comes for the first time; from now on it doesn't."""
        if name in self._names:
            return False
        self._names[name] = None
        if len(self._names) > _REMEMBERED:
            self._names.popitem(last=False)
        return True
