"""Logging for a process of this package: one line format, with the job at work on every line."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextvars import ContextVar

_current_job: ContextVar[str] = ContextVar("job", default="-")


@contextlib.contextmanager
def job(name: str) -> Iterator[None]:
    """Lines logged inside carry ``name``."""
    token = _current_job.set(name)
    try:
        yield
    finally:
        _current_job.reset(token)


def configure(level: str) -> None:
    """Logs to stderr from ``level`` on; called once by a process's entry point, never at import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_job)
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s [job %(job)s] %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(capture=True)


def _add_job(record: logging.LogRecord) -> bool:
    record.job = _current_job.get()
    return True
