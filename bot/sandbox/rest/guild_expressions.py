"""REST: a server's own emojis and stickers: added, looked at, renamed, within Discord's limits."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Any

from aiohttp import BodyPartReader, web

from bot.sandbox import discord_json
from bot.sandbox.errors import ApiError, Problem, invalid_form
from bot.sandbox.expressions import (
    CREATE_GUILD_EXPRESSIONS,
    EMOJI_SLOTS,
    MANAGE_GUILD_EXPRESSIONS,
    MAX_EMOJI_BYTES,
    MAX_STICKER_BYTES,
    MAX_STICKER_FRAMES,
    MAX_STICKER_SECONDS,
    STICKER_EDGE,
    STICKER_SLOTS,
    Emoji,
    Picture,
    Sticker,
    read_picture,
)
from bot.sandbox.model import Guild, Upload
from bot.sandbox.rest.routes import (
    WORLD,
    checked_body,
    json_response,
    record_violations,
    recorded_of,
)
from bot.sandbox.rest.schema import request_problems
from bot.sandbox.world import Dispatch, World

Json = dict[str, Any]

EXPRESSIONS = 1 << 3  # the gateway's intent

_EMOJI_NAME = re.compile(r"[A-Za-z0-9_]{2,32}")
_DATA_URI = re.compile(r"data:image/(png|jpeg|gif|webp|avif);base64,(.*)", re.DOTALL)
_MAX_FIELD = 4000  # bytes of a form's text
_ANY = CREATE_GUILD_EXPRESSIONS | MANAGE_GUILD_EXPRESSIONS


# -- emojis ----------------------------------------------------------------------------------------


async def list_emojis(request: web.Request) -> web.Response:
    world, guild = _place(request)
    return json_response([_shown(world, guild, each) for each in guild.emojis.values()])


async def get_emoji(request: web.Request) -> web.Response:
    world, guild = _place(request)
    return json_response(_shown(world, guild, _emoji(guild, request)))


async def post_emoji(request: web.Request) -> web.Response:
    world, guild = _place(request)
    body = await checked_body(request)
    _check_right(world, guild, CREATE_GUILD_EXPRESSIONS)
    _check_emoji_name(request, body.payload["name"])
    data, picture = _emoji_picture(request, body.payload["image"])
    taken = sum(each.animated == picture.is_animated for each in guild.emojis.values())
    if taken >= EMOJI_SLOTS:
        kind, code = ("animated emojis", 30018) if picture.is_animated else ("emojis", 30008)
        raise ApiError(400, code, f"Maximum number of {kind} reached ({EMOJI_SLOTS})")
    emoji = Emoji(
        id=world.new_id(),
        name=body.payload["name"],
        animated=picture.is_animated,
        data=data,
        creator_id=world.bot.id,
    )
    guild.emojis[emoji.id] = emoji
    _announce_emojis(world, guild)
    return json_response(_shown(world, guild, emoji), 201)


async def patch_emoji(request: web.Request) -> web.Response:
    world, guild = _place(request)
    body = await checked_body(request)
    emoji = _emoji(guild, request)
    _check_may_change(world, guild, emoji.creator_id)
    if (name := (body.payload or {}).get("name")) is not None:
        _check_emoji_name(request, name)
        emoji.name = name
    _announce_emojis(world, guild)
    return json_response(_shown(world, guild, emoji))


def _emoji_picture(request: web.Request, image: str) -> tuple[bytes, Picture]:
    """Return a data URI's bytes and what they hold. Raises ApiError."""
    match = _DATA_URI.fullmatch(image)
    try:
        data = b64decode(match[2], validate=True) if match else b""
    except binascii.Error:
        data = b""
    picture = read_picture(data)
    if picture is None:
        raise _refusal(request, "image", "IMAGE_INVALID", "Unsupported image type given")
    if len(data) > MAX_EMOJI_BYTES:
        message = "File cannot be larger than 256.0 kb."
        raise _refusal(request, "image", "BINARY_TYPE_MAX_SIZE", message)
    return data, picture


def _check_emoji_name(request: web.Request, name: str) -> None:
    if not _EMOJI_NAME.fullmatch(name):
        message = "String value did not match validation regex."
        raise _refusal(request, "name", "STRING_TYPE_REGEX", message)


def _emoji(guild: Guild, request: web.Request) -> Emoji:
    emoji = guild.emojis.get(int(request.match_info["emoji_id"]))
    if emoji is None:
        raise ApiError(404, 10014, "Unknown Emoji")
    return emoji


# -- stickers --------------------------------------------------------------------------------------


async def list_stickers(request: web.Request) -> web.Response:
    world, guild = _place(request)
    return json_response([_shown(world, guild, each) for each in guild.stickers.values()])


async def get_sticker(request: web.Request) -> web.Response:
    world, guild = _place(request)
    return json_response(_shown(world, guild, _sticker(guild, request)))


async def post_sticker(request: web.Request) -> web.Response:
    world, guild = _place(request)
    fields, upload = await _sticker_form(request)
    _check_right(world, guild, CREATE_GUILD_EXPRESSIONS)
    if len(guild.stickers) >= STICKER_SLOTS:
        raise ApiError(400, 30039, f"Maximum number of stickers reached ({STICKER_SLOTS})")
    picture = _sticker_picture(upload.data)
    sticker = Sticker(
        id=world.new_id(),
        guild_id=guild.id,
        name=fields["name"],
        tags=fields["tags"],
        description=fields.get("description") or "",
        format=picture.sticker_format,
        data=upload.data,
        creator_id=world.bot.id,
    )
    guild.stickers[sticker.id] = sticker
    _announce_stickers(world, guild)
    return json_response(_shown(world, guild, sticker), 201)


