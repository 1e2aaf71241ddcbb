"""Puts together what whoever runs the bot does with it: for ``/owner``, and for a shell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import discord

from bot.app.client import HotshotClient
from bot.delivery.announcements import Announcements
from bot.jobs.transitions import TransitionStream
from bot.operations.config_file import RunningConfig
from bot.operations.journal import JobJournal
from bot.operations.needs import Needs
from bot.operations.operations import Operations
from bot.operations.socket_server import owner_socket
from bot.workers.host_report import HostReport
from bot.workers.pool import Pool


@asynccontextmanager
async def serve_owner(
    client: HotshotClient,
    pool: Pool,
    hosts: Callable[[], Sequence[HostReport]],
    *,
    config: RunningConfig,
    transitions: TransitionStream,
) -> AsyncIterator[None]:
    """Let the bot's owner act meanwhile; begins before any job goes on."""
    context = client.context
    journal = JobJournal((config.settings.discord.token.get_secret_value(),))
    transitions.subscribe(journal.follow)
    operations = Operations(
        Needs(
            jobs=context.jobs,
            pool=pool,
            hosts=hosts,
            models=context.models,
            database=context.database,
            blobs=context.blobs,
            blocks=context.blocks,
            preferences=context.preferences,
            config=config,
            journal=journal,
            announcer=Announcements(client),
            is_age_restricted=lambda channel_id: _is_age_restricted(client, channel_id),
            started=datetime.now(UTC),
        )
    )
    await operations.restore()
    client.set_operations(operations)
    with journal.listening():
        async with owner_socket(operations, config.settings):
            yield


def _is_age_restricted(client: discord.Client, channel_id: int) -> bool:
    is_nsfw = getattr(client.get_channel(channel_id), "is_nsfw", None)
    return is_nsfw is not None and bool(is_nsfw())
