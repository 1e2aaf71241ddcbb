"""``hotshot-bot db upgrade``: brings the database to this version, and keeps it as it was."""

from __future__ import annotations

import argparse
from functools import partial

from bot.app.lock import lock_data_directory
from bot.app.upgrade_backup import keep_before_upgrade
from bot.cli import settings_with_logs
from bot.core.config import StorageSettings
from bot.storage import postgresql
from bot.storage.database import create_engine, serving_alone
from bot.storage.migrate import known_revisions, migrate


def execute(arguments: argparse.Namespace) -> int:
    settings = settings_with_logs(arguments.config)
    with lock_data_directory(settings.storage.data_dir):
        before = _upgrade(settings.storage)
    print(f"The database is at revision {known_revisions()[-1]}; before, it was {before or 'new'}.")
    return 0


def _upgrade(storage: StorageSettings) -> str | None:
    engine = create_engine(storage.url, postgresql.UPGRADING)
    try:
        with serving_alone(engine):
            return migrate(engine, partial(keep_before_upgrade, storage))
    finally:
        engine.dispose()
