"""``hotshot-bot backup TARGET``: the database and the files that it names, read back."""

from __future__ import annotations

import argparse
import os

from bot.cli.progress_line import progress_line
from bot.core.config import load
from bot.storage.backups.backup import back_up, is_directory
from bot.storage.blobs import BlobStore

_NICE = 19  # a bot that runs meanwhile comes first, for Linux's disks too


def execute(arguments: argparse.Namespace) -> int:
    storage = load(arguments.config).storage
    os.nice(_NICE)
    with progress_line() as report:
        made = back_up(
            storage.url,
            BlobStore(storage.blobs),
            arguments.target,
            report=report,
            keep=arguments.keep,
        )
    into = "into" if is_directory(arguments.target) else "to"
    held = made.manifest
    print(
        f"Backed up {into} {arguments.target}: {held.jobs} jobs and {len(held.blobs or ())} files, "
        f"{held.size_bytes / 1e6:.1f} MB, of which {made.written_bytes / 1e6:.1f} MB were written "
        "and read back."
    )
    if made.removed:
        print(f"{made.removed} older backups were removed.")
    if held.missing:
        print(f"{len(held.missing)} files that the database names are missing in {storage.blobs}.")
    return 0
