"""Tells what this machine has: its cores and its memory (0 where the system doesn't say); runs the
bot's event loop on it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from generator.link import event_loop

T = TypeVar("T")

# Threads that read the database give up the interpreter in each query, and wait so long for it
# where the event loop is busy: Python's 5 ms are longer than most queries take.
_SWITCH_SECONDS = 0.0005


def run_event_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the fastest event loop that is installed, with threads beside it."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    return event_loop.run_event_loop(main)


def cpu_count() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def total_memory_bytes() -> int:
    """Return how much memory the machine has in all."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
