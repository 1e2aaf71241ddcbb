"""What commands and buttons work with, found through the interaction's client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord

from bot.core.config import Settings
from bot.intake.attachments import SourceIntake
from bot.intake.daily_quota import DailyQuota
from bot.intake.lora_upload import LoraIntake
from bot.jobs.service import JobService
from bot.storage import drafts
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.drafts import Draft
from bot.storage.models import Job
from bot.storage.preference_cache import Preferences
from bot.storage.retention import drop_unreferenced
from generator.contract.limits import ModelLimits


@dataclass(frozen=True, slots=True)
class BotContext:
    """Made by ``bot.app.main``, handed to the client, used by everything that answers a person."""

    limits: ModelLimits
    database: Database
    blobs: BlobStore
    jobs: JobService
    settings: Settings
    source_intake: SourceIntake
    lora_intake: LoraIntake
    preferences: Preferences
    daily_drafts: DailyQuota

    @asynccontextmanager
    async def files_in_hand(self) -> AsyncIterator[None]:
        """Around all that answers a person: of the files that came, what no row names by the end
        goes again.
        """
        names: set[str] = set()
        try:
            with self.blobs.pinned() as names:
                yield
        finally:
            await self.drop_unreferenced(names)

    async def drop_unreferenced(self, names: Iterable[str | None]) -> None:
        """Removes the files that no row names any more."""
        await drop_unreferenced(self.database, self.blobs, names)

    async def keep_draft(self, draft: Draft) -> None:
        """Writes it. Raises RefusedError where this person made too many within a day."""
        await self.daily_drafts.note(draft.user_id, 1)
        await self.drop_unreferenced(await self.database.write(drafts.add, draft))

    @property
    def scratch(self) -> Path:
        """For files in the making; on the blobs' file system."""
        return self.settings.storage.scratch


def context_of(interaction: discord.Interaction[Any]) -> BotContext:
    """Return the context of the client that this interaction came to, a ``HotshotClient``."""
    context: BotContext = interaction.client.context
    return context


def may_act_on(interaction: discord.Interaction[Any], job: Job) -> bool:
    """Whether this person may do something with a job: its owner; others where it was posted for
    all to see, and only from there, since anybody can forge a button that names it.
    """
    places = (job.origin.channel_id, job.message_channel_id)
    is_here = not job.origin.private and interaction.channel_id in places
    return job.user_id == interaction.user.id or is_here


def managed_guild(interaction: discord.Interaction[Any]) -> int | None:
    """The server that this person manages and speaks from."""
    return interaction.guild_id if interaction.permissions.manage_guild else None
