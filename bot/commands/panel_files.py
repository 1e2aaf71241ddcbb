"""Takes in the files of a panel's form: uploads, links, and pictures that become one clip.

Discord's forms take ten files a field, so thirty pictures come in three. A file that is refused
leaves what was there before as it was.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import discord

from bot.commands.panel_fields import CLEAR, is_file, upload_names
from bot.commands.panel_state import SOURCE_NAMES, group_specs, kept_file
from bot.core.errors import RefusedError
from bot.gateway.context import BotContext, context_of
from bot.gateway.message_media import form_files, linked_file
from bot.intake.attachments import IncomingFile, StoredFile
from bot.intake.contact_sheets import cut_part
from bot.storage.models import Attachment
from bot.ui.actions import Values
from generator.contract.errors import RequestError
from generator.contract.options.conditioning import MAX_CONTROL_PICTURES
from generator.contract.options.spec import Group, Kind
from generator.media.containers import FILM_SUFFIXES

_LINKED = {"control_gif": "control_link", "image": "image_link"}


def has_files(group: Group, typed: Values) -> bool:
    """Return whether a form brought files or links, which take a while to be fetched."""
    for spec in group_specs(group):
        names = upload_names(spec) or [spec.name]
        if is_file(spec) and any(typed.get(name, "").strip() for name in names):
            return True
    return False


async def take_files(
    interaction: discord.Interaction[Any], group: Group, typed: Values
) -> dict[str, Any]:
    """Fetch, check and store what a form brought; return the options that it changes.

    Raises RefusedError, RequestError and MediaError, one sentence.
    """
    changes: dict[str, Any] = {}
    if typed.get(CLEAR):
        changes = dict.fromkeys(("image",) if group is Group.START else SOURCE_NAMES)
    uploads = form_files(interaction)
    for spec in group_specs(group):
        if spec.kind is Kind.FILES:
            brought = [file for name in upload_names(spec) for file in _sent(typed, name, uploads)]
            if brought:
                changes |= dict.fromkeys(SOURCE_NAMES)
                changes[spec.name] = await _take_pictures(interaction, brought)
        elif spec.kind is Kind.FILE and (file := _one_of(typed, spec.name, uploads)) is not None:
            if spec.name in SOURCE_NAMES:
                changes |= dict.fromkeys(SOURCE_NAMES)
            changes[spec.name] = await _take(interaction, file, is_picture=spec.name == "image")
    return changes


def _sent(typed: Values, name: str, uploads: Mapping[str, IncomingFile]) -> list[IncomingFile]:
    """Return the files of a field, in its order."""
    ids = [each for each in typed.get(name, "").split(",") if each]
    if any(each not in uploads for each in ids):
        raise RefusedError("Discord didn't say where that file is; attach it again.")
    return [uploads[each] for each in ids]


def _one_of(typed: Values, name: str, uploads: Mapping[str, IncomingFile]) -> IncomingFile | None:
    files, link = _sent(typed, name, uploads), typed.get(_LINKED.get(name, ""), "").strip()
    if len(files) > 1 or (files and link):
        raise RequestError("Give either a file or a link to one, and not both.")
    if link:
        return linked_file(link)
    return files[0] if files else None


async def _take(
    interaction: discord.Interaction[Any], file: IncomingFile, *, is_picture: bool
) -> dict[str, Any]:
    intake, user_id = context_of(interaction).source_intake, interaction.user.id
    if not is_picture:
        return kept_file(StoredFile(await intake.take(user_id, file)))
    picture, facts = await intake.take_picture(user_id, file)
    return kept_file(StoredFile(picture, facts.width, facts.height))


# -- pictures that become a clip -------------------------------------------------------------------


async def _take_pictures(
    interaction: discord.Interaction[Any], files: Sequence[IncomingFile]
) -> dict[str, Any]:
    """Return the clip of these pictures, one after another."""
    if not 2 <= len(files) <= MAX_CONTROL_PICTURES:
        raise RefusedError(
            "From 2 to {most} pictures make a motion, not {count}.",
            most=MAX_CONTROL_PICTURES,
            count=len(files),
        )
    context, user_id = context_of(interaction), interaction.user.id
    taken: list[Attachment] = []
    for file in files:
        picture, facts = await context.source_intake.take_picture(user_id, file)
        if len(facts.delays_ms) > 1 or picture.blob.endswith(FILM_SUFFIXES):
            raise RefusedError(
                "{name} moves; attach it alone, as the GIF to follow, or send still pictures.",
                name=picture.filename,
            )
        if any(picture.blob == other.blob for other in taken):
            raise RefusedError(
                "{name} was sent twice; send each picture once.", name=picture.filename
            )
        taken.append(picture)
    joined = await _join(context, user_id, taken)
    return kept_file(StoredFile(joined))


async def _join(context: BotContext, user_id: int, pictures: Sequence[Attachment]) -> Attachment:
    """Return the pictures as one clip, each for as long as the others. Raises RefusedError."""
    directory = context.scratch / f"pictures-{secrets.token_hex(8)}"
    joined = directory.with_suffix(".png")
    paths = [context.blobs.path(each.blob) for each in pictures]
    try:
        await asyncio.to_thread(_gather, paths, directory)
        await cut_part(user_id, directory, joined, 0.0, 1.0)
        size = (await asyncio.to_thread(joined.stat)).st_size
        blob = await asyncio.to_thread(context.blobs.adopt, joined)
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        await asyncio.to_thread(joined.unlink, missing_ok=True)
    return Attachment(blob, pictures[0].filename, size)


def _gather(paths: Sequence[Path], directory: Path) -> None:
    """Put files into a directory under their numbers; the blobs lie on the same file system."""
    directory.mkdir()
    for number, path in enumerate(paths):
        os.link(path, directory / f"{number:04}{path.suffix}")
