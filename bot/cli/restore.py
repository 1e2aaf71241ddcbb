"""``hotshot-bot restore SOURCE``: a bot's database and files as a backup has them."""

from __future__ import annotations

import argparse
import sys

from bot.app.erasing import ledger_of
from bot.app.lock import lock_data_directory
from bot.cli.progress_line import progress_line
from bot.core.config import load
from bot.core.errors import BackupError
from bot.storage.backups.manifest import Manifest
from bot.storage.backups.restore import check_backup, restore
from bot.storage.erasure_ledger import NAME, ErasureLedger
from bot.storage.migrate import known_revisions


def execute(arguments: argparse.Namespace) -> int:
    if arguments.check:
        with progress_line() as report:
            manifest = check_backup(arguments.source, report=report)
        print(f"The backup is whole: {_described(manifest)}.")
        return 0
    settings = load(arguments.config)
    storage, kept = settings.storage, ledger_of(settings)
    ledger = ErasureLedger(arguments.erased) if arguments.erased else kept
    if arguments.erased and not arguments.erased.is_file():
        raise BackupError(f"There is no list of erasures {arguments.erased}; nothing was changed.")
    with (
        lock_data_directory(storage.data_dir, to_restore=True),
        progress_line() as report,
    ):
        restored = restore(
            arguments.source, storage.url, storage.data_dir, ledger=ledger, report=report
        )
        _continue(ledger, kept)
    manifest = restored.manifest
    print(f"Restored to {storage.data_dir}: {_described(manifest)}.")
    if restored.interrupted:
        print(
            f"{restored.interrupted} jobs weren't finished then. The bot looks for each in its "
            "channel at its next start, and offers those that it doesn't find to their owners."
        )
    if restored.erased:
        print(
            f"{restored.erased} people have had everything erased since then. The bot erases it "
            "again at its next start, before anything else."
        )
    if restored.erased is None:
        print(
            f"There is no list of erasures {ledger.path}, so people who have had everything "
            "erased since then are back. If you still have the earlier list, restore again with "
            f"--erased FILE; it is called {NAME} in the earlier data directory."
        )
    if manifest.missing:
        print(f"{len(manifest.missing)} files were missing already when it was made.")
    if manifest.blobs is None:
        print(f"It contains only the database: the files in {storage.blobs} stay as they are.")
    if manifest.revision != known_revisions()[-1]:
        print("The next start brings the database to this version.")
    return 0


def _continue(ledger: ErasureLedger, kept: ErasureLedger) -> None:
    """Have the list go on where the config has it: the backups of before are still there."""
    try:
        ledger.continue_in(kept.path)
    except OSError as error:
        print(
            f"The list of erasures can't be copied to {kept.path} ({error.strerror or error}); "
            "copy it before the bot is started.",
            file=sys.stderr,
        )


def _described(manifest: Manifest) -> str:
    files = "" if manifest.blobs is None else f" and {len(manifest.blobs)} files"
    return (
        f"{manifest.jobs} jobs{files}, {manifest.size_bytes / 1e6:.1f} MB, as of "
        f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    )
