"""Log lines: one a message, the job's id on each that belongs to one, no token on any.

    2026-08-01T12:00:00.123Z INFO bot.jobs.service job=5f0c… accepted

Secrets are blotted out of the finished line, so neither a foreign library's DEBUG message nor a
traceback can carry one: known ones by value, interaction tokens by where they stand.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime

import aiohttp

_job: ContextVar[str] = ContextVar("job", default="")

_BLOT = "[redacted]"
_TOKEN_PLACES = (
    re.compile(r"(/interactions/\d+/)[^/\s'\"]+"),
    re.compile(r"(/webhooks/\d+/)[^/\s?'\"]+"),
    re.compile(r"""(["']?token["']?\s*[:=]\s*["'])[^"']+"""),
    re.compile(r"(Authorization['\"]?\s*[:=]\s*['\"]?Bot )[^'\"\s]+"),
)
# These write parameters and frames as they are; at DEBUG they would say more than is anybody's
# business, and cost more than the work itself.
_QUIET = ("aiosqlite", "alembic", "asyncio", "sqlalchemy.engine")
# A network that fails is no bug: its traceback says nothing that its name doesn't.
_EXPECTED = (OSError, TimeoutError, aiohttp.ClientError)


@contextlib.contextmanager
def job_context(job_id: str) -> Iterator[None]:
    """Lines logged inside, by whomever, carry the job's id."""
    token = _job.set(job_id)
    try:
        yield
    finally:
        _job.reset(token)


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """``text`` without tokens."""
    for secret in secrets:
        text = text.replace(secret, _BLOT)
    for place in _TOKEN_PLACES:
        text = place.sub(rf"\g<1>{_BLOT}", text)
    return text


class LineFormatter(logging.Formatter):
    """One line a message (a traceback adds its own), without ``secrets``."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        job = getattr(record, "job", "") or _job.get()
        words = [time.replace("+00:00", "Z"), record.levelname, record.name]
        words += [f"job={job}"] if job else []
        line = " ".join([*words, record.getMessage().replace("\n", "\\n")])
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _EXPECTED):
            line += f" ({type(error).__name__}: {error})"
        elif record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line, self._secrets)


def configure(level: str, *, secrets: tuple[str, ...] = ()) -> None:
    """Logs to standard error; called once, by the command line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
