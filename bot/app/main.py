"""The composition root: runs everything together, and takes it down in the opposite order."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from functools import partial
from pathlib import Path

from bot.app.background import in_background, wait_until
from bot.app.client import HotshotClient
from bot.app.erasing import finish_earlier_erasures
from bot.app.furnishing import furnish
from bot.app.gpu_hosts import check_gpu_hosts, open_gpu_hosts, reports_of
from bot.app.housekeeping import keep_clean_while_running
from bot.app.live_settings import rate_limit
from bot.app.lock import lock_data_directory
from bot.app.monitoring import Monitoring, RunningBot
from bot.app.owner import serve_owner
from bot.app.upgrade_backup import keep_before_upgrade
from bot.app.worker_settings import watchdog_settings, worker_settings, worker_settings_for
from bot.commands.sample_requests import forget_stale_samples
from bot.core import translations
from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.jobs.service import JobService
from bot.operations.config_file import RunningConfig
from bot.storage.database import open_database
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.status_file import report_while_running
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_LEAVING = Text("The bot is being restarted.")


async def run(settings: Settings, file: Path | None = None) -> None:
    """Run the bot until SIGTERM or SIGINT; ``file`` is the config that was named, if any.

    Raises StartupError, ModelError.
    """
    config = RunningConfig(file, settings)
    stop = _Stop()
    settings.require_token()
    check_gpu_hosts(settings)  # before the database is touched
    monitoring = Monitoring(settings)
    models = ModelCatalogue.of(settings)
    await asyncio.to_thread(translations.load)
    with lock_data_directory(settings.storage.data_dir):
        async with (
            monitoring.exporting(),
            open_database(
                settings.storage.url, before_upgrade=partial(keep_before_upgrade, settings.storage)
            ) as database,
            HotshotClient(
                settings.discord, rate_limit(settings.queue), monitoring.http_trace
            ) as client,
        ):
            await finish_earlier_erasures(database, settings)
            house = await furnish(client, settings, models, database, config)
            monitoring.follow(house.streams)
            jobs = house.jobs
            backend = LocalBackend(files=settings.storage.blobs, outputs=settings.storage.scratch)
            watchdog = watchdog_settings(settings.generator)
            pool = Pool(worker_settings(settings), jobs, backend, watchdog)
            jobs.register_workers(pool.cancel)
            try:
                async with in_background(house.pictures.start()) as starting:
                    await wait_until(stop.stop_requested, starting)
                async with (
                    open_gpu_hosts(settings, pool, worker_settings_for(settings, "")) as hosts,
                    monitoring.serve(
                        RunningBot(client=client, pool=pool, host_reports=reports_of(hosts)),
                        jobs,
                        database,
                    ),
                    serve_owner(
                        client,
                        pool,
                        reports_of(hosts),
                        config=config,
                        transitions=house.streams.transitions,
                    ),
                    run_pool(pool) as serving,
                    in_background(house.progress.run()) as editing,
                    in_background(
                        keep_clean_while_running(database, house.blobs, config)
                    ) as keeping,
                    in_background(
                        report_while_running(pool, reports_of(hosts), settings.storage.data_dir)
                    ),
                    in_background(database.watch()) as watching,
                    in_background(_serve_discord(client, jobs)) as conversing,
                    in_background(house.eraser.run()) as erasing,
                ):
                    work = [serving, editing, keeping, watching, conversing, erasing]
                    work += [hosts.hearing] if hosts else []
                    await wait_until(stop.stop_requested, *work)
                    jobs.stop_accepting(_LEAVING)
                    await _drain(pool, stop, config.settings.queue.leave_seconds)
            finally:
                await jobs.close()
                await house.pictures.close()


class _Stop:
    """What signals ask for: the first to stop, the second to stop at once."""

    def __init__(self) -> None:
        self.stop_requested = asyncio.Event()
        self.force_requested = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signal)

    def _signal(self) -> None:
        (self.force_requested if self.stop_requested.is_set() else self.stop_requested).set()


async def _serve_discord(client: HotshotClient, jobs: JobService) -> None:
    """Resume the jobs that were left, log in, and stay connected."""
    started = time.perf_counter()
    await jobs.recover()
    await forget_stale_samples(client.context)
    await client.log_in()
    async with in_background(_log_when_ready(client, started)):
        await client.serve()


async def _log_when_ready(client: HotshotClient, started: float) -> None:
    await client.connected.wait()
    gc.collect()
    gc.freeze()  # what is here by now stays, and looking through it takes 60 ms each time
    logger.info("ready, %.2f s after first contacting Discord", time.perf_counter() - started)


async def _drain(pool: Pool, stop: _Stop, seconds: float) -> None:
    """Let the workers finish what they have in hand, for a while; the rest is put back."""
    logger.info("stopping; GIFs in the making have %g s to finish", seconds)
    async with (
        in_background(pool.drain()) as draining,
        in_background(stop.force_requested.wait()) as forcing,
    ):
        await asyncio.wait(
            (draining, forcing), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
