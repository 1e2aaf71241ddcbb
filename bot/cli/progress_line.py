"""Long work on a terminal: how far it is, on one line, and an end that leaves nothing half done."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from bot.storage.backups.manifest import Report

_EVERY = 0.2  # seconds


@contextmanager
def progress_line(stream: TextIO | None = None) -> Iterator[Report]:
    """Yield what shows the progress in bytes; the line is gone after the block.

    Elsewhere than on a terminal nothing is said. SIGTERM ends the block as Ctrl-C does, so that it
    can take away what it began.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out = stream or sys.stderr
    shown_at = 0.0

    def report(done: int, total: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if not out.isatty() or now - shown_at < _EVERY:
            return
        shown_at = now
        share = done / total if total else 1.0
        out.write(f"\r{share:4.0%} of {total / 1e6:.0f} MB\033[K")
        out.flush()

    try:
        yield report
    finally:
        if shown_at:
            out.write("\r\033[K")
            out.flush()
