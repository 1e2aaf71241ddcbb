"""The composition root: everything is made here, once, and taken down in the opposite order."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from bot.client import HotshotClient
from bot.config import GeneratorSettings, LogSettings, Settings
from bot.house import House
from bot.jobs.delivery import DiscordCourier
from bot.jobs.ledger import Ledger
from bot.jobs.pool import Pool, run_pool
from bot.jobs.progress import Pace
from bot.jobs.queue import Quota
from bot.jobs.service import JobService
from bot.lock import locked
from bot.storage import jobs as rows
from bot.storage.database import Database, open_database
from generator.limits import ModelLimits
from generator.worker import WorkerSettings

T = TypeVar("T")

logger = logging.getLogger(__name__)

_LEAVING = "The bot is being restarted; please try again in a minute."


async def run(settings: Settings) -> None:
    """Runs the bot until SIGTERM or SIGINT. Raises StartupError, ModelError."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings.require_token()
    limits = ModelLimits.of(settings.generator.model)
    with locked(settings.storage.data_dir):
        async with (
            open_database(settings.storage.url) as database,
            HotshotClient(settings.discord) as client,
        ):
            courier = DiscordCourier(client)
            jobs = await _job_service(settings, database, courier)
            client.furnish(House(limits, database, jobs))
            pool = Pool(_worker_settings(settings.generator, settings.log), jobs)
            jobs.register_workers(pool.cancel)
            try:
                async with (
                    run_pool(pool) as serving,
                    _in_background(courier.board.run()) as editing,
                    _in_background(_converse(client, jobs)) as conversing,
                ):
                    await _until(stop, serving, editing, conversing)
                    logger.info("leaving")
                    jobs.refuse(_LEAVING)
            finally:
                await jobs.close()


async def _converse(client: HotshotClient, jobs: JobService) -> None:
    """Logs in, takes up what was left, and stays connected."""
    began = time.perf_counter()
    await client.log_in()
    await jobs.recover()
    async with _in_background(_announce(client, began)):
        await client.serve()


async def _announce(client: HotshotClient, began: float) -> None:
    await client.connected.wait()
    logger.info("ready, %.2f s after the first word to Discord", time.perf_counter() - began)


async def _job_service(
    settings: Settings, database: Database, courier: DiscordCourier
) -> JobService:
    model = settings.generator.model
    results = settings.storage.data_dir / "results"
    results.mkdir(exist_ok=True)
    recent = await database.read(rows.recent_seconds, model)
    jobs = JobService(
        Ledger(database, Quota(size=settings.queue.size, per_user=settings.queue.per_user)),
        courier=courier,
        results=results.resolve(),
        model=model,
        pace=Pace(reversed(recent)),
        workers=len(settings.generator.device_names),
    )
    courier.watch(jobs)
    return jobs


def _worker_settings(generator: GeneratorSettings, log: LogSettings) -> list[WorkerSettings]:
    """One worker for each device."""
    return [
        WorkerSettings(
            model=generator.model,
            device=device,
            precision=generator.precision,
            engine=generator.engine,
            log_level=log.level,
        )
        for device in generator.device_names
    ]


async def _until(stop: asyncio.Event, *work: asyncio.Task[Any]) -> None:
    """Until ``stop``, or until some of the ``work`` ends by itself, with its error."""
    async with _in_background(stop.wait()) as told:
        await asyncio.wait((told, *work), return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        if task.done():
            task.result()


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Runs beside the block and is cancelled at its end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
