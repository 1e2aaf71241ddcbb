"""/owner: what whoever runs the bot does with it from Discord; ``bot.operations`` does it.

Offered in direct messages with the bot, and on the servers that the config names, where Discord
shows it to administrators alone. Only those whom the config names may use it, and only there.
"""

from __future__ import annotations

import logging
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from bot.commands.options import Bounded, CompletedOption, Option, choice_of, command, localized
from bot.commands.submit import defer
from bot.core.errors import RefusedError
from bot.core.owner_settings import OwnerSettings
from bot.gateway.context import context_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.operations.needs import Operator
from bot.operations.operations import Operations
from bot.operations.outcome import Outcome
from bot.operations.requests import LONGEST_REASON, LONGEST_TEXT, MAX_HOURS
from bot.storage.models import State
from bot.storage.moderation import EVERYWHERE, PERSON
from bot.ui.owner_embed import outcome_embed
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_KIND = AppCommandOptionType
_JOB = Bounded(_KIND.string, 4, 32)
_LABEL = 90  # characters of a suggestion

_Interaction = discord.Interaction[Any]


def build(*, on_servers: bool) -> app_commands.Group:
    """Return the group for servers that the config names, or for direct messages."""
    group = app_commands.Group(
        name="owner", description=localized(Text("Commands for whoever runs the bot."))
    )
    if on_servers:
        group.default_permissions = discord.Permissions.none()  # else for administrators
    else:
        group.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
        group.allowed_contexts = app_commands.AppCommandContext(
            guild=False, dm_channel=True, private_channel=False
        )
    for name, (description, options) in _commands().items():
        group.add_command(command(name, description, _callback(name), options))
    return group


def owner_commands(owner: OwnerSettings) -> list[tuple[app_commands.Group, list[discord.Object]]]:
    """Return the group where it is offered, each with its servers; none for direct messages."""
    found: list[tuple[app_commands.Group, list[discord.Object]]] = []
    if owner.offers_command:
        found.append((build(on_servers=False), []))
    if owner.servers:
        servers = [discord.Object(server) for server in owner.servers]
        found.append((build(on_servers=True), servers))
    return found


def _commands() -> dict[str, tuple[Text, dict[str, Option]]]:
    states = [*(state.value for state in State), "unfinished"]
    job = Option(_JOB, Text("Its id, or the start of it."), required=True)
    model = CompletedOption(_suggest_models)
    person = Option(Bounded(_KIND.user), Text("Who."), required=True)
    return {
        "status": (Text("Show the state of the bot, its workers and its queue."), {}),
        "drain": (Text("Accept no new GIFs; those being made are finished."), {}),
        "resume": (
            Text("Accept new GIFs again, or resume a paused model."),
            {"model": Option(model, Text("Which model (default: the whole bot)."))},
        ),
        "pause": (
            Text("Pause a model for now."),
            {"model": Option(model, Text("Which model."), required=True)},
        ),
        "restart": (
            Text("Restart a worker."),
            {
                "worker": Option(
                    CompletedOption(_suggest_workers), Text("Which worker."), required=True
                ),
                "now": Option(
                    Bounded(_KIND.boolean), Text("Right away, rather than after its current job.")
                ),
            },
        ),
        "jobs": (
            Text("Search everybody's GIFs, the newest first."),
            {
                "job": Option(_JOB, Text("Its id, or the start of it.")),
                "user": Option(Bounded(_KIND.user), Text("Whose GIFs.")),
                "state": Option(choice_of(states), Text("In which state.")),
            },
        ),
        "cancel": (Text("Cancel anybody's GIF."), {"job": job}),
        "again": (
            Text("Make a finished GIF again, for the person who asked for it."),
            {"job": job},
        ),
        "logs": (Text("Show what became of a GIF."), {"job": job}),
        "announce": (
            Text("Send a message to everybody who is waiting; nobody is pinged."),
            {
                "text": Option(
                    Bounded(_KIND.string, 1, LONGEST_TEXT), Text("The message."), required=True
                )
            },
        ),
        "block": (
            Text("Block somebody from making GIFs on all servers."),
            {
                "user": person,
                "hours": Option(
                    Bounded(_KIND.integer, 1, MAX_HOURS), Text("For how long (default: for good).")
                ),
                "reason": Option(
                    Bounded(_KIND.string, 1, LONGEST_REASON), Text("The reason they are given.")
                ),
            },
        ),
        "unblock": (
            Text("Let somebody make GIFs again."),
            {"user": Option(CompletedOption(_suggest_blocked), Text("Who."), required=True)},
        ),
        "reload": (Text("Read the config again, without a restart."), {}),
    }


def _callback(name: str) -> Any:
    async def call(interaction: _Interaction, **given: Any) -> None:
        check_owner(interaction)
        said = {key: _plain(value) for key, value in given.items() if value is not None}
        if name == "block":
            said["name"] = str(given["user"].name)[:100]
        await defer(interaction, private=True)
        by = Operator(interaction.user.id)
        outcome = await operations_of(interaction).run(name, said, by)
        await _show(interaction, outcome)

    return call


async def _show(interaction: _Interaction, outcome: Outcome) -> None:
    try:
        with readable_answers():
            await interaction.edit_original_response(embed=outcome_embed(outcome.lines))
    except SEND_ERRORS as error:
        logger.warning("an answer was lost: %s", error)


def operations_of(interaction: _Interaction) -> Operations:
    """Return the operations of the client that this interaction came to, a ``HotshotClient``."""
    found: Operations = interaction.client.operations
    return found


def check_owner(interaction: _Interaction) -> None:
    """Raise RefusedError where this isn't somebody who runs the bot, or not the place for it."""
    owner = context_of(interaction).settings.owner
    is_here = interaction.guild_id in owner.servers or (
        interaction.guild_id is None and owner.direct_messages
    )
    if interaction.user.id not in owner.users or not is_here:
        raise RefusedError(
            "Only whoever runs the bot can do that, and only where its config allows it."
        )


def _plain(value: Any) -> str | int | bool:
    """Return an option's value as a shell would give it: of a person, their id."""
    if isinstance(value, discord.User | discord.Member):
        return value.id
    return value if isinstance(value, bool | int) else str(value).strip()


async def _suggest_models(
    interaction: _Interaction, typed: str, limit: int
) -> list[tuple[str, str]]:
    check_owner(interaction)
    labels = context_of(interaction).models.labels
    return [(each[:_LABEL], each[:_LABEL]) for each in _matching(labels, typed)][:limit]


async def _suggest_workers(
    interaction: _Interaction, typed: str, limit: int
) -> list[tuple[str, str]]:
    check_owner(interaction)
    keys = [each.key for each in operations_of(interaction).needs.pool.reports()]
    return [(each[:_LABEL], each[:_LABEL]) for each in _matching(keys, typed)][:limit]


async def _suggest_blocked(
    interaction: _Interaction, typed: str, limit: int
) -> list[tuple[str, str]]:
    check_owner(interaction)
    listed = context_of(interaction).blocks.listed(EVERYWHERE)
    labels = {
        f"{each.name} ({each.target_id})"[-_LABEL:]: str(each.target_id)
        for each in listed
        if each.kind == PERSON
    }
    return [(label, labels[label]) for label in _matching(labels, typed)][:limit]


def _matching(names: Any, typed: str) -> list[str]:
    return [name for name in names if typed.strip().casefold() in name.casefold()]
