"""Finds the picture, GIF or video in a message: uploads, forwarded ones, embeds, stickers.

Knows Discord's messages, and fetches nothing. What it finds is a stranger's word: the address is
checked where it is fetched, and the file's kind is told by its bytes. A file of the message that a
component shows is listed by that component alone, never among the attachments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import discord
from discord import components

from bot.core.errors import RefusedError
from bot.intake.attachments import IncomingFile
from generator.media.containers import ANIMATION_SUFFIXES, FILM_SUFFIXES, STILL_SUFFIXES

_MEDIA = (*STILL_SUFFIXES, *ANIMATION_SUFFIXES, *FILM_SUFFIXES)
_MOVING_EMBEDS = ("gifv", "video")  # their thumbnail is a still of them

_MessagePart = discord.Message | discord.MessageSnapshot


def find_media(message: discord.Message, may_be_linked: Callable[[str], bool]) -> IncomingFile:
    """Return the first file of the message, or of one that it forwards.

    Of an embed, the first of its addresses that ``may_be_linked`` is taken: the file's own, else
    the copy that Discord keeps. Raises RefusedError where the message shows none.
    """
    shown: tuple[_MessagePart, ...] = (message, *message.message_snapshots)
    attachments = [each for part in shown for each in part.attachments]
    attachments.sort(key=lambda each: not _looks_like_media(each))
    if attachments:
        return uploaded_file(attachments[0])
    own = [media for part in shown for media in media_of(part) if media.attachment_id is not None]
    if own:
        return IncomingFile(own[0].url, name_of(own[0]), 0)
    linked = [url for part in shown for url in _links_of(part)]
    if not linked:
        raise RefusedError(
            "There is no picture, GIF or video in that message; save it and attach it to /gif."
        )
    return linked_file(next(filter(may_be_linked, linked), linked[0]))


def uploaded_file(attachment: discord.Attachment) -> IncomingFile:
    """Return what Discord says of an upload."""
    return IncomingFile(attachment.url, attachment.filename, attachment.size)


def form_files(interaction: discord.Interaction[Any]) -> dict[str, IncomingFile]:
    """Return the uploads of a form by their ids, as Discord says them."""
    data: Any = interaction.data
    uploads: Mapping[str, Any] = (data.get("resolved") or {}).get("attachments") or {}
    return {
        key: IncomingFile(
            str(upload.get("url", "")), str(upload.get("filename", "")), int(upload.get("size", 0))
        )
        for key, upload in uploads.items()
    }


def linked_file(url: str) -> IncomingFile:
    """Return what is known of a file behind an address: its name, as the address has it."""
    return IncomingFile(url, _last_part(url) or "link", 0, is_link=True)


def media_of(message: _MessagePart) -> Iterator[discord.UnfurledMediaItem]:
    """Yield what a message's components show, files of its own and others."""
    return _component_media(message.components)


def name_of(media: discord.UnfurledMediaItem) -> str:
    """Return the name of a file that a component shows, which its address ends in."""
    return _last_part(media.url)


def file_names(message: _MessagePart) -> list[str]:
    """Return the names of a message's files, those that its components show too, each once."""
    attached = (attachment.filename for attachment in message.attachments)
    return list(dict.fromkeys(chain(attached, map(name_of, media_of(message)))))


def _last_part(url: str) -> str:
    return url.split("?", maxsplit=1)[0].rstrip("/").rpartition("/")[2]


def _looks_like_media(attachment: discord.Attachment) -> bool:
    kind = attachment.content_type or ""
    return kind.startswith(("image/", "video/")) or attachment.filename.lower().endswith(_MEDIA)


def _links_of(part: _MessagePart) -> Iterator[str]:
    for embed in part.embeds:
        yield from filter(None, _addresses(embed))
    yield from (media.url for media in media_of(part))
    for sticker in part.stickers:
        if sticker.format is not discord.StickerFormatType.lottie:
            yield sticker.url


def _addresses(embed: discord.Embed) -> list[str | None]:
    """Return an embed's addresses: what moves first, and each by its own before Discord's copy."""
    media = [embed.image, embed.thumbnail]
    if embed.type in _MOVING_EMBEDS or embed.video.url:
        media.insert(0, embed.video)
    addresses = [address for each in media for address in (each.url, each.proxy_url)]
    is_picture = embed.type == "image"  # the embed's own address is the picture's
    return [embed.url, *addresses] if is_picture else addresses


def texts_of(message: _MessagePart) -> Iterator[str]:
    """Yield the texts that a message's components say."""
    return (each.content for each in _displays(message.components))


def notes_of(message: _MessagePart) -> dict[int, str]:
    """Return the texts that a message's components say, by the components' ids."""
    shown = _displays(message.components)
    return {each.id: each.content for each in shown if each.id is not None}


def _displays(parts: Iterable[discord.Component]) -> Iterator[components.TextDisplay]:
    for part in parts:
        if isinstance(part, components.TextDisplay):
            yield part
        elif isinstance(part, components.SectionComponent | components.Container):
            yield from _displays(part.children)


def gallery_items(message: _MessagePart) -> Iterator[discord.MediaGalleryItem]:
    """Yield what a message's galleries show, with its descriptions."""
    return _gallery_items(message.components)


def _gallery_items(parts: Iterable[discord.Component]) -> Iterator[discord.MediaGalleryItem]:
    for part in parts:
        if isinstance(part, components.MediaGalleryComponent):
            yield from part.items
        elif isinstance(part, components.Container):
            yield from _gallery_items(part.children)


def _component_media(
    parts: Iterable[discord.Component],
) -> Iterator[discord.UnfurledMediaItem]:
    for part in parts:
        if isinstance(part, components.MediaGalleryComponent):
            yield from (item.media for item in part.items)
        elif isinstance(part, components.FileComponent | components.ThumbnailComponent):
            yield part.media
        elif isinstance(part, components.SectionComponent):
            yield from _component_media([part.accessory])
        elif isinstance(part, components.Container):
            yield from _component_media(part.children)
