"""Has a changed config hold in a running bot: the one place that says which part goes by which key.

``bot.operations.config_file.LIVE`` lists the keys.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from bot.app.client import HotshotClient
from bot.core.config import Settings
from bot.core.queue_settings import QueueSettings
from bot.jobs.store import JobStore
from bot.policy.daily_quota import FILES, LORAS, DailyDraftQuota, daily_bytes
from bot.policy.lora_quota import KeptLoraQuota
from bot.policy.policy_gate import PolicyGate
from bot.policy.rate_limit import RateLimit
from bot.policy.words.judge import WordJudge, read_owners_lists
from bot.storage.disk_guard import DiskGuard

MEGABYTE = 2**20
_BURST_SECONDS = 5  # what one person may ask in so many seconds may come at once


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveParts:
    """Those parts of a running bot that go by settings that can change."""

    client: HotshotClient
    store: JobStore
    policy: PolicyGate
    words: WordJudge
    disk_guard: DiskGuard

    async def apply(self, settings: Settings) -> None:
        """Have these settings hold. Raises ConfigError, and nothing was changed."""
        owners = await asyncio.to_thread(read_owners_lists, settings.moderation)
        # from here on nothing is refused
        self.words.set_owners(owners)
        self.store.configure(settings.queue.size)
        self.policy.configure(settings)
        self.disk_guard.configure(settings.storage.min_free_mb * MEGABYTE)
        at_once, each_second = rate_figures(settings.queue)
        self.client.limit_rate(at_once=at_once, each_second=each_second)
        logging.getLogger().setLevel(settings.log.level)
        context = self.client.context
        database, attachments, loras = context.database, settings.attachments, settings.loras
        context.source_intake.configure(
            attachments, daily_bytes(database, FILES, attachments.per_user_day_mb)
        )
        context.lora_intake.configure(loras, daily_bytes(database, LORAS, loras.per_user_day_mb))
        await self.client.replace_context(
            replace(
                context,
                settings=settings,
                daily_drafts=DailyDraftQuota(database, attachments.per_user_day_drafts),
                lora_quota=KeptLoraQuota(database, loras),
            )
        )


def rate_limit(queue: QueueSettings) -> RateLimit:
    """Return the limit on interactions."""
    at_once, each_second = rate_figures(queue)
    return RateLimit(at_once=at_once, each_second=each_second)


def rate_figures(queue: QueueSettings) -> tuple[float, float]:
    """Return how many interactions of one person may come at once, and in a second.

    Whoever may have many GIFs waiting may also ask for them at once.
    """
    return max(queue.per_user_second * _BURST_SECONDS, queue.per_user * 2), queue.per_user_second
