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
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType

TEXT, JSON = "text", "json"
FORMATS = (TEXT, JSON)

_FACTS = ("job", "attempt", "user", "server", "channel")  # as a line of text has them
_facts: ContextVar[Mapping[str, str | int]] = ContextVar("facts", default=MappingProxyType({}))
_hidden: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())
_HIDDEN_FROM = 4  # letters: of fewer nobody learns anything, and they stand in every line


@contextlib.contextmanager
def bind_log_ids(**facts: str | int | None) -> Iterator[None]:
    """Put these ids on the lines that are logged inside, by whomever; empty ones are left out."""
    now = dict(_facts.get())
    for name, value in facts.items():
        now.pop(name, None)
        if value:
            now[name] = value
    token = _facts.set(now)
    try:
        yield
    finally:
        _facts.reset(token)


def bound_id(name: str) -> str | int | None:
    """Return what ``bind_log_ids`` was given under a name around here; None where nothing was."""
    return _facts.get().get(name)


def job_context(
    job_id: str, attempt: int | None = None, **whose: str | int | None
) -> contextlib.AbstractContextManager[None]:
    """Bind the ids of a job, and of ``whose`` it is: user, server, channel."""
    return bind_log_ids(job=job_id, attempt=attempt, **whose)


@contextlib.contextmanager
def hide_texts(*texts: str) -> Iterator[None]:
    """Keep these out of the lines that are logged inside, such as a prompt in an error's words."""
    long_enough = tuple(text for text in texts if len(text) >= _HIDDEN_FROM)
    token = _hidden.set((*_hidden.get(), *long_enough))
    try:
        yield
    finally:
        _hidden.reset(token)


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
        facts |= _facts.get()
        if own := getattr(record, "job", ""):
            facts["job"] = own
        message = _without_hidden(record.getMessage())
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        trace = _without_hidden(trace)
        if self._form == JSON:
            facts["message"] = message
            return json.dumps(facts | ({"trace": trace} if trace else {}), ensure_ascii=False)
        named = [f"{key}={facts[key]}" for key in _FACTS if key in facts]
        words = [facts["time"], facts["level"], facts["logger"], *named]
        line = " ".join(map(str, [*words, message.replace("\n", "\\n")]))
        return f"{line}\n{trace}" if trace else line


def configure(level: str, form: str = TEXT, formatter: logging.Formatter | None = None) -> None:
    """Log to stderr from ``level`` on; called once by a process's entry point, never at import."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter or LineFormatter(form))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    # Read when it is imported, when it has hints for programmers to give.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def _without_hidden(text: str) -> str:
    for hidden in _hidden.get():
        text = text.replace(hidden, "[hidden]")
    return text


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
