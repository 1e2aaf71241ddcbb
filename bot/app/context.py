"""What everything that answers a person works with, made of the bot's parts."""

from __future__ import annotations

import logging

from yarl import URL

from bot.core.config import DISCORD, Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.gateway.context import BotContext
from bot.intake.attachments import SourceIntake
from bot.intake.download import AllowedHosts, attachment_hosts_of
from bot.intake.lora_upload import LoraIntake
from bot.jobs.samples import SampleMaker
from bot.jobs.service import JobService
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
from bot.policy.policy_gate import PolicyGate
from bot.policy.words.judge import WordJudge
from bot.privacy.eraser import Eraser
from bot.privacy.leaving import LeavingPeople
from bot.privacy.servers import ServerDepartures
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.disk_guard import DiskGuard
from bot.storage.preferences import Preferences
from generator.checkpoints.inspect.architecture import layers_of
from generator.checkpoints.inspect.lora_layers import ModelLayers
from generator.contract.errors import ModelError

logger = logging.getLogger(__name__)


def make_context(
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
