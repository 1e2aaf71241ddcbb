"""Log lines, the same in every process: when, how grave, who, whose job, and what.

    2026-08-01T12:00:00.123Z INFO generator.worker job=5f0c… attempt=1 made it in 3.2 s
    {"time": "2026-08-01T12:00:00.123Z", "level": "INFO", "logger": …, "job": "5f0c…", …}

Standard library only. Which words must not stand in a line is for whoever holds secrets to say.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime

TEXT, JSON = "text", "json"
FORMATS = (TEXT, JSON)

_job: ContextVar[dict[str, str | int]] = ContextVar("job")


@contextlib.contextmanager
def job(job_id: str, attempt: int = 0) -> Iterator[None]:
    """Lines logged inside, by whomever, carry the job's id."""
    token = _job.set({"job": job_id} | ({"attempt": attempt} if attempt else {}))
    try:
        yield
    finally:
        _job.reset(token)


class LineFormatter(logging.Formatter):
    """A line for each message; in text, a traceback adds its own."""

    def __init__(self, form: str = TEXT) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, str | int] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
        }
        facts |= _job.get({})
        if own := getattr(record, "job", ""):
            facts["job"] = own
        message = record.getMessage()
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._form == JSON:
            facts["message"] = message
            return json.dumps(facts | ({"trace": trace} if trace else {}), ensure_ascii=False)
        named = [f"{key}={facts[key]}" for key in ("job", "attempt") if key in facts]
        words = [facts["time"], facts["level"], facts["logger"], *named]
        line = " ".join(map(str, [*words, message.replace("\n", "\\n")]))
        return f"{line}\n{trace}" if trace else line


def configure(level: str, form: str = TEXT, formatter: logging.Formatter | None = None) -> None:
    """Logs to stderr from ``level`` on; called once by a process's entry point, never at import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter or LineFormatter(form))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # Read when it is imported, when it has hints for programmers to give.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
