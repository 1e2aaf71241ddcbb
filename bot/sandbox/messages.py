"""A message's life: posted, edited, deleted. Keeps its history and tells the gateway.

The payloads have passed the checks already; what is decided here is what they mean.
"""

from __future__ import annotations

import re
from copy import copy
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from bot.sandbox import components, discord_json
from bot.sandbox.components import ATTACHMENT, Media
from bot.sandbox.errors import ApiError, Problem, invalid_form
from bot.sandbox.model import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Channel,
    Interaction,
    Mentions,
    Message,
    StoredFile,
    Upload,
    User,
)
from bot.sandbox.world import Dispatch, World

Json = dict[str, Any]

GUILD_MESSAGES = 1 << 9
DIRECT_MESSAGES = 1 << 12

_SENDABLE_FLAGS = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | COMPONENTS_V2
_NONCE_LIFE = 5 * 60.0  # seconds in which ``enforce_nonce`` finds the earlier message
_MENTION = re.compile(r"<@(!?|&)(\d+)>")


@dataclass(slots=True)
class Body:
    payload: Any = None
    uploads: dict[int, Upload] = field(default_factory=dict)
    oversized: bool = False  # a file went beyond the limit; its bytes were dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is posted where, by whom, and as the answer to what."""

    channel: Channel
    author: User
    body: Body = field(default_factory=Body)
    interaction: Interaction | None = None
    flags: int = 0  # those set by the sandbox: ephemeral, loading
    reference: Message | None = None  # replied to, unless the payload names another
    forwarded: Message | None = None


def post(world: World, draft: Draft) -> Message:
    """Store and announce a message. Raises ApiError for an empty one."""
    payload: Json = draft.body.payload or {}
    message = Message(
        id=world.new_id(),
        channel=draft.channel,
        author=draft.author,
        created=world.clock.now(),
        flags=draft.flags | (payload.get("flags") or 0) & _SENDABLE_FLAGS,
        nonce=payload.get("nonce"),
        interaction=draft.interaction,
    )
    _apply(world, message, draft.body)
    message.forwarded = draft.forwarded
    _refuse_empty(message)
    replied_to = _replied_to(world, draft.channel, payload.get("message_reference"))
    message.reference = replied_to or draft.reference
    message.remember(message.created)
    world.messages[message.id] = message
    draft.channel.last_message_id = message.id
    _announce(world, message, "MESSAGE_CREATE")
    return message


def edit(world: World, message: Message, body: Body) -> Message:
    """Apply what ``body`` names and keep the rest.

    Raises ApiError, changing nothing, where it can't be done or nothing would remain.
    """
    changed = copy(message)
    changed.flags &= ~LOADING
    if "flags" in (body.payload or {}):
        wanted = (body.payload["flags"] or 0) & (SUPPRESS_EMBEDS | COMPONENTS_V2)
        changed.flags = changed.flags & ~SUPPRESS_EMBEDS | wanted
    _apply(world, changed, body)
    _refuse_empty(changed)
    if not message.loading:
        changed.edited = world.clock.now()
    for each in fields(Message):
        setattr(message, each.name, getattr(changed, each.name))
    message.remember(world.clock.now())
    _announce(world, message, "MESSAGE_UPDATE")
    return message


def delete(world: World, message: Message) -> None:
    message.deleted = True
    data = {"id": str(message.id), "channel_id": str(message.channel.id)}
    _publish(world, message, "MESSAGE_DELETE", data)


def find_by_nonce(world: World, channel: Channel, payload: Json) -> Message | None:
    """Return the message that ``enforce_nonce`` answers instead of posting a second one."""
    if not payload.get("enforce_nonce") or payload.get("nonce") is None:
        return None
    since = world.clock.now() - _NONCE_LIFE
    return next(
        (
            message
            for message in world.messages.values()
            if message.channel is channel
            and message.author is world.bot
            and message.nonce == payload["nonce"]
            and message.created >= since
        ),
        None,
    )


def store_upload(world: World, channel: Channel, upload: Upload, **values: Any) -> StoredFile:
    """Put a file on the sandbox's CDN."""
    size = _picture_size(upload.data)
    width, height = size if size else (None, None)
    file = StoredFile(
        id=world.new_id(),
        filename=_safe_name(upload.filename),
        content_type=upload.type,
        data=upload.data,
        channel_id=channel.id,
        width=width,
        height=height,
        **values,
    )
    world.files[file.id] = file
    return file


def _safe_name(filename: str) -> str:
    return re.sub(r"[^\w.\-]", "_", filename) or "file"


def _picture_size(data: bytes) -> tuple[int, int] | None:
    """Return (width, height) of a GIF or PNG in pixels, by its first bytes, or None."""
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return None


def _apply(world: World, message: Message, body: Body) -> None:
    payload: Json = body.payload or {}
    new_files = _store_files(world, message, body)
    if "content" in payload:
        message.content = payload["content"] or ""
    message.files = _kept_files(message, payload) + list(new_files.values())
    if "embeds" in payload:
        message.embeds = [
            _resolved_embed(world, message.files, embed) for embed in payload["embeds"] or ()
        ]
    if "components" in payload:
        unfurl = partial(_unfurled, world, message.files)
        message.components = components.stored(payload["components"] or [], unfurl)
    if "content" in payload or "components" in payload:
        message.mentions = _mentions(world, message, payload.get("allowed_mentions"))