async def patch_sticker(request: web.Request) -> web.Response:
    world, guild = _place(request)
    body = await checked_body(request)
    sticker = _sticker(guild, request)
    _check_may_change(world, guild, sticker.creator_id)
    sticker.name = (body.payload or {}).get("name") or sticker.name
    _announce_stickers(world, guild)
    return json_response(_shown(world, guild, sticker))


async def _sticker_form(request: web.Request) -> tuple[dict[str, str], Upload]:
    """Return a sticker's texts and its file. Raises ApiError, and notes a violation."""
    fields: dict[str, str] = {}
    upload = Upload("", b"")
    if request.content_type != "multipart/form-data":
        raise ApiError(400, 50035, "Invalid Form Body")
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise ApiError(400, 50035, "Invalid Form Body")
        data = bytearray()
        while chunk := await part.read_chunk(256 * 1024):
            data += chunk[: max(0, 2 * MAX_STICKER_BYTES - len(data))]
        if part.name == "file":
            kind = part.headers.get("Content-Type", "")
            upload = Upload(part.filename or "file", bytes(data), kind)
        else:
            fields[part.name or ""] = data[:_MAX_FIELD].decode(errors="replace")
    recorded = recorded_of(request)
    recorded.payload, recorded.uploads = fields, {0: upload}
    whole = {**fields, **({"file": upload.filename} if upload.data else {})}
    if problems := request_problems("POST", recorded.template, whole):
        record_violations(request, problems)
        raise invalid_form(*problems)
    return fields, upload


def _sticker_picture(data: bytes) -> Picture:
    """Return what a sticker's bytes hold. Raises ApiError for what Discord doesn't take."""
    if len(data) > MAX_STICKER_BYTES:
        raise ApiError(400, 50045, "File uploaded exceeds the maximum size")
    picture = read_picture(data)
    edges = (STICKER_EDGE, STICKER_EDGE)
    is_sticker = picture is not None and (picture.width, picture.height) == edges
    if picture is None or not (picture.sticker_format and is_sticker):
        raise ApiError(400, 50046, "Invalid file uploaded")
    if picture.frames > MAX_STICKER_FRAMES:
        raise ApiError(400, 170004, "Sticker frame count exceeds maximum of 1000 frames")
    if picture.seconds > MAX_STICKER_SECONDS:
        raise ApiError(400, 170007, "Sticker animation duration exceeds maximum of 5 seconds")
    return picture


def _sticker(guild: Guild, request: web.Request) -> Sticker:
    sticker = guild.stickers.get(int(request.match_info["sticker_id"]))
    if sticker is None:
        raise ApiError(404, 10060, "Unknown Sticker")
    return sticker


# -- what they share -------------------------------------------------------------------------------


def _place(request: web.Request) -> tuple[World, Guild]:
    world = request.app[WORLD]
    return world, world.guild(request.match_info["guild_id"])


def _check_right(world: World, guild: Guild, needed: int) -> None:
    if not guild.permissions_of(world.bot) & needed:
        raise ApiError(403, 50013, "Missing Permissions")


def _check_may_change(world: World, guild: Guild, creator_id: int) -> None:
    """Raise ApiError where the bot may change neither its own nor everybody's."""
    is_own = creator_id == world.bot.id
    _check_right(world, guild, _ANY if is_own else MANAGE_GUILD_EXPRESSIONS)


def _shown(world: World, guild: Guild, one: Emoji | Sticker) -> Json:
    """Return one in JSON, with its creator where the bot may know."""
    creator = world.users.get(one.creator_id)
    may_know = guild.permissions_of(world.bot) & _ANY
    return one.payload | ({"user": discord_json.user(creator)} if creator and may_know else {})


def _refusal(request: web.Request, field: str, code: str, message: str) -> ApiError:
    """Return the error for a field that the bot should have known to be wrong; it is noted."""
    problem = Problem((field,), code, message)
    record_violations(request, [problem])
    return invalid_form(problem)


def _announce_emojis(world: World, guild: Guild) -> None:
    shown = [each.payload for each in guild.emojis.values()]
    data = {"guild_id": str(guild.id), "emojis": shown}
    world.publish(Dispatch("GUILD_EMOJIS_UPDATE", data, guild_id=guild.id, intent=EXPRESSIONS))


def _announce_stickers(world: World, guild: Guild) -> None:
    shown = [each.payload for each in guild.stickers.values()]
    data = {"guild_id": str(guild.id), "stickers": shown}
    world.publish(Dispatch("GUILD_STICKERS_UPDATE", data, guild_id=guild.id, intent=EXPRESSIONS))


def routes() -> list[web.RouteDef]:
    """Return the routes; their paths are relative to /api/v10."""
    emojis, stickers = "/guilds/{guild_id}/emojis", "/guilds/{guild_id}/stickers"
    return [
        web.get(emojis, list_emojis),
        web.post(emojis, post_emoji),
        web.get(rf"{emojis}/{{emoji_id:\d+}}", get_emoji),
        web.patch(rf"{emojis}/{{emoji_id:\d+}}", patch_emoji),
        web.get(stickers, list_stickers),
        web.post(stickers, post_sticker),
        web.get(rf"{stickers}/{{sticker_id:\d+}}", get_sticker),
        web.patch(rf"{stickers}/{{sticker_id:\d+}}", patch_sticker),
    ]
