"""``hotshot-bot move ADDRESS``: all rows into another, empty database."""

from __future__ import annotations

import argparse

from sqlalchemy.engine import make_url

from bot.app.lock import lock_data_directory
from bot.core.config import load
from bot.storage.backups.move import move
from bot.storage.database import create_engine
from bot.storage.migrate import name_of


def execute(arguments: argparse.Namespace) -> int:
    storage = load(arguments.config).storage
    address = create_engine(arguments.address).url  # a mistake is told before anything is locked
    with lock_data_directory(storage.data_dir):
        counts = move(storage.url, arguments.address)
    for name, count in sorted(counts.items()):
        if count:
            print(f"{name:<15} {count}")
    print(
        f"Moved {sum(counts.values())} rows to {name_of(address)}, as many as there were. Set "
        "storage.database_url to that address before the next start. The database "
        f"{name_of(make_url(storage.url))} stays as it is; put it aside, so that nobody starts a "
        "bot on it by mistake."
    )
    return 0
