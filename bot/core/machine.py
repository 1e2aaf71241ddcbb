"""Tells what this machine has: its cores, its memory (0 where the system doesn't say), and the
fastest event loop.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

# Threads that read the database give up the interpreter in each query, and wait so long for it
# where the event loop is busy: Python's 5 ms are longer than most queries take.
_SWITCH_SECONDS = 0.0005


def run_event_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as ``asyncio.run`` does, on the fastest event loop that is installed."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        from uvloop import new_event_loop
    except ImportError:  # it isn't made for Windows
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(main)


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
