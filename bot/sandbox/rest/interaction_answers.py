"""REST: the first answer to an interaction, and the webhook for all that follows it."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web

from bot.sandbox import components, discord_json, messages
from bot.sandbox.errors import ApiError, Problem, invalid_form
from bot.sandbox.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    DEFERRED_MESSAGE,
    DEFERRED_UPDATE,
    MESSAGE,
    MODAL,
    MODAL_SUBMIT,
    TOKEN_LIFE,
    UPDATE,
)
from bot.sandbox.messages import Body, Draft
from bot.sandbox.model import EPHEMERAL, LOADING, Callback, Interaction, Message
from bot.sandbox.rest.discord_rules import callback_problems, message_problems
from bot.sandbox.rest.routes import (
    WORLD,
    checked_body,
    json_response,
    record_violations,
    recorded_of,
)
from bot.sandbox.world import World

Json = dict[str, Any]

_MAX_FOLLOWUPS_OUTSIDE = 5  # where the bot isn't in the server
_ALLOWED_TYPES = {
    COMMAND: {MESSAGE, DEFERRED_MESSAGE, MODAL},
    COMPONENT: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE, MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL_SUBMIT: {MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE, UPDATE},
}


async def post_callback(request: web.Request) -> web.Response:
    """Take the first answer: once, and in time after the event (three seconds, in Discord)."""
    world = request.app[WORLD]
    interaction = world.interactions.get(int(request.match_info["interaction_id"]))
    limit = world.upload_limit
    if interaction is not None:
        limit = world.upload_limit_in(interaction.channel, interaction.user)
    source = interaction.source if interaction is not None else None
    rules = partial(callback_problems, source=source)
    body = await checked_body(request, file_limit=limit, rules=rules)
    token = request.match_info["interaction_token"]
    if interaction is None or interaction.token != token or _too_late(world, interaction):
        raise ApiError(404, 10062, "Unknown interaction")
    if interaction.channel.id not in world.channels:
        raise ApiError(404, 10003, "Unknown Channel")
    if interaction.callback is not None:
        raise ApiError(400, 40060, "Interaction has already been acknowledged.")
    _check_type(request, interaction, body.payload["type"])
    _apply(world, interaction, body)
    interaction.latency = recorded_of(request).started - interaction.started
    world.changes.notify()
    if request.query.get("with_response", "").lower() not in ("1", "true"):
        return web.Response(status=204)
    return json_response(_callback_response(world, interaction))


def _too_late(world: World, interaction: Interaction) -> bool:
    unanswered = interaction.callback is None
    return unanswered and world.clock.now() - interaction.created > world.answer_within


def _check_type(request: web.Request, interaction: Interaction, kind: int) -> None:
    allowed = set(_ALLOWED_TYPES[interaction.type])
    if interaction.source is None:
        allowed -= {DEFERRED_UPDATE, UPDATE}
    if kind not in allowed:
        words = f"Value must be one of {sorted(allowed)}."
        problem = Problem(("type",), "BASE_TYPE_CHOICES", words)
        record_violations(request, [problem])
        raise invalid_form(problem)


def _apply(world: World, interaction: Interaction, body: Body) -> None:
    """Do what the answer says; only then is the interaction answered."""
    kind, data = body.payload["type"], body.payload.get("data") or {}
    content = Body(payload=data, uploads=body.uploads)
    if kind == MESSAGE:
        interaction.original = _post(world, interaction, content)
    elif kind == DEFERRED_MESSAGE:  # which takes one flag alone
        only = Body(payload={"flags": (data.get("flags") or 0) & EPHEMERAL})
        interaction.original = _post(world, interaction, only, flags=LOADING)
    elif kind == UPDATE and interaction.source is not None:
        if interaction.source.deleted:
            raise ApiError(404, 10008, "Unknown Message")
        interaction.original = messages.edit(world, interaction.source, content)
    elif kind == DEFERRED_UPDATE:
        interaction.original = interaction.source
    elif kind == MODAL:
        data = data | {"components": components.stored(data["components"])}
    interaction.callback = Callback(type=kind, data=data, at=world.clock.now())


def _post(world: World, interaction: Interaction, body: Body, *, flags: int = 0) -> Message:
    """Post a message that answers ``interaction``; ephemeral where the payload asks for that."""
    asked = (body.payload or {}).get("flags") or 0
    draft = Draft(
        channel=interaction.channel,
        author=world.bot,
        body=body,
        interaction=interaction,
        flags=flags | asked & EPHEMERAL,
        reference=interaction.source,
    )
    return messages.post(world, draft)


def _callback_response(world: World, interaction: Interaction) -> Json:
    callback, original = interaction.callback, interaction.original
    about: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "channel_id": str(interaction.channel.id),
    }
    if interaction.channel.guild is not None:
        about["guild_id"] = str(interaction.channel.guild.id)
    response: Json = {"interaction": about}
    if original is None or callback is None:
        return response
    about |= {
        "response_message_id": str(original.id),
        "response_message_loading": original.loading,
        "response_message_ephemeral": original.ephemeral,
    }
    if callback.type in (MESSAGE, UPDATE):
        message = discord_json.message(world, original)
        response["resource"] = {"type": callback.type, "message": message}
    return response


# -- the webhook -----------------------------------------------------------------------------------


async def post_followup(request: web.Request) -> web.Response:
    """Post a further message; the first one after a deferred answer fills that one in."""
    world = request.app[WORLD]
    interaction = _of_webhook(request)
    original = interaction.original
    if original is not None and original.loading and not original.deleted:
        body = await _message_body(request, interaction, original)
        return json_response(discord_json.message(world, messages.edit(world, original, body)))
    body = await _message_body(request, interaction)
    place = interaction.channel.guild
    outside = place is not None and not place.bot_is_in
    if outside and len(interaction.followups) >= _MAX_FOLLOWUPS_OUTSIDE:
        message = "This interaction has reached its maximum number of follow-up messages"
        raise ApiError(400, 40094, message)
    followup = _post(world, interaction, body)
    interaction.followups.append(followup)
    world.changes.notify()
    return json_response(discord_json.message(world, followup))


async def get_message(request: web.Request) -> web.Response:
    interaction = _of_webhook(request)
    return json_response(discord_json.message(request.app[WORLD], _message(request, interaction)))


async def patch_message(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    interaction = _of_webhook(request)
    message = _message(request, interaction)
    body = await _message_body(request, interaction, message)
    edited = messages.edit(world, message, body)
    return json_response(discord_json.message(world, edited))


async def delete_message(request: web.Request) -> web.Response:
    interaction = _of_webhook(request)
    messages.delete(request.app[WORLD], _message(request, interaction))
    return web.Response(status=204)


def _of_webhook(request: web.Request) -> Interaction:
    """Return the interaction whose token is in the URL. Raises ApiError for an unknown one."""
    world = request.app[WORLD]
    if request.match_info["webhook_id"] != str(world.application_id):
        raise ApiError(404, 10015, "Unknown Webhook")
    interaction = world.tokens.get(request.match_info["webhook_token"])
    if interaction is None or world.clock.now() - interaction.created > TOKEN_LIFE:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if interaction.callback is None or interaction.callback.type == CHOICES:
        raise ApiError(404, 10015, "Unknown Webhook")
    if interaction.channel.id not in world.channels:
        raise ApiError(404, 10003, "Unknown Channel")
    return interaction


async def _message_body(
    request: web.Request, interaction: Interaction, before: Message | None = None
) -> Body:
    limit = request.app[WORLD].upload_limit_in(interaction.channel, interaction.user)
    rules = partial(message_problems, before=before)
    return await checked_body(request, file_limit=limit, rules=rules)


def _message(request: web.Request, interaction: Interaction) -> Message:
    wanted = request.match_info.get("message_id", "@original")
    for message in interaction.messages:
        if str(message.id) == wanted or (wanted == "@original" and message is interaction.original):
            return message
    raise ApiError(404, 10008, "Unknown Message")


def routes() -> list[web.RouteDef]:
    """Return the routes; their paths are relative to /api/v10."""
    webhook = "/webhooks/{webhook_id}/{webhook_token}"
    callback = r"/interactions/{interaction_id:\d+}/{interaction_token}/callback"
    messages_of = [f"{webhook}/messages/@original", f"{webhook}/messages/{{message_id}}"]
    return [
        web.post(callback, post_callback),
        web.post(webhook, post_followup),
        *(web.get(path, get_message) for path in messages_of),
        *(web.patch(path, patch_message) for path in messages_of),
        *(web.delete(path, delete_message) for path in messages_of),
    ]
