"""REST: channels and DMs, their messages, and the CDN that serves attachments back."""

from __future__ import annotations

import hmac
from functools import partial

from aiohttp import web

from bot.sandbox import discord_json, messages
from bot.sandbox.errors import ApiError
from bot.sandbox.messages import Body, Draft
from bot.sandbox.model import (
    ATTACH_FILES,
    DM,
    MANAGE_MESSAGES,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    Channel,
    Message,
    User,
)
from bot.sandbox.rest.discord_rules import message_problems
from bot.sandbox.rest.routes import WORLD, checked_body, json_response, query_integer
from bot.sandbox.world import World

_MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")


async def get_channel(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    return json_response(discord_json.channel(_channel(request), viewer=world.bot))


async def open_dm(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    body = await checked_body(request)
    user = world.users.get(int((body.payload or {}).get("recipient_id") or 0))
    if user is None or user is world.bot:
        raise ApiError(400, 50033, "Invalid Recipient(s)")
    return json_response(discord_json.channel(world.dm_between(world.bot, user), viewer=world.bot))


async def list_messages(request: web.Request) -> web.Response:
    """List messages, newest first; after a message, those next to it. Ephemeral ones never."""
    world, channel = request.app[WORLD], _channel(request)
    limit = query_integer(request, "limit", 50)
    before = query_integer(request, "before", 2**63)
    after = query_integer(request, "after", 0)
    found = [
        message
        for message in world.messages.values()
        if message.channel is channel
        and not (message.deleted or message.ephemeral)
        and after < message.id < before
    ]
    page = found[:limit] if after else found[-limit:]
    return json_response([discord_json.message(world, message) for message in reversed(page)])


async def get_message(request: web.Request) -> web.Response:
    return json_response(discord_json.message(request.app[WORLD], _message(request)))


async def post_message(request: web.Request) -> web.Response:
    world, channel = request.app[WORLD], _channel(request)
    body = await _message_body(request, channel)
    _check_allowed(world, channel, body)
    message = messages.find_by_nonce(world, channel, body.payload)
    if message is None:
        message = messages.post(world, Draft(channel=channel, author=world.bot, body=body))
    return json_response(discord_json.message(world, message))


async def patch_message(request: web.Request) -> web.Response:
    world, message = request.app[WORLD], _message(request)
    body = await _message_body(request, message.channel, message)
    if message.author is not world.bot:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    return json_response(discord_json.message(world, messages.edit(world, message, body)))


async def delete_message(request: web.Request) -> web.Response:
    world, message = request.app[WORLD], _message(request)
    if message.author is not world.bot:
        if message.channel.guild is None:
            raise ApiError(403, 50003, "Cannot execute action on a DM channel")
        if not message.channel.bot_permissions & MANAGE_MESSAGES:
            raise ApiError(*_MISSING_PERMISSIONS)
    messages.delete(world, message)
    return web.Response(status=204)


async def post_typing(request: web.Request) -> web.Response:
    _channel(request)
    await request.read()
    return web.Response(status=204)


async def get_file(request: web.Request) -> web.Response:
    """Serve the very bytes that were uploaded, while the URL's signature holds."""
    world = request.app[WORLD]
    file = world.files.get(int(request.match_info["file_id"]))
    if file is None or request.path != world.file_path(file):
        return web.Response(status=404, text="This content is no longer available.")
    expires = request.query.get("ex", "")
    genuine = hmac.compare_digest(
        request.query.get("hm", ""), world.signature(request.path, expires)
    )
    if not genuine or int(expires, 16) < world.clock.now():
        return web.Response(status=404, text="This content is no longer available.")
    disposition = f'attachment; filename="{file.filename}"'
    return web.Response(
        body=file.data,
        content_type=file.content_type.partition(";")[0],
        headers={"Content-Disposition": disposition},
    )


def _channel(request: web.Request) -> Channel:
    channel = request.app[WORLD].channel(request.match_info["channel_id"])
    if not channel.bot_permissions & VIEW_CHANNEL:
        raise ApiError(403, 50001, "Missing Access")
    return channel


def _message(request: web.Request) -> Message:
    message = request.app[WORLD].message(_channel(request), request.match_info["message_id"])
    if message.ephemeral:
        raise ApiError(404, 10008, "Unknown Message")
    return message


async def _message_body(
    request: web.Request, channel: Channel, before: Message | None = None
) -> Body:
    limit = request.app[WORLD].upload_limit_in(channel)
    rules = partial(message_problems, before=before)
    return await checked_body(request, file_limit=limit, rules=rules)


def _check_allowed(world: World, channel: Channel, body: Body) -> None:
    if channel.type == DM:
        _check_dm(world, channel)
        return
    needed = SEND_MESSAGES | (ATTACH_FILES if body.uploads else 0)
    if needed & ~channel.bot_permissions:
        raise ApiError(*_MISSING_PERMISSIONS)


def _check_dm(world: World, channel: Channel) -> None:
    """Raise ApiError where the other one closed their DMs, or shares no server with the bot."""
    other = next(user for user in channel.recipients if user is not world.bot)
    if other.bot or not other.accepts_dms:
        raise ApiError(403, 50007, "Cannot send messages to this user")
    if not other.installed_app and not _share_a_guild(world, other):
        message = "Cannot send messages to this user due to having no mutual guilds"
        raise ApiError(403, 50278, message)


def _share_a_guild(world: World, user: User) -> bool:
    return any(guild.bot_is_in and user.id in guild.members for guild in world.guilds.values())


def routes() -> list[web.RouteDef]:
    """Return the routes; their paths are relative to /api/v10."""
    channel = "/channels/{channel_id}"
    message = "/channels/{channel_id}/messages/{message_id}"
    return [
        web.post("/users/@me/channels", open_dm),
        web.get(channel, get_channel),
        web.post(f"{channel}/typing", post_typing),
        web.get(f"{channel}/messages", list_messages),
        web.post(f"{channel}/messages", post_message),
        web.get(message, get_message),
        web.patch(message, patch_message),
        web.delete(message, delete_message),
    ]


def cdn_routes() -> list[web.RouteDef]:
    """Return the CDN's routes; their paths are from the root."""
    rest = r"/{channel_id:\d+}/{file_id:\d+}/{filename}"
    return [
        web.get(f"/{root}{rest}", get_file) for root in ("attachments", "ephemeral-attachments")
    ]
