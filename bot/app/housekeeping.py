"""Keeps room on the disk, as the config says at the time."""

from __future__ import annotations

from datetime import timedelta

from bot.app.live_settings import MEGABYTE
from bot.core.config import Settings
from bot.operations.config_file import RunningConfig
from bot.storage import retention
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.disk_guard import DiskGuard


async def keep_clean_while_running(
    database: Database, blobs: BlobStore, config: RunningConfig
) -> None:
    """Clean up once a day until cancelled."""
    scratch = config.settings.storage.scratch
    await retention.clean_up_daily(database, blobs, scratch, lambda: _retention(config.settings))


def make_disk_guard(config: RunningConfig, database: Database, blobs: BlobStore) -> DiskGuard:
    """Return the guard of the data directory's disk."""
    storage = config.settings.storage

    async def make_room(needed: int) -> None:
        limits = _retention(config.settings)
        await retention.clean_up(database, blobs, storage.scratch, limits, needed=needed)

    return DiskGuard(storage.data_dir, storage.min_free_mb * MEGABYTE, make_room)


def _retention(settings: Settings) -> retention.RetentionLimits:
    storage, backup_days = settings.storage, settings.privacy.backup_days
    return retention.RetentionLimits(
        timedelta(days=storage.keep_days),
        storage.keep_mb * MEGABYTE,
        None if backup_days is None else timedelta(days=backup_days),
    )
