"""The composition root: makes everything, once, and takes it down in the opposite order."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from yarl import URL

from bot.app.background import in_background, wait_until
from bot.app.client import HotshotClient
from bot.app.erasing import finish_earlier_erasures, forgetting, make_eraser
from bot.app.gpu_hosts import check_gpu_hosts, open_gpu_hosts, reports_of
from bot.app.housekeeping import keep_clean_while_running, make_disk_guard
from bot.app.live_settings import LiveParts, rate_limit
from bot.app.lock import lock_data_directory
from bot.app.monitoring import Monitoring, RunningBot, Streams
from bot.app.owner import serve_owner
from bot.app.upgrade_backup import keep_before_upgrade
from bot.app.worker_settings import watchdog_settings, worker_settings, worker_settings_for
from bot.commands.sample_requests import forget_stale_samples
from bot.core import translations
from bot.core.config import DISCORD, Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.delivery.discord_notifier import DiscordNotifier
from bot.delivery.group_messages import GroupMessages
from bot.delivery.progress_messages import ProgressMessages
from bot.gateway.context import BotContext
from bot.intake.attachments import SourceIntake
from bot.intake.download import AllowedHosts, attachment_hosts_of
from bot.intake.lora_upload import LoraIntake
from bot.jobs.cost_history import CostHistory
from bot.jobs.samples import SampleMaker
from bot.jobs.service import JobService
from bot.jobs.store import JobStore
from bot.operations.config_file import RunningConfig
from bot.policy.adult_rules import AdultRules
from bot.policy.blocks import BlockList
from bot.policy.daily_quota import (
    FILES,
    LORAS,
    DailyDraftQuota,
    daily_bytes,
    daily_exports,
    daily_reports,
)
from bot.policy.lora_quota import KeptLoraQuota
from bot.policy.pictures.picture_judge import PictureJudge, make_picture_judge
from bot.policy.policy_gate import PolicyGate
from bot.policy.seconds_quota import SecondsQuota
from bot.policy.time_limit import TimeLimit
from bot.policy.words.judge import WordJudge, read_owners_lists
from bot.privacy.eraser import Eraser
from bot.privacy.leaving import LeavingPeople
from bot.privacy.servers import ServerDepartures
from bot.storage.blobs import BlobStore
from bot.storage.database import Database, open_database
from bot.storage.disk_guard import DiskGuard
from bot.storage.preferences import Preferences
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.status_file import report_while_running
from generator.checkpoints.inspect.architecture import layers_of
from generator.checkpoints.inspect.lora_layers import ModelLayers
from generator.contract.errors import ModelError
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
            await finish_earlier_erasures(database, settings.storage)
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


@dataclass(frozen=True, slots=True)
class House:
    """What a client works with, as far as others need it."""

    blobs: BlobStore
    jobs: JobService
    progress: ProgressMessages
    streams: Streams
    pictures: PictureJudge
    eraser: Eraser


async def furnish(
    client: HotshotClient,
    settings: Settings,
    models: ModelCatalogue,
    database: Database,
    config: RunningConfig | None = None,
) -> House:
    """Give a client all that its commands work with, whatever Discord it will log in to.

    Changes of ``config`` are taken in from then on.
    """
    config = config or RunningConfig(None, settings)
    blobs = BlobStore(settings.storage.blobs)
    disk_guard = make_disk_guard(config, database, blobs)
    preferences = Preferences(database)
    store = JobStore(database, settings.queue.size)
    blocks = BlockList(database)
    await blocks.load()
    words = WordJudge(database, await asyncio.to_thread(read_owners_lists, settings.moderation))
    pictures = make_picture_judge(settings, preferences, blobs)
    cost_history = await CostHistory.load(database, settings.generator.model, *settings.models)
    leaving = LeavingPeople()
    policy = PolicyGate(
        store,
        preferences,
        disk_guard,
        words=words,
        blocks=blocks,
        adult=AdultRules(database, settings),
        pictures=pictures,
        seconds=SecondsQuota(
            database,
            preferences,
            settings.quota,
            asked_by=store.asked_by,
            estimate=cost_history.estimate,
        ),
        per_user=settings.queue.per_user,
        time_limit=TimeLimit(settings.queue.most_minutes, cost_history.estimate),
        cooldown_seconds=settings.queue.cooldown_seconds,
        priority_roles=settings.queue.priority_roles,
        leaving=leaving,
    )
    groups = GroupMessages(client, policy, database, models)
    progress = ProgressMessages(client, policy, groups, client.logged_in)
    scratch = settings.storage.scratch
    notifier = DiscordNotifier(
        client, progress, groups, scratch=scratch, logged_in=client.logged_in, models=models
    )
    jobs = _job_service(
        settings, models, store, cost_history, blobs=blobs, gate=policy, notifier=notifier
    )
    pictures.set_alert(jobs.alert_owner)
    progress.set_job_service(jobs)
    groups.set_job_service(jobs)
    eraser = make_eraser(
        settings,
        client,
        database,
        blobs,
        jobs=jobs,
        transitions=store.transitions,
        leaving=leaving,
        forget_cached=forgetting(preferences, words, blocks),
    )
    client.set_context(
        _context(
            settings,
            models,
            database=database,
            blobs=blobs,
            disk_guard=disk_guard,
            preferences=preferences,
            policy=policy,
            words=words,
            blocks=blocks,
            jobs=jobs,
            samples=SampleMaker(jobs, store.transitions, database, blobs),
            leaving=leaving,
            eraser=eraser,
        )
    )
    parts = LiveParts(client=client, store=store, policy=policy, words=words, disk_guard=disk_guard)
    config.set_apply(parts.apply)
    streams = Streams(
        transitions=store.transitions,
        decisions=policy.decisions,
        database=database,
        jobs=jobs,
    )
    return House(blobs, jobs, progress, streams, pictures, eraser)


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
    logger.info("ready, %.2f s after the first word to Discord", time.perf_counter() - started)


async def _drain(pool: Pool, stop: _Stop, seconds: float) -> None:
    """Let the workers finish what they have in hand, for a while; the rest is put back."""
    logger.info("leaving; what is being made has %g s to be finished", seconds)
    async with (
        in_background(pool.drain()) as draining,
        in_background(stop.force_requested.wait()) as forcing,
    ):
        await asyncio.wait(
            (draining, forcing), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )


def _job_service(
    settings: Settings,
    models: ModelCatalogue,
    store: JobStore,
    cost_history: CostHistory,
    *,
    blobs: BlobStore,
    gate: PolicyGate,
    notifier: DiscordNotifier,
) -> JobService:
    storage, default = settings.storage, settings.generator.model
    storage.scratch.mkdir(exist_ok=True)
    return JobService(
        store,
        notifier=notifier,
        blobs=blobs,
        gate=gate,
        model=default,
        cost_history=cost_history,
        workers=len(settings.generator.device_names),
        learn_models=models.learn,
    )


def _context(
    settings: Settings,
    models: ModelCatalogue,
    *,
    database: Database,
    blobs: BlobStore,
    disk_guard: DiskGuard,
    preferences: Preferences,
    policy: PolicyGate,
    words: WordJudge,
    blocks: BlockList,
    jobs: JobService,
    samples: SampleMaker,
    leaving: LeavingPeople,
    eraser: Eraser,
) -> BotContext:
    storage, attachments = settings.storage, settings.attachments
    decisions = policy.decisions
    attachment_hosts = _attachments(settings)
    sources = SourceIntake(
        attachments,
        attachment_hosts,
        blobs=blobs,
        scratch=storage.scratch,
        disk_guard=disk_guard,
        daily=daily_bytes(database, FILES, attachments.per_user_day_mb, decisions),
    )
    loras = LoraIntake(
        settings.loras,
        [
            (models.default_limits, _layers(settings.generator.model)),
            *((models.limits(name), _layers(one.model)) for name, one in settings.models.items()),
        ],
        attachments=attachment_hosts,
        blobs=blobs,
        scratch=storage.scratch,
        disk_guard=disk_guard,
        daily=daily_bytes(database, LORAS, settings.loras.per_user_day_mb, decisions),
    )
    return BotContext(
        models=models,
        database=database,
        blobs=blobs,
        jobs=jobs,
        settings=settings,
        source_intake=sources,
        lora_intake=loras,
        preferences=preferences,
        policy=policy,
        words=words,
        daily_drafts=DailyDraftQuota(database, attachments.per_user_day_drafts, decisions),
        blocks=blocks,
        daily_reports=daily_reports(database, decisions),
        lora_quota=KeptLoraQuota(database, settings.loras, decisions),
        samples=samples,
        leaving=leaving,
        eraser=eraser,
        departures=ServerDepartures(database),
        daily_exports=daily_exports(database, settings.privacy.exports_per_day, decisions),
    )


def _layers(model: str) -> ModelLayers | None:
    """Return what LoRAs can change in the model; None where its configs don't say.

    The worker says then what is wrong.
    """
    try:
        return layers_of(model)
    except ModelError as error:
        logger.warning("LoRA files are checked by their shapes alone: %s", error)
        return None


def _attachments(settings: Settings) -> AllowedHosts:
    discord = settings.discord
    return attachment_hosts_of(
        URL(discord.base_url),
        is_discord=discord.base_url == DISCORD,
        is_local=not discord.allow_foreign_base_url,
    )
