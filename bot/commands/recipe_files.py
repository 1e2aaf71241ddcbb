"""Finds the files that a recipe from a GIF names, where this person may use them.

A recipe is a stranger's text. It names files by the hash of what is in them, so a name opens
nothing; what this person may not use here is left out, and everything that hangs on it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import discord

from bot.commands.lora_choice import viewer_of
from bot.gateway.context import context_of
from bot.storage import library, loras
from bot.storage.blobs import is_blob
from bot.storage.models import Attachment
from generator.contract.control_types import CONTROL_TYPES
from generator.contract.messages import Lora, Request


@dataclass(frozen=True, slots=True)
class RestoredRequest:
    """A request with the files that it needs; ``is_complete`` where none had to be left out."""

    request: Request
    files: tuple[Attachment, ...]
    is_complete: bool


async def restore_files(interaction: discord.Interaction[Any], request: Request) -> RestoredRequest:
    """Return the request with those of its LoRAs, sources and pictures that may be used."""
    used: list[tuple[Lora, Attachment]] = []
    for lora in request.loras:
        if (file := await _usable_lora_file(interaction, lora.path)) is not None:
            used.append((lora, file))
    source = await _own_attachment(interaction, request.control_source)
    picture = await _own_attachment(interaction, request.image)
    follows = source is not None and all(each.kind in CONTROL_TYPES for each in request.controls)
    found = replace(
        request if picture else request.without_image(),
        loras=tuple(lora for lora, _ in used),
        controls=request.controls if follows else (),
        control_source=request.control_source if follows else "",
    )
    files = [file for _, file in used]
    files += [file for file in (source if follows else None, picture) if file is not None]
    return RestoredRequest(found, tuple(files), found == request)


async def _usable_lora_file(interaction: discord.Interaction[Any], name: str) -> Attachment | None:
    """Return a LoRA's file, where this person may use it."""
    if not await _is_stored(interaction, name):
        return None
    database = context_of(interaction).database
    lora = await database.read(loras.usable_by_blob, viewer_of(interaction), name)
    return None if lora is None else Attachment(lora.blob, lora.name, lora.size_bytes)


async def _own_attachment(interaction: discord.Interaction[Any], name: str) -> Attachment | None:
    """Return what this person attached to a GIF of theirs before."""
    if not await _is_stored(interaction, name):
        return None
    return await context_of(interaction).database.read(
        library.own_attachment, interaction.user.id, name
    )


async def _is_stored(interaction: discord.Interaction[Any], name: str) -> bool:
    if not is_blob(name):
        return False
    return await asyncio.to_thread(context_of(interaction).blobs.path(name).exists)
