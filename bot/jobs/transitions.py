"""What happened to jobs, told to whoever subscribed in this process.

The store publishes a transition once its row is written. Subscribers are called by the event loop
afterwards, never by the writer: in the order of the writes, each transition once. One that fails is
logged and takes nothing from the others; one that has much to do starts a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.core.logs import job_context
from bot.storage.models import Job, State

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transition:
    """A job ``before`` and ``after`` its state changed, and when (aware, of this machine's clock).

    ``before`` is None for a job that this process hadn't before: one just accepted, or, where it
    ``is_recovered``, one that an earlier run left unfinished.
    """

    before: Job | None
    after: Job
    at: datetime
    is_recovered: bool = False


Subscriber = Callable[[Transition], None]


class TransitionStream:
    """Hands every transition to every subscriber."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call ``subscriber`` with every transition that is published from now on."""
        self._subscribers.append(subscriber)

    def publish(self, transition: Transition) -> None:
        """Have all subscribers called; return before any of them is."""
        loop = asyncio.get_running_loop()
        for subscriber in self._subscribers:
            loop.call_soon(_tell, subscriber, transition)


def _tell(subscriber: Subscriber, transition: Transition) -> None:
    try:
        subscriber(transition)
    except Exception:
        logger.exception("a subscriber to job transitions failed")


def log_prompt(transition: Transition) -> None:
    """Write what a job was asked for, where whoever runs the bot wants to read that."""
    if transition.before is None and not transition.is_recovered:
        job = transition.after
        with job_context(job.id, **job.origin.ids):
            logger.info("asked for: %r", job.request.prompt, extra={"has_prompt": True})


def log_transition(transition: Transition) -> None:
    """Write a log line about a transition; what is taken up again has had its own."""
    job = transition.after
    if transition.is_recovered:
        return
    with job_context(job.id, **job.origin.ids):
        if transition.before is None:
            logger.info("accepted as number %d", job.number)
            return
        logger.info("%s, attempt %d", job.state, job.attempt)
        if job.state is State.FAILED:
            logger.info(
                "no result: %s%s",
                job.failure_kind,
                ", may be retried" if job.failure_is_retryable else "",
            )
