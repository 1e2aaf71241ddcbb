"""What operations need of others: values, and the protocols that ``bot.app`` puts in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from bot.core.errors import StorageError
from bot.core.model_catalogue import ModelCatalogue
from bot.jobs.gate import Blocks
from bot.jobs.service import JobService
from bot.operations.config_file import RunningConfig
from bot.operations.journal import JobJournal
from bot.storage import moderation
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.models import Job
from bot.storage.moderation import SHELL, AuditEntry
from bot.storage.preferences import Preferences
from bot.workers.host_report import HostReport
from bot.workers.pool import Pool

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs the bot, by their id; ``SHELL`` is whoever has a shell on its machine."""

    user_id: int = SHELL


class Announcer(Protocol):
    """Tells people something where their jobs are shown."""

    async def announce(self, words: str, jobs: Sequence[Job]) -> Collection[int]:
        """Tell the owners of these jobs, one of each, and ping nobody; return whom it reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """All that operations work with. ``is_age_restricted`` is told a channel's id."""

    jobs: JobService
    pool: Pool
    hosts: Callable[[], Sequence[HostReport]]
    models: ModelCatalogue
    database: Database
    blobs: BlobStore
    blocks: Blocks
    preferences: Preferences
    config: RunningConfig
    journal: JobJournal
    announcer: Announcer
    is_age_restricted: Callable[[int], bool]
    started: datetime

    async def record(self, by: Operator, action: str, target: str = "", detail: str = "") -> None:
        """Write into the log of what was decided, and into the bot's; what was done is done."""
        logger.info("%s by %s: %s %s", action, by.user_id or "the shell", target, detail)
        try:
            await self.database.write(moderation.record, audit_entry(by, action, target, detail))
        except StorageError as error:
            logger.warning("the log of what was decided lacks this: %s", error)


def audit_entry(by: Operator, action: str, target: str = "", detail: str = "") -> AuditEntry:
    """Return what the log says of something that holds everywhere."""
    return AuditEntry(
        guild_id=None,
        actor_id=by.user_id,
        action=action,
        target=target,
        detail=detail[:200],
        created_at=datetime.now(UTC),
    )
