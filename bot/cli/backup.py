"""``hotshot-bot backup FILE``: the database and its files in one archive, read back."""

from __future__ import annotations

import argparse

from bot.core.config import load
from bot.storage.backup import back_up
from bot.storage.blobs import BlobStore


def execute(arguments: argparse.Namespace) -> int:
    storage = load(arguments.config).storage
    made = back_up(storage.url, BlobStore(storage.blobs), arguments.file)
    print(
        f"Backed up to {arguments.file}: the database and {made.blobs} files, "
        f"{made.size_bytes / 2**20:.1f} MB, read back whole."
    )
    if made.missing:
        print(f"{made.missing} files that the database names are missing in {storage.blobs}.")
    return 0
