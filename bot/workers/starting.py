"""Starting the jobs of tickets that a worker has drawn, and those that go with each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import chain

from bot.jobs.queue import Ticket
from bot.storage.models import Job
from bot.workers.work import Work
from generator.contract.messages import Capabilities, Generate

Started = list[tuple[Job, Generate, float]]
"""Jobs, what their worker is told, and the seconds that each may take."""


async def start_jobs(
    work: Work,
    tickets: Sequence[Ticket],
    capabilities: Capabilities | None,
    device: str,
    put_back: Callable[[Job], Awaitable[None]],
    *,
    have_waited: bool = False,
) -> Started:
    """Start tickets' jobs, all at once, and those that such a worker computes together with each.

    Return them in the order in which the worker is to hear of them; none where a job was cancelled
    meanwhile. ``put_back`` takes those that nobody is going to be told of.
    """
    started: list[Started] = [[] for _ in tickets]
    try:
        await asyncio.gather(
            *(
                _start_with_companions(work, ticket, capabilities, device, own)
                for ticket, own in zip(tickets, started, strict=True)
            )
        )
    except asyncio.CancelledError:
        for job, *_ in chain.from_iterable(started):
            await put_back(job)
        raise
    return [
        (job, replace(generate, companions=len(own) - 1 - number, has_waited=have_waited), seconds)
        for own in started
        for number, (job, generate, seconds) in enumerate(own)
    ]


async def _start_with_companions(
    work: Work, ticket: Ticket, capabilities: Capabilities | None, device: str, started: Started
) -> None:
    await _start(work, ticket, device, started)
    if started and capabilities is not None:
        for other in work.take_companions(ticket, capabilities):
            await _start(work, other, device, started)
    if len(started) > 1:
        work.jobs_together([job.id for job, *_ in started])


async def _start(work: Work, ticket: Ticket, device: str, started: Started) -> None:
    if (one := await work.start_job(ticket, device)) is not None:
        started.append((*one, ticket.seconds))
