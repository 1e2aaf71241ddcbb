"""The part of a training that one process does: it ends in time, with all in checkpoints."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_over, _asked = threading.Event(), threading.Event()


class PartOverError(Exception):
    """Raised between two steps where a part ends; what is learnt is saved."""


def is_part_over() -> bool:
    """Return whether no further step is to be begun."""
    return _over.is_set()


def was_asked_to_end() -> bool:
    """Return whether a signal ended the part, and not its time."""
    return _asked.is_set()


@contextmanager
def part(hours: float) -> Iterator[None]:
    """Let a part be over after so many hours, or when the process is asked to end."""
    _over.clear()
    _asked.clear()
    timer = threading.Timer(hours * 3600, _over.set)
    timer.daemon = True
    handlers = {number: signal.signal(number, _end) for number in (signal.SIGTERM, signal.SIGINT)}
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        _over.clear()


def _end(number: int, _frame: Any) -> None:
    if _over.is_set():  # asked twice: at once
        signal.default_int_handler(number, None)
    _asked.set()
    _over.set()
