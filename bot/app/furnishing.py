"""Makes the parts of a bot, once, and fits them together; what runs them is ``bot.app.main``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.app.client import HotshotClient
from bot.app.context import make_context
from bot.app.erasing import forgetting, make_eraser
from bot.app.housekeeping import make_disk_guard
from bot.app.live_settings import LiveParts
from bot.app.monitoring import Streams
from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.delivery.discord_notifier import DiscordNotifier
from bot.delivery.group_messages import GroupMessages
from bot.delivery.progress_messages import ProgressMessages
from bot.jobs.cost_history import CostHistory
from bot.jobs.samples import SampleMaker
from bot.jobs.service import JobService
from bot.jobs.store import JobStore
from bot.operations.config_file import RunningConfig
from bot.policy.adult_rules import AdultRules
from bot.policy.blocks import BlockList
from bot.policy.memory_limit import MemoryLimit
from bot.policy.pictures.picture_judge import PictureJudge, make_picture_judge
from bot.policy.policy_gate import PolicyGate
from bot.policy.seconds_quota import SecondsQuota
from bot.policy.time_limit import TimeLimit
from bot.policy.words.judge import WordJudge, read_owners_lists
from bot.privacy.eraser import Eraser
from bot.privacy.leaving import LeavingPeople
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.disk_guard import DiskGuard
from bot.storage.preferences import Preferences


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
    policy = _make_policy(
        settings,
        database,
        store,
        preferences,
        disk_guard=disk_guard,
        words=words,
        blocks=blocks,
        pictures=pictures,
        cost_history=cost_history,
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
    policy.set_memory_limit(MemoryLimit(jobs.clip_pixels))
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
        make_context(
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


def _make_policy(
    settings: Settings,
    database: Database,
    store: JobStore,
    preferences: Preferences,
    *,
    disk_guard: DiskGuard,
    words: WordJudge,
    blocks: BlockList,
    pictures: PictureJudge,
    cost_history: CostHistory,
    leaving: LeavingPeople,
) -> PolicyGate:
    queue = settings.queue
    return PolicyGate(
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
        per_user=queue.per_user,
        time_limit=TimeLimit(queue.most_minutes, cost_history.estimate),
        cooldown_seconds=queue.cooldown_seconds,
        priority_roles=queue.priority_roles,
        leaving=leaving,
    )