def _store_files(world: World, message: Message, body: Body) -> dict[int, StoredFile]:
    """Store the uploads with what ``attachments`` says of each, and return them by index."""
    said = {int(each["id"]): each for each in (body.payload or {}).get("attachments") or ()}
    stored: dict[int, StoredFile] = {}
    for index, upload in body.uploads.items():
        about = said.get(index, {})
        named = Upload(about.get("filename") or upload.filename, upload.data, upload.content_type)
        stored[index] = store_upload(
            world,
            message.channel,
            named,
            ephemeral=message.ephemeral,
            description=about.get("description"),
        )
    _refuse_unknown_files(message, body, said)
    return stored


def _refuse_unknown_files(message: Message, body: Body, said: dict[int, Json]) -> None:
    known = {file.id for file in message.files} | set(body.uploads)
    for place, number in enumerate(said):
        if number not in known:
            path = ("attachments", place, "id")
            raise invalid_form(Problem(path, "ATTACHMENT_NOT_FOUND", f"No file has id {number}"))


def _kept_files(message: Message, payload: Json) -> list[StoredFile]:
    """Return the files that stay: those in ``attachments``; all where that is left out."""
    if "attachments" not in payload:
        return message.files
    stay = {int(each["id"]) for each in payload["attachments"] or ()}
    return [file for file in message.files if file.id in stay]


def _resolved_embed(world: World, files: list[StoredFile], embed: Json) -> Json:
    """Return an embed as it is stored: typed, without nulls, attachment:// turned into URLs."""
    resolved = {key: value for key, value in embed.items() if value is not None}
    resolved["type"] = "rich"
    by_name = {f"attachment://{file.filename}": world.file_url(file) for file in files}
    for part in ("image", "thumbnail"):
        if part in resolved:
            url = resolved[part]["url"]
            resolved[part] = {"url": by_name.get(url, url)}
    return resolved


def names_to_show(body: Body, before: Message | None) -> set[str]:
    """Return the file names that components of this body may refer to.

    Of the files that were there, those that it doesn't name, or names with their names too.
    """
    payload: Json = body.payload or {}
    said = {int(each["id"]): each.get("filename") for each in payload.get("attachments") or ()}
    new = {said.get(index) or upload.filename for index, upload in body.uploads.items()}
    there = before.files if before is not None else []
    if "attachments" in payload:
        there = [file for file in there if said.get(file.id) == file.filename]
    return {_safe_name(name) for name in new} | {file.filename for file in there}


def _unfurled(world: World, files: list[StoredFile], url: str) -> Media:
    """Return what a component shows at ``url``: a file of its message, or something elsewhere."""
    name, place = url.removeprefix(ATTACHMENT), url.partition("?")[0]
    for file in files:
        if name == file.filename or place == world.url + world.file_path(file):
            media = {
                "id": str(world.new_id()),
                "url": world.file_url(file),
                "proxy_url": world.file_url(file),
                "width": file.width,
                "height": file.height,
                "content_type": file.content_type,
                "attachment_id": str(file.id),
            }
            return Media(media, file.filename, len(file.data))
    return Media({"id": str(world.new_id()), "url": url, "proxy_url": url})


def _mentions(world: World, message: Message, allowed: Json | None) -> Mentions:
    """Return whom the text pings, of those that ``allowed_mentions`` lets through.

    Text displays ping as the content does.
    """
    text = "\n".join((message.content, *message.displays))
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or ())
    only_users = {int(each) for each in (allowed or {}).get("users") or ()}
    only_roles = {int(each) for each in (allowed or {}).get("roles") or ()}
    found = Mentions()
    for kind, number in _MENTION.findall(text):
        snowflake = int(number)
        if kind == "&" and ("roles" in parse or snowflake in only_roles):
            found.roles.append(snowflake)
        elif kind != "&" and ("users" in parse or snowflake in only_users):
            user = world.users.get(snowflake)
            if user is not None and user not in found.users:
                found.users.append(user)
    names_everyone = "@everyone" in text or "@here" in text
    found.everyone = names_everyone and "everyone" in parse
    return found


def _refuse_empty(message: Message) -> None:
    """Raise ApiError for a message that shows nothing; files alone don't show where the flag is."""
    said = message.components or (
        not message.is_v2 and (message.content.strip() or message.embeds or message.files)
    )
    if not (said or message.loading or message.forwarded):
        raise ApiError(400, 50006, "Cannot send an empty message")


def _replied_to(world: World, channel: Channel, reference: Json | None) -> Message | None:
    """Return the message that is replied to. Raises ApiError for a missing one, unless allowed."""
    if not reference:
        return None
    found = world.messages.get(int(reference["message_id"]))
    if found is not None and found.channel is channel and not (found.deleted or found.ephemeral):
        return found
    if reference.get("fail_if_not_exists") is False:
        return None
    path = ("message_reference",)
    raise invalid_form(Problem(path, "REPLIES_UNKNOWN_MESSAGE", "Unknown message"))


def _announce(world: World, message: Message, event: str) -> None:
    _publish(world, message, event, discord_json.message(world, message))


def _publish(world: World, message: Message, event: str, data: Json) -> None:
    """Publish an event; ephemeral messages go by the intent of DMs, and name no server."""
    guild = message.channel.guild
    if guild is not None and not guild.bot_is_in:
        world.changes.notify()
        return
    intent = GUILD_MESSAGES
    if guild is None or message.flags & EPHEMERAL:
        intent = DIRECT_MESSAGES
    elif event != "MESSAGE_DELETE" and message.author.id in guild.members:
        member = discord_json.member(guild.members[message.author.id], with_user=False)
        data = data | {"guild_id": str(guild.id), "member": member}
    else:
        data = data | {"guild_id": str(guild.id)}
    guild_id = guild.id if guild is not None else None
    world.publish(Dispatch(event, data, guild_id=guild_id, intent=intent))
