"""How long a command's token opens its response, and which message that is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from bot.storage.models import Job

ORIGINAL = cast(int, "@original")  # Discord's word for the response; discord.py wants a number
# Discord says 15 minutes; the margin keeps an upload from ending on the wrong side.
_TOKEN_LIFE = timedelta(minutes=14, seconds=45)


def is_answerable(job: Job) -> bool:
    """Return whether the command's token still opens its response."""
    origin = job.origin
    is_known = not origin.is_followup or job.answer_id is not None
    return is_known and bool(origin.token) and datetime.now(UTC) < origin.asked_at + _TOKEN_LIFE


def response_message_of(job: Job) -> int:
    """Return the message that the command's token opens for this job.

    Jobs that earlier versions took on as further ones of a command have messages of their own.
    """
    follows = job.origin.is_followup and job.answer_id is not None
    return job.answer_id if follows and job.answer_id else ORIGINAL
