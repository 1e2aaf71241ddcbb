"""Starting the job of a ticket that a worker has drawn, and those that go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.jobs.queue import Ticket
from bot.storage.models import Job
from bot.workers.work import Work
from generator.contract.messages import Capabilities, Generate

Started = list[tuple[Job, Generate]]


async def start_jobs(
    work: Work,
    ticket: Ticket,
    capabilities: Capabilities | None,
    device: str,
    put_back: Callable[[Job], Awaitable[None]],
) -> Started:
    """Start a ticket's job, and those that such a worker computes together with it.

    Return them in the order in which the worker is to hear of them; none where the job was
    cancelled meanwhile. ``put_back`` takes those that nobody is going to be told of.
    """
    started: Started = []
    try:
        await _start(work, ticket, device, started)
        if started and capabilities is not None:
            for other in work.take_companions(ticket, capabilities):
                await _start(work, other, device, started)
    except asyncio.CancelledError:
        for job, _ in started:
            await put_back(job)
        raise
    if len(started) > 1:
        work.jobs_together([job.id for job, _ in started])
    return [
        (job, replace(generate, companions=len(started) - 1 - number))
        for number, (job, generate) in enumerate(started)
    ]


async def _start(work: Work, ticket: Ticket, device: str, started: Started) -> None:
    if (one := await work.start_job(ticket, device)) is not None:
        started.append(one)
