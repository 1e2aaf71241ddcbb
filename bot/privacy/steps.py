"""The steps of an erasure that need no Discord and no workers: rows, then files.

Also for a bot that doesn't run: at its start, and on the command line.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.storage import erasure as rows
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.erasure import Subject
from bot.storage.erasure_ledger import ErasureLedger
from bot.storage.retention import clear_scratch, remove_unreferenced


async def erase_rows(database: Database, subject: Subject) -> None:
    """Erase all rows, a few in each write, so that others get their turn. Raises StorageError."""
    for step in range(len(subject.steps)):
        while await database.write(rows.erase_some, subject, step):
            pass


async def erase_files(database: Database, blobs: BlobStore) -> list[str]:
    """Remove the files of erased rows that nobody else needs; the others stay noted.

    Return the bot's own jobs that hold some and aren't over. Raises StorageError, OSError.
    """
    samples, after, has_removed = list[str](), "", False
    while True:
        found = await database.write(rows.free_files, after)
        samples += found.samples
        if found.last:
            gone = await remove_unreferenced(database, blobs, found.blobs)
            await database.write(rows.note_files_gone, gone)
            has_removed |= bool(gone)
        elif has_removed:  # with a file, those of samples that were made of it may have come
            samples, has_removed = [], False
        else:
            return samples
        after = found.last


async def erase_before_start(
    database: Database, blobs: BlobStore, scratch: Path, ledger: ErasureLedger
) -> int:
    """Erase what was asked for and isn't erased yet; return of how many people.

    Nothing may be in the making: unfinished jobs go like the others. Messages are left to a bot
    that runs. Raises StorageError, OSError.
    """
    await asyncio.to_thread(scratch.mkdir, parents=True, exist_ok=True)
    await asyncio.to_thread(clear_scratch, blobs, scratch)
    waiting = [one for one in await database.read(rows.pending) if not one.rows_are_gone]
    for one in waiting:
        await asyncio.to_thread(ledger.note, one.user_id, one.requested_at)
        await erase_rows(database, Subject(one.user_id))
        await database.write(rows.note_rows_gone, one.user_id)
    files_left: int = await database.read(rows.files_left)
    if waiting or files_left:
        await erase_files(database, blobs)
        await database.scrub()
    return len(waiting)
