"""REST: where the gateway is, who the bot is, users, servers, and the registration of commands."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.sandbox import discord_json
from bot.sandbox.errors import ApiError
from bot.sandbox.gateway import gateway_url
from bot.sandbox.rest.discord_rules import command_problems
from bot.sandbox.rest.routes import WORLD, checked_body, json_response
from bot.sandbox.world import Registration, World

Json = dict[str, Any]


async def get_gateway(request: web.Request) -> web.Response:
    return json_response({"url": gateway_url(request.app[WORLD])})


async def get_gateway_bot(request: web.Request) -> web.Response:
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    url = gateway_url(request.app[WORLD])
    return json_response({"url": url, "shards": 1, "session_start_limit": limit})


async def get_own_user(request: web.Request) -> web.Response:
    return json_response(discord_json.own_user(request.app[WORLD].bot))


async def get_application(request: web.Request) -> web.Response:
    return json_response(discord_json.application(request.app[WORLD]))


async def get_user(request: web.Request) -> web.Response:
    return json_response(discord_json.user(request.app[WORLD].user(request.match_info["user_id"])))


async def get_guild(request: web.Request) -> web.Response:
    return json_response(
        discord_json.guild(request.app[WORLD].guild(request.match_info["guild_id"]))
    )


async def get_guild_channels(request: web.Request) -> web.Response:
    guild = request.app[WORLD].guild(request.match_info["guild_id"])
    return json_response([discord_json.channel(channel) for channel in guild.channels.values()])


async def get_roles(request: web.Request) -> web.Response:
    guild = request.app[WORLD].guild(request.match_info["guild_id"])
    return json_response([discord_json.role(role) for role in guild.roles])


async def get_member(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    guild = world.guild(request.match_info["guild_id"])
    user = world.user(request.match_info["user_id"])
    if user.id not in guild.members:
        raise ApiError(404, 10007, "Unknown Member")
    return json_response(discord_json.member(guild.members[user.id]))


async def get_commands(request: web.Request) -> web.Response:
    return json_response(request.app[WORLD].commands.get(_scope(request), []))


async def put_commands(request: web.Request) -> web.Response:
    """Replace all commands of the scope; one that keeps its name and type keeps its id."""
    world, scope = request.app[WORLD], _scope(request)
    body = await checked_body(request, rules=command_problems)
    earlier = {(each["type"], each["name"]): each for each in world.commands.get(scope, [])}
    stored = [_stored(world, scope, command, earlier) for command in body.payload or ()]
    world.commands[scope] = stored
    world.registrations.append(Registration(scope, world.clock.now(), stored))
    world.changes.notify()
    return json_response(stored)


def _scope(request: web.Request) -> int | None:
    """Return the server's id, None for global commands. Raises ApiError for another application."""
    world = request.app[WORLD]
    if request.match_info["application_id"] != str(world.application_id):
        raise ApiError(404, 10002, "Unknown Application")
    guild_id = request.match_info.get("guild_id")
    return None if guild_id is None else world.guild(guild_id).id


def _stored(
    world: World, scope: int | None, command: Json, earlier: dict[tuple[int, str], Json]
) -> Json:
    kind = command.get("type") or 1
    before = earlier.get((kind, command["name"]))
    permissions = command.get("default_member_permissions")
    stored = {key: value for key, value in command.items() if value is not None} | {
        "id": before["id"] if before else str(world.new_id()),
        "application_id": str(world.application_id),
        "version": str(world.new_id()),
        "type": kind,
        "description": command.get("description") or "",
        "default_member_permissions": None if permissions is None else str(permissions),
        "nsfw": bool(command.get("nsfw")),
    }
    if scope is None:
        stored.setdefault("integration_types", [0])
        stored.setdefault("contexts", [0, 1] if command.get("dm_permission") is not False else [0])
    else:
        stored["guild_id"] = str(scope)
    return stored


def routes() -> list[web.RouteDef]:
    """Return the routes; their paths are relative to /api/v10."""
    commands = "/applications/{application_id}/commands"
    guild_commands = "/applications/{application_id}/guilds/{guild_id}/commands"
    return [
        web.get("/gateway", get_gateway),
        web.get("/gateway/bot", get_gateway_bot),
        web.get("/users/@me", get_own_user),
        web.get("/users/{user_id}", get_user),
        web.get("/oauth2/applications/@me", get_application),
        web.get("/guilds/{guild_id}", get_guild),
        web.get("/guilds/{guild_id}/channels", get_guild_channels),
        web.get("/guilds/{guild_id}/roles", get_roles),
        web.get("/guilds/{guild_id}/members/{user_id}", get_member),
        web.get(commands, get_commands),
        web.put(commands, put_commands),
        web.get(guild_commands, get_commands),
        web.put(guild_commands, put_commands),
    ]
