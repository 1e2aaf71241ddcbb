"""``hotshot-bot restore SOURCE``: a bot's database and files as a backup has them."""

from __future__ import annotations

import argparse

from bot.app.lock import lock_data_directory
from bot.cli.progress_line import progress_line
from bot.core.config import load
from bot.storage.backups.manifest import Manifest
from bot.storage.backups.restore import check_backup, restore
from bot.storage.migrate import known_revisions


def execute(arguments: argparse.Namespace) -> int:
    if arguments.check:
        with progress_line() as report:
            manifest = check_backup(arguments.source, report=report)
        print(f"The backup is whole: {_described(manifest)}.")
        return 0
    storage = load(arguments.config).storage
    with (
        lock_data_directory(storage.data_dir, to_restore=True),
        progress_line() as report,
    ):
        restored = restore(arguments.source, storage.url, storage.data_dir, report=report)
    manifest = restored.manifest
    print(f"Restored to {storage.data_dir}: {_described(manifest)}.")
    if restored.interrupted:
        print(
            f"{restored.interrupted} jobs weren't finished then. The bot looks for each in its "
            "channel at its next start, and offers those that it doesn't find to their owners."
        )
    if manifest.missing:
        print(f"{len(manifest.missing)} files were missing already when it was made.")
    if manifest.blobs is None:
        print(f"It is of the database alone: the files in {storage.blobs} stay as they are.")
    if manifest.revision != known_revisions()[-1]:
        print("The next start brings the database to this version.")
    return 0


def _described(manifest: Manifest) -> str:
    files = "" if manifest.blobs is None else f" and {len(manifest.blobs)} files"
    return (
        f"{manifest.jobs} jobs{files}, {manifest.size_bytes / 1e6:.1f} MB, as of "
        f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    )
