"""How far a long piece of work is, on one line of a terminal; elsewhere nothing is said."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from bot.storage.backups.manifest import Report

_EVERY = 0.2  # seconds


@contextmanager
def progress_line(stream: TextIO | None = None) -> Iterator[Report]:
    """Yield what shows the progress in bytes; the line is gone after the block."""
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
