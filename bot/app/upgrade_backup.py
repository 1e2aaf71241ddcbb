"""Keeps the database as it is before it is brought to this version."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from bot.core.config import StorageSettings
from bot.storage.backups.backup import back_up

logger = logging.getLogger(__name__)


def keep_before_upgrade(storage: StorageSettings, revision: str) -> str:
    """Back up the database alone, since no migration touches a blob; return where it is, in words.

    Raises BackupError, and then nothing is to be upgraded.
    """
    name = f"before-upgrade-{revision}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"
    back_up(storage.url, None, str(storage.data_dir / name))
    logger.info("the database as it was before is kept as %s", storage.data_dir / name)
    return f"; the database as it was before is also kept as {storage.data_dir / name}"
