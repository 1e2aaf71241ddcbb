"""The context that commands and buttons work with, found through the interaction's client."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import discord

from bot.core.config import Settings
from bot.core.errors import RefusedError
from bot.core.model_catalogue import ModelCatalogue
from bot.gateway.payloads import roles_of
from bot.intake.attachments import SourceIntake
from bot.intake.lora_upload import LoraIntake
from bot.intake.quotas import DailyQuota, DraftQuota, LoraQuota
from bot.jobs.gate import Actor, Blocks, Place, Policy, ServerWords
from bot.jobs.samples import SampleMaker
from bot.jobs.service import JobService
from bot.privacy.eraser import Eraser
from bot.privacy.leaving import LeavingPeople
from bot.privacy.servers import ServerDepartures
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.drafts import Draft
from bot.storage.models import Job
from bot.storage.preferences import Preferences
from bot.storage.retention import drop_unreferenced

_ACTOR, _PLACE = "actor", "place"  # in an interaction's ``extras``


class HeldIds:
    """The ids of what is being changed just now; one may be held several times at once."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def __contains__(self, key: str) -> bool:
        return key in self._held

    @contextmanager
    def holding(self, key: str) -> Iterator[None]:
        """Hold an id meanwhile."""
        self._held[key] += 1
        try:
            yield
        finally:
            self._held -= Counter((key,))  # which keeps no zeros


@dataclass(frozen=True, slots=True)
class BotContext:
    """What everything that answers a person works with; made by ``bot.app.context``."""

    models: ModelCatalogue
    database: Database
    blobs: BlobStore
    jobs: JobService
    settings: Settings
    source_intake: SourceIntake
    lora_intake: LoraIntake
    preferences: Preferences
    policy: Policy
    words: ServerWords
    daily_drafts: DraftQuota
    blocks: Blocks
    daily_reports: DailyQuota
    lora_quota: LoraQuota
    samples: SampleMaker
    leaving: LeavingPeople
    eraser: Eraser
    departures: ServerDepartures
    daily_exports: DailyQuota
    panels_in_hand: HeldIds = field(default_factory=HeldIds)
    jobs_in_hand: HeldIds = field(default_factory=HeldIds)
    exports_in_hand: HeldIds = field(default_factory=HeldIds)
    exporting: asyncio.Lock = field(default_factory=asyncio.Lock)  # one after another

    @asynccontextmanager
    async def answering(self, user_id: int) -> AsyncIterator[None]:
        """Keep the files that came with a person's interaction while it is answered.

        Those that no row references by the end are deleted. Raises RefusedError where everything
        of theirs is being erased.
        """
        with self.leaving.serving(user_id):
            names: set[str] = set()
            try:
                with self.blobs.pinned() as names:
                    yield
            finally:
                await self.drop_unreferenced(names)

    async def drop_unreferenced(self, names: Iterable[str | None]) -> None:
        """Delete the files that no row references any more."""
        await drop_unreferenced(self.database, self.blobs, names)

    async def keep_draft(self, draft: Draft) -> None:
        """Write a draft. Raises RefusedError where this person made too many within a day."""
        await self.drop_unreferenced(await self.daily_drafts.add(draft))

    @property
    def scratch(self) -> Path:
        """Return the directory for files in the making, on the blobs' file system."""
        return self.settings.storage.scratch


def context_of(interaction: discord.Interaction[Any]) -> BotContext:
    """Return the context of the client that this interaction came to, a ``HotshotClient``."""
    context: BotContext = interaction.client.context
    return context


def actor_of(interaction: discord.Interaction[Any]) -> Actor:
    """Return who interacts, as the gate judges them; each interaction is asked several times."""
    if (actor := interaction.extras.get(_ACTOR)) is None:
        actor = interaction.extras[_ACTOR] = Actor(
            user_id=interaction.user.id,
            roles=frozenset(roles_of(interaction)),
            manages_guild=interaction.permissions.manage_guild,
        )
    return cast(Actor, actor)


def place_of(interaction: discord.Interaction[Any]) -> Place:
    """Return where somebody interacts; threads and posts count as what they stand in."""
    if (place := interaction.extras.get(_PLACE)) is None:
        place = interaction.extras[_PLACE] = _read_place(interaction)
    return cast(Place, place)


def _read_place(interaction: discord.Interaction[Any]) -> Place:
    channel = interaction.channel
    above = (getattr(channel, name, None) for name in ("parent_id", "category_id"))
    ids = (interaction.channel_id, *above)
    channels = frozenset(each for each in ids if each is not None)
    is_nsfw = getattr(channel, "is_nsfw", None)  # a thread is as its parent, where that is known
    return Place(
        guild_id=interaction.guild_id,
        channels=channels,
        is_age_restricted=is_nsfw is not None and is_nsfw(),
    )


def may_act_on(interaction: discord.Interaction[Any], job: Job) -> bool:
    """Return whether this person may do something with a job.

    Its owner may, and others where it was posted for all to see, but only from there, since anybody
    can forge a button that names it.
    """
    places = (job.origin.channel_id, job.message_channel_id)
    is_here = not job.origin.private and interaction.channel_id in places
    return job.user_id == interaction.user.id or is_here


def moderated_guild(interaction: discord.Interaction[Any]) -> int | None:
    """Return the id of the server that this person moderates and writes from, or None.

    Whoever may delete others' messages there does, and whoever manages it.
    """
    permissions = interaction.permissions
    is_moderator = permissions.manage_messages or permissions.manage_guild
    return interaction.guild_id if is_moderator else None


def is_bot_owner(interaction: discord.Interaction[Any]) -> bool:
    """Return whether this person runs the bot: by its config, or by its application's page."""
    if interaction.user.id in context_of(interaction).settings.owner.users:
        return True
    application = interaction.client.application
    if application is None:
        return False
    if application.team is not None:
        return interaction.user.id in {member.id for member in application.team.members}
    return bool(interaction.user.id == application.owner.id)


def guild_to_moderate(interaction: discord.Interaction[Any]) -> int:
    """Return that server's id. Raises RefusedError where this person doesn't moderate it."""
    guild_id = moderated_guild(interaction)
    if guild_id is None:
        raise RefusedError("Only people who can delete others' messages here can do that.")
    return guild_id


def managed_guild(interaction: discord.Interaction[Any]) -> int | None:
    """Return the id of the server that this person manages and writes from, or None."""
    return interaction.guild_id if interaction.permissions.manage_guild else None
