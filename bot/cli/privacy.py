"""``hotshot-bot privacy export | erase USER_ID``: what /privacy does, for whoever runs the bot."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.app.erasing import ledger_of
from bot.app.lock import lock_data_directory, lock_holder
from bot.cli import settings_with_logs
from bot.commands.recipe_text import recipe_values
from bot.core.config import Settings
from bot.core.errors import BotError
from bot.privacy.export import PartWriter, entries_of, write_parts
from bot.privacy.steps import erase_before_start
from bot.storage import erasure, holdings
from bot.storage.blobs import BlobStore
from bot.storage.database import Database, create_engine, open_database
from bot.storage.holdings import Holdings
from bot.storage.migrate import known_revisions, revision_of
from bot.ui.privacy_sheet import read_me

_ANY_SIZE = 2**62
_OWNERS_ONLY = 0o600


class _PrivacyError(BotError):
    """There is no place for a file, or no database that can be used."""

    is_translated = False


def execute(arguments: argparse.Namespace) -> int:
    settings = settings_with_logs(arguments.config)
    _check_database(settings)
    if arguments.action == "export":
        place = arguments.output.absolute().parent
        if not place.is_dir():
            raise _PrivacyError(f"There is no directory {place}; make it first.")
        return asyncio.run(_export(settings, arguments.user_id, arguments.output))
    return asyncio.run(_erase(settings, arguments.user_id, is_sure=arguments.yes))


# -- export ----------------------------------------------------------------------------------------


async def _export(settings: Settings, user_id: int, output: Path) -> int:
    async with _opened(settings) as database:
        part = output.with_name(f".{output.name}.part")
        try:
            await _write(settings, database, user_id, part)
            part.replace(output)
        except OSError as error:
            raise _PrivacyError(f"{output} can't be written: {error.strerror or error}.") from error
        finally:
            part.unlink(missing_ok=True)
        held = await database.read(holdings.count, user_id)
    print(f"Written to {output}: {_listed(held)}.")
    return 0


async def _write(settings: Settings, database: Database, user_id: int, part: Path) -> None:
    blobs = BlobStore(settings.storage.blobs)
    text = read_me(datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    entries = entries_of(database, blobs, user_id, read_me=text, recipe=recipe_values)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNERS_ONLY))
    writer = PartWriter(part.parent, _ANY_SIZE, total=_ANY_SIZE, name=part.name)
    async for _ in write_parts(entries, writer):
        pass


# -- erase -----------------------------------------------------------------------------------------


async def _erase(settings: Settings, user_id: int, *, is_sure: bool) -> int:
    if not is_sure:
        async with _opened(settings) as database:
            held = await database.read(holdings.count, user_id)
        print(f"Kept about {user_id}: {_listed(held)}. Add --yes to erase it for good.")
        return 0
    if lock_holder(settings.storage.data_dir) is not None:
        async with _beside_the_bot(settings) as database:
            await database.write(erasure.begin, user_id, datetime.now(UTC))
        print("The running bot erases it within half a minute; its log says when that is done.")
        return 0
    with lock_data_directory(settings.storage.data_dir):
        async with open_database(settings.storage.url) as database:
            await database.write(erasure.begin, user_id, datetime.now(UTC))
            blobs = BlobStore(settings.storage.blobs)
            await erase_before_start(database, blobs, settings.storage.scratch, ledger_of(settings))
            left = await database.read(erasure.pending_of, user_id)
    print(f"Erased all rows and files of {user_id}.")
    if left:
        print(f"{left[1]} messages in Discord are deleted after the bot's next start.")
    return 0


# -- what they share -------------------------------------------------------------------------------


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    """Open the database, whether a bot serves it or not."""
    is_served = lock_holder(settings.storage.data_dir) is not None
    opened = _beside_the_bot(settings) if is_served else open_database(settings.storage.url)
    async with opened as database:
        yield database


@asynccontextmanager
async def _beside_the_bot(settings: Settings) -> AsyncIterator[Database]:
    """Open the database that a bot serves: to read, and to leave a row for it."""
    engine = create_engine(settings.storage.url)
    database = Database(engine, engine.execution_options(begins_to_write=True))
    writer = asyncio.create_task(database.write_until_closed())
    try:
        yield database
    finally:
        database.close()
        await writer
        engine.dispose()


def _check_database(settings: Settings) -> None:
    """Raise BotError where there is none, or where a running bot's is of another version."""
    file = settings.storage.data_dir / "hotshot.db"
    if not settings.storage.database_url and not file.exists():
        raise _PrivacyError(f"There is no database {file} yet, so nothing is kept about anybody.")
    if lock_holder(settings.storage.data_dir) is None:
        return
    engine = create_engine(settings.storage.url)
    try:
        is_current = revision_of(engine) == known_revisions()[-1]
    finally:
        engine.dispose()
    if not is_current:
        raise _PrivacyError("The running bot is of another version; restart it, then try again.")


def _listed(held: Holdings) -> str:
    rows = ", ".join(f"{count} in {name}" for name, count in held.rows.items() if count)
    return f"{rows or 'nothing'}; {held.files} GIFs and {held.sources} files they brought"
