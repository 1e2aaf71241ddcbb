"""Commands that no Discord client would send, as a hostile or broken one could."""

from __future__ import annotations

import secrets
from typing import Any

from bot.sandbox import Interaction, Message, Person, Sandbox, discord_json
from bot.sandbox.interactions import COMMAND, COMPONENT
from bot.sandbox.world import Dispatch

_KINDS = {str: 3, int: 4, float: 10}  # Discord's types of options


def command(discord: Sandbox, person: Person, name: str, **options: Any) -> Interaction:
    """Send a slash command with option values that the client's limits would have stopped."""
    return altered(discord, person, name, {}, **options)


def altered(
    discord: Sandbox, person: Person, name: str, changed: dict[str, Any], /, **options: Any
) -> Interaction:
    """Send a slash command with fields of its event ``changed``; None leaves one out."""
    registered = next(each for each in discord.registrations[-1].commands if each["name"] == name)
    values = [
        {"name": option, "type": _KINDS[type(value)], "value": value}
        for option, value in options.items()
    ]
    data = {"id": registered["id"], "name": name, "type": 1, "options": values}
    return _sent(discord, person, COMMAND, data, changed)


def press(
    discord: Sandbox, person: Person, source: Message, data: dict[str, Any], said: dict[str, Any]
) -> Interaction:
    """Press a component of a message, of which the event says no more than ``said``."""
    return _sent(discord, person, COMPONENT, data, {"message": said}, source=source)


def _sent(
    discord: Sandbox,
    person: Person,
    kind: int,
    data: dict[str, Any],
    changed: dict[str, Any],
    *,
    source: Message | None = None,
) -> Interaction:
    world = discord.world
    interaction = Interaction(
        world=world,
        id=world.new_id(),
        token=secrets.token_urlsafe(96),
        type=kind,
        user=person.user,
        channel=person.channel,
        data=data,
        created=world.clock.now(),
        source=source,
    )
    world.interactions[interaction.id] = world.tokens[interaction.token] = interaction
    guild = person.channel.guild
    event = discord_json.interaction_event(world, interaction) | changed
    event = {key: value for key, value in event.items() if value is not None}
    world.publish(Dispatch("INTERACTION_CREATE", event, guild_id=guild.id if guild else None))
    return interaction
