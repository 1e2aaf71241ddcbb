"""``hotshot-bot db upgrade``: brings the database to this version."""

from __future__ import annotations

import argparse

from bot.app.lock import lock_data_directory
from bot.cli import settings_with_logs
from bot.storage.database import create_engine
from bot.storage.migrate import known_revisions, migrate


def execute(arguments: argparse.Namespace) -> int:
    settings = settings_with_logs(arguments.config)
    with lock_data_directory(settings.storage.data_dir):
        before = _upgrade(settings.storage.url)
    print(f"The database is at revision {known_revisions()[-1]}; before, it was {before or 'new'}.")
    return 0


def _upgrade(url: str) -> str | None:
    engine = create_engine(url)
    try:
        return migrate(engine)
    finally:
        engine.dispose()
