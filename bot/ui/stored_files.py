"""Opens stored files for messages, in a thread: the event loop waits for no disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import discord

from bot.storage.blobs import BlobStore


async def stored_file(
    blobs: BlobStore, blob: str | None, stem: str, description: str, *, most: int
) -> discord.File | None:
    """Return the file of a blob, named ``stem``.

    None where it isn't stored any more or is above ``most`` bytes.
    """
    if not blob:
        return None
    path = blobs.path(blob)
    return await asyncio.to_thread(_opened, path, f"{stem}{path.suffix}", description, most)


def _opened(path: Path, name: str, description: str, most: int) -> discord.File | None:
    try:
        if path.stat().st_size > most:
            return None
        return discord.File(path, filename=name, description=description)
    except OSError:
        return None
