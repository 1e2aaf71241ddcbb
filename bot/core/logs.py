"""Formats the bot's log lines as ``generator.contract.logs`` does, without any token.

Secrets are blotted out of the finished line, so neither a foreign library's DEBUG message nor a
traceback can carry one: known ones by value, interaction tokens by where they stand.
"""

from __future__ import annotations

import logging
import re
import sys

from generator.contract import logs
from generator.contract.logs import bind_log_ids, bound_id, job_context

__all__ = ["LineFormatter", "bind_log_ids", "bound_id", "configure", "job_context", "redact"]

_BLOT = "[redacted]"
_TOKEN_PLACES = (
    re.compile(r"(/interactions/\d+/)[^/\s'\"]+"),
    re.compile(r"(/webhooks/\d+/)[^/\s?'\"]+"),
    re.compile(r"""(\\?["']?token\\?["']?\s*[:=]\s*\\?["'])[^"'\\]+"""),
    re.compile(r"(Authorization\\?['\"]?\s*[:=]\s*\\?['\"]?Bot )[^'\"\\\s]+"),
)
# These write parameters and frames as they are; at DEBUG they would say more than is anybody's
# business, and cost more than the work itself.
_QUIET = ("alembic", "asyncio", "sqlalchemy.engine")


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return ``text`` without the ``secrets`` and without anything that looks like a token."""
    for secret in secrets:
        text = text.replace(secret, _BLOT)
    for place in _TOKEN_PLACES:
        text = place.sub(rf"\g<1>{_BLOT}", text)
    return text


class LineFormatter(logs.LineFormatter):
    """Formats a record as one line that holds none of the ``secrets``."""

    def __init__(self, secrets: tuple[str, ...], form: str = logs.TEXT) -> None:
        super().__init__(form)
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(_without_network_traces(record)), self._secrets)


def configure(level: str, form: str = logs.TEXT, *, secrets: tuple[str, ...] = ()) -> None:
    """Have everything logged to standard error; called once, by the command line."""
    logs.configure(level, formatter=LineFormatter(secrets, form))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _without_network_traces(record: logging.LogRecord) -> logging.LogRecord:
    error = record.exc_info[1] if record.exc_info else None
    if error is None or not _is_of_the_network(error):
        return record
    words = f"{record.getMessage()} ({type(error).__name__}: {error})"
    return logging.makeLogRecord(vars(record) | {"msg": words, "args": (), "exc_info": None})


def _is_of_the_network(error: BaseException) -> bool:
    """Return whether an error is no bug: then its traceback says nothing that its name doesn't."""
    aiohttp = sys.modules.get("aiohttp")  # not imported for this: each command line would wait
    return isinstance(error, OSError) or (
        aiohttp is not None and isinstance(error, aiohttp.ClientError)
    )
