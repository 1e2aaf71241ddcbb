"""The sandbox's values in Discord's JSON. Pure: reads the world, changes nothing."""

from __future__ import annotations

from typing import Any

from bot.sandbox.clock import iso
from bot.sandbox.components import media_of
from bot.sandbox.interactions import COMMAND, COMPONENT
from bot.sandbox.model import (
    DM,
    EVERYONE,
    Channel,
    Guild,
    Interaction,
    Member,
    Message,
    Role,
    StoredFile,
    User,
)
from bot.sandbox.world import World

Json = dict[str, Any]

_DEFAULT_MESSAGE, _REPLY, _SLASH_RESPONSE, _CONTEXT_RESPONSE = 0, 19, 20, 23


def user(person: User) -> Json:
    payload: Json = {
        "id": str(person.id),
        "username": person.username,
        "global_name": None if person.bot else person.username.title(),
        "discriminator": "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }
    if person.bot:
        payload["bot"] = True
    return payload


def own_user(person: User) -> Json:
    """Return the bot's own user, as GET users/@me and READY show it."""
    return user(person) | {
        "mfa_enabled": True,
        "locale": person.locale,
        "verified": True,
        "email": None,
    }


def application(world: World) -> Json:
    return {
        "id": str(world.application_id),
        "name": "Hotshot",
        "icon": None,
        "description": "A bot in the sandbox.",
        "type": None,
        "bot": user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(world.owner),
        "approximate_guild_count": sum(guild.bot_is_in for guild in world.guilds.values()),
        "approximate_user_install_count": sum(one.installed_app for one in world.users.values()),
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "integration_types_config": {"0": {}, "1": {}},
    }


def role(one: Role) -> Json:
    return {
        "id": str(one.id),
        "name": one.name,
        "description": None,
        "permissions": str(one.permissions),
        "position": one.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def member(one: Member, *, with_user: bool = True) -> Json:
    payload: Json = {
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": iso(one.joined_at),
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [str(each.id) for each in one.roles],
        "mute": False,
        "deaf": False,
    }
    if with_user:
        payload["user"] = user(one.user)
    return payload


def channel(one: Channel, viewer: User | None = None) -> Json:
    """Return a channel; a DM's recipients are listed without ``viewer``, who asks."""
    last = str(one.last_message_id) if one.last_message_id else None
    if one.type == DM:
        others = [user(other) for other in one.recipients if other is not viewer]
        return {
            "id": str(one.id),
            "type": DM,
            "last_message_id": last,
            "flags": 0,
            "recipients": others,
        }
    payload: Json = {
        "id": str(one.id),
        "type": one.type,
        "name": one.name,
        "position": one.position,
        "nsfw": one.nsfw,
        "topic": None,
        "parent_id": None,
        "flags": 0,
        "last_message_id": last,
        "rate_limit_per_user": 0,
        "permission_overwrites": _overwrites(one),
    }
    if one.guild is not None:
        payload["guild_id"] = str(one.guild.id)
    return payload


def _overwrites(one: Channel) -> list[Json]:
    """Return what the bot may do here beyond everyone, or everyone but the bot."""
    allow, deny = one.bot_permissions & ~EVERYONE, EVERYONE & ~one.bot_permissions
    members = one.guild.members.values() if one.guild is not None else ()
    bots = [each.user for each in members if each.user.bot]
    if not (allow or deny):
        return []
    return [{"id": str(bot.id), "type": 1, "allow": str(allow), "deny": str(deny)} for bot in bots]


def guild(one: Guild) -> Json:
    """Return a server as GET guilds/{id} shows it."""
    return {
        "id": str(one.id),
        "name": one.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": str(one.owner.id),
        "application_id": None,
        "region": "us-east",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role(each) for each in one.roles],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": one.locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "premium_progress_bar_enabled_user_updated_at": None,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [each.payload for each in one.emojis.values()],
        "stickers": [each.payload for each in one.stickers.values()],
        "incidents_data": None,
        "inventory_settings": None,
    }


def guild_create(world: World, one: Guild) -> Json:
    """Return a server that the bot is in, as GUILD_CREATE shows it."""
    return guild(one) | {
        "joined_at": iso(one.members[world.bot.id].joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(each) for each in one.members.values()],
        "channels": [channel(each) for each in one.channels.values()],
        "threads": [],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(world: World, file: StoredFile) -> Json:
    url = world.file_url(file)
    payload: Json = {
        "id": str(file.id),
        "filename": file.filename,
        "size": len(file.data),
        "url": url,
        "proxy_url": url,
        "content_type": file.content_type,
        "ephemeral": file.ephemeral,
    }
    if file.description is not None:
        payload["description"] = file.description
    if file.width is not None:
        payload |= {"width": file.width, "height": file.height}
    return payload


def message(world: World, one: Message) -> Json:
    """Return a message as REST does.

    Files that an embed or a component shows are not listed a second time.
    """
    urls = [embed.get("image", {}).get("url", "") for embed in one.embeds]
    urls += [media["url"] for part in one.components_flat for _, media in media_of(part)]
    shown = {url.partition("?")[0] for url in urls}
    listed = [file for file in one.files if world.url + world.file_path(file) not in shown]
    payload: Json = {
        "id": str(one.id),
        "channel_id": str(one.channel.id),
        "author": user(one.author),
        "type": _message_type(one),
        "content": one.content,
        "timestamp": iso(one.created),
        "edited_timestamp": None if one.edited is None else iso(one.edited),
        "tts": False,
        "mention_everyone": one.mentions.everyone,
        "mentions": [user(each) for each in one.mentions.users],
        "mention_roles": [str(each) for each in one.mentions.roles],
        "attachments": [attachment(world, file) for file in listed],
        "embeds": one.embeds,
        "components": one.components,
        "flags": one.flags,
        "pinned": False,
    }
    if one.nonce is not None:
        payload["nonce"] = one.nonce
    if one.reference is not None:
        payload["message_reference"] = {
            "type": 0,
            "message_id": str(one.reference.id),
            "channel_id": str(one.reference.channel.id),
        }
    if one.forwarded is not None:
        payload |= _forward(world, one.forwarded)
    if one.interaction is not None:
        payload["application_id"] = payload["webhook_id"] = str(world.application_id)
        payload["interaction_metadata"] = _metadata(one.interaction)
    return payload


_SNAPSHOT = (
    "type",
    "content",
    "timestamp",
    "edited_timestamp",
    "mentions",
    "mention_roles",
    "attachments",
    "embeds",
    "components",
    "flags",
)


def _forward(world: World, one: Message) -> Json:
    """Return a forwarded message's own fields: a snapshot of the other, which names no author."""
    whole = message(world, one)
    return {
        "message_reference": {
            "type": 1,
            "message_id": whole["id"],
            "channel_id": whole["channel_id"],
        },
        "message_snapshots": [{"message": {key: whole[key] for key in _SNAPSHOT}}],
    }


def _message_type(one: Message) -> int:
    answered = one.interaction
    if answered is not None and answered.type == COMMAND and answered.original in (one, None):
        return _SLASH_RESPONSE if answered.data.get("type") == 1 else _CONTEXT_RESPONSE
    return _DEFAULT_MESSAGE if one.reference is None else _REPLY


def _metadata(interaction: Interaction) -> Json:
    payload: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "user": user(interaction.user),
        "authorizing_integration_owners": owners(interaction),
    }
    if interaction.type == COMPONENT and interaction.source is not None:
        payload["interacted_message_id"] = str(interaction.source.id)
    if interaction.parent is not None:
        payload["triggering_interaction_metadata"] = _metadata(interaction.parent)
    return payload


def owners(interaction: Interaction) -> Json:
    """Return who brought the app here: "0" the server ("0" in a DM with the bot), "1" the user."""
    found: Json = {}
    place = interaction.channel
    if place.guild is None or place.guild.bot_is_in:
        found["0"] = str(place.guild.id) if place.guild else "0"
    if interaction.user.installed_app:
        found["1"] = str(interaction.user.id)
    return found


def interaction_event(world: World, one: Interaction) -> Json:
    """Return an interaction as the gateway's INTERACTION_CREATE."""
    place, person = one.channel, one.user
    payload: Json = {
        "id": str(one.id),
        "application_id": str(world.application_id),
        "type": one.type,
        "token": one.token,
        "version": 1,
        "data": one.data,
        "channel_id": str(place.id),
        "channel": channel(place, viewer=person),
        "locale": person.locale,
        "entitlements": [],
        "authorizing_integration_owners": owners(one),
        "attachment_size_limit": world.upload_limit_in(place, person),
        "app_permissions": str(_bot_permissions(world, place)),
        "context": _context(world, place),
    }
    if place.guild is None:
        payload["user"] = user(person)
    else:
        payload |= _in_guild(place.guild, person)
    if one.source is not None:
        payload["message"] = message(world, one.source)
    return payload


def _bot_permissions(world: World, place: Channel) -> int:
    """Return what the bot may do in a channel: what it may there, and its roles' further rights."""
    further = place.guild.permissions_of(world.bot) & ~EVERYONE if place.guild else 0
    return place.bot_permissions | further


def _in_guild(place: Guild, person: User) -> Json:
    permissions = str(place.permissions_of(person))
    return {
        "guild_id": str(place.id),
        "guild_locale": place.locale,
        "guild": {"id": str(place.id), "locale": place.locale, "features": []},
        "member": member(place.members[person.id]) | {"permissions": permissions},
    }


def _context(world: World, place: Channel) -> int:
    """Return 0 in a server, 1 in a DM with the bot, 2 in any other private channel."""
    if place.guild is not None:
        return 0
    return 1 if world.bot in place.recipients else 2
