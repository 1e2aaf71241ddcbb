"""A person at the keyboard: somebody in some channel, who types commands and presses buttons.

They can only do what Discord's client would offer them there; anything else raises NotOffered.
"""

from __future__ import annotations

import secrets
from copy import copy
from typing import Any

from bot.sandbox import discord_json, messages
from bot.sandbox.client.command_options import FilledOptions
from bot.sandbox.client.forms import FilledForm
from bot.sandbox.components import BUTTON, SELECTS
from bot.sandbox.errors import NobodyListening, NotOffered
from bot.sandbox.gateway import Gateway
from bot.sandbox.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
)
from bot.sandbox.messages import Body, Draft
from bot.sandbox.model import (
    ADMINISTRATOR,
    HAS_SNAPSHOT,
    Channel,
    Interaction,
    Message,
    Upload,
    User,
)
from bot.sandbox.world import Dispatch, World

Json = dict[str, Any]

_UNSEEN = "{name} can't see that message."
_CHAT_INPUT, _USER_COMMAND, _MESSAGE_COMMAND = 1, 2, 3


class Person:
    """A user in a channel. ``at(channel)`` is the same user somewhere else."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        user: User,
        channel: Channel,
        *,
        careless: bool = False,
    ) -> None:
        self._world = world
        self._gateway = gateway
        self._careless = careless
        self.user = user
        self.channel = channel

    def at(self, channel: Channel) -> Person:
        """Return the same user in another channel, joined to its server where they weren't yet."""
        if channel.guild is not None:
            self._world.add_member(channel.guild, self.user)
        return Person(self._world, self._gateway, self.user, channel, careless=self._careless)

    def in_dm(self) -> Person:
        """Return the same user in their direct messages with the bot."""
        return self.at(self._world.dm_between(self.user, self._world.bot))

    def careless(self) -> Person:
        """Return the same person with a client that checks no values.

        Wrong ones reach the bot, as from a hostile client or an outdated registration.
        """
        return Person(self._world, self._gateway, self.user, self.channel, careless=True)

    def sees(self, message: Message) -> bool:
        return message.visible_to(self.user)

    # -- what one can do ---------------------------------------------------------------------------

    async def slash(self, command: str, /, **options: Any) -> Interaction:
        """Type a command, "gif" or "lora add"; options by name, files as ``Upload``.

        A None is an option left empty. Returns at once; await what the interaction offers.
        """
        name, *words = command.split()
        registered = self._command(name, _CHAT_INPUT)
        filled = FilledOptions(self._world, self.user, self.channel, careless=self._careless)
        data = _command_data(registered)
        data["options"] = filled.options(registered, words, options)
        return self._send(COMMAND, _with_resolved(data, filled.resolved))

    async def autocomplete(
        self, command: str, option: str, typed: Any, /, within: float | None = None, **others: Any
    ) -> list[Json]:
        """Return the choices ({name, value}) that the bot offers while ``option`` is typed."""
        name, *words = command.split()
        registered = self._command(name, _CHAT_INPUT)
        filled = FilledOptions(self._world, self.user, self.channel)
        data = _command_data(registered)
        data["options"] = filled.partially_filled(registered, words, others, option, typed)
        interaction = self._send(AUTOCOMPLETE, _with_resolved(data, filled.resolved))
        await interaction.acknowledged(within)
        return interaction.choices

    async def message_command(self, name: str, message: Message) -> Interaction:
        """Pick an app's command in a message's menu."""
        registered = self._command(name, _MESSAGE_COMMAND)
        if not self.sees(message):
            raise NotOffered(_UNSEEN, name=self.user.username)
        payload = discord_json.message(self._world, message)
        data = _command_data(registered) | {
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): payload}},
        }
        return self._send(COMMAND, data)

    async def user_command(self, name: str, user: User) -> Interaction:
        """Pick an app's command in a user's menu."""
        registered = self._command(name, _USER_COMMAND)
        filled = FilledOptions(self._world, self.user, self.channel)
        filled.resolve_user(user)
        data = _command_data(registered) | {"target_id": str(user.id)}
        return self._send(COMMAND, _with_resolved(data, filled.resolved))

    async def press(self, message: Message, button: str) -> Interaction:
        """Press a button, named by its label or custom_id."""
        if not self.sees(message):
            raise NotOffered(_UNSEEN, name=self.user.username)
        found = _button(message, button)
        data = {"component_type": BUTTON, "custom_id": found["custom_id"], "id": found["id"]}
        return self.at(message.channel)._send(COMPONENT, data, source=message)

    def dismiss(self, message: Message) -> None:
        """Dismiss a message that only this person sees: nobody can edit it any more."""
        if not (message.ephemeral and self.sees(message)):
            raise NotOffered("Only a message that nobody else sees can be dismissed.")
        message.deleted = True
        self._world.changes.notify()

    async def choose(self, message: Message, menu: str, *values: Any) -> Interaction:
        """Choose in a menu that is named by its custom_id's start, or by its placeholder.

        ``values`` are options by value or label; people, roles or channels where it offers those.
        """
        if not self.sees(message):
            raise NotOffered(_UNSEEN, name=self.user.username)
        found = _menu(message, menu)
        filled = self._form()
        data = {
            "component_type": found["type"],
            "custom_id": found["custom_id"],
            "id": found["id"],
            "values": filled.chosen(found, values),
        }
        person = self.at(message.channel)
        return person._send(COMPONENT, _with_resolved(data, filled.resolved), source=message)

    async def submit(self, shown: Interaction, /, **fields: Any) -> Interaction:
        """Fill in the form that ``shown`` was answered with; fields by custom_id or label.

        See ``FilledForm.components`` for what each takes.
        """
        filled = self._form()
        components = filled.components(shown.modal, fields)
        data = {"custom_id": shown.modal["custom_id"], "components": components}
        sent = _with_resolved(data, filled.resolved)
        return self._send(MODAL_SUBMIT, sent, source=shown.source, parent=shown)

    def _form(self) -> FilledForm:
        references = FilledOptions(self._world, self.user, self.channel, careless=self._careless)
        return FilledForm(references, careless=self._careless)

    async def says(self, content: str = "", *files: Upload) -> Message:
        """Post an ordinary message."""
        body = Body(payload={"content": content}, uploads=dict(enumerate(files)))
        draft = Draft(channel=self.channel, author=self.user, body=body)
        return messages.post(self._world, draft)

    async def forwards(self, message: Message) -> Message:
        """Forward a message to this channel."""
        made = messages.post(
            self._world,
            Draft(channel=self.channel, author=self.user, forwarded=copy(message)),
        )
        made.flags |= HAS_SNAPSHOT
        return made

    async def picks_gif(self, gif: Upload) -> Message:
        """Send a GIF of the picker: a link, which Discord shows as an embed of type gifv."""
        file = messages.store_upload(self._world, self.channel, gif)
        url = self._world.file_url(file)
        made = await self.says("https://tenor.com/view/dance-gif-123")
        shown = {"url": url, "proxy_url": url, "width": file.width or 0, "height": file.height or 0}
        still = {"url": f"{url}.png", "proxy_url": f"{url}.png", "width": 0, "height": 0}
        made.embeds = [
            {"type": "gifv", "url": made.content, "thumbnail": still, "video": shown},
        ]
        return made

    # -- what the client checks first --------------------------------------------------------------

    def commands(self) -> list[Json]:
        """Return the registered commands that this person is offered in this channel."""
        guild = self.channel.guild
        scopes = [None] if guild is None else [None, guild.id]
        every = [each for scope in scopes for each in self._world.commands.get(scope, [])]
        return [command for command in every if self._refusal(command) is None]

    def _command(self, name: str, kind: int) -> Json:
        guild_id = self.channel.guild.id if self.channel.guild else None
        for scope in dict.fromkeys((guild_id, None)):
            for command in self._world.commands.get(scope, []):
                if command["name"] == name and command["type"] == kind:
                    refusal = self._refusal(command)
                    if refusal is not None:
                        raise NotOffered(refusal, name=name)
                    return command
        names = ", ".join(command["name"] for command in self.commands()) or "none"
        raise NotOffered("There is no command {name}; there are: {names}.", name=name, names=names)

    def _refusal(self, command: Json) -> str | None:
        """Return why the client doesn't offer a command, by its ``name``; None where it does."""
        guild = self.channel.guild
        if "guild_id" not in command:
            refusal = self._installation_refusal(command)
            if refusal is not None:
                return refusal
        if command.get("nsfw") and not (self.channel.nsfw or guild is None):
            return "{name} needs an age-restricted channel."
        needed = command.get("default_member_permissions")
        if guild is not None and needed is not None:
            bits = int(needed) or ADMINISTRATOR  # of none at all, Discord makes administrators
            if bits & ~guild.permissions_of(self.user):
                return "{name} needs a permission that this person doesn't have."
        return None

    def _installation_refusal(self, command: Json) -> str | None:
        guild, bot = self.channel.guild, self._world.bot
        context = 0 if guild is not None else 1 if bot in self.channel.recipients else 2
        if context not in (command.get("contexts") or [0, 1, 2]):
            return "{name} is not offered in this kind of channel."
        by_server = guild.bot_is_in if guild is not None else context == 1
        ways = {0: by_server, 1: self.user.installed_app}
        if not any(ways[kind] for kind in command.get("integration_types") or [0]):
            return "{name} belongs to an app that is installed neither here nor by this person."
        return None

    # -- and off it goes ---------------------------------------------------------------------------

    def _send(
        self,
        kind: int,
        data: Json,
        *,
        source: Message | None = None,
        parent: Interaction | None = None,
    ) -> Interaction:
        """Dispatch an interaction. Raises NobodyListening where it would be lost."""
        world, guild = self._world, self.channel.guild
        if self.channel.id not in world.channels:
            raise NotOffered("That channel is gone; choose another one.")
        if not self._gateway.sessions:
            raise NobodyListening("No bot is connected to the sandbox.")
        interaction = Interaction(
            world=world,
            id=world.new_id(),
            token=secrets.token_urlsafe(96),
            type=kind,
            user=self.user,
            channel=self.channel,
            data=data,
            created=world.clock.now(),
            source=source,
            parent=parent,
        )
        world.interactions[interaction.id] = world.tokens[interaction.token] = interaction
        payload = discord_json.interaction_event(world, interaction)
        guild_id = guild.id if guild is not None else None
        world.publish(Dispatch("INTERACTION_CREATE", payload, guild_id=guild_id))
        return interaction


def _command_data(command: Json) -> Json:
    data = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return data | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _with_resolved(data: Json, resolved: Json) -> Json:
    return data | ({"resolved": resolved} if resolved else {})


def _button(message: Message, wanted: str) -> Json:
    for button in message.buttons:
        if wanted in (button.get("label"), button.get("custom_id")):
            if button.get("disabled") or "custom_id" not in button:
                raise NotOffered("The button {name} can't be pressed.", name=wanted)
            return button
    labels = ", ".join(str(each.get("label")) for each in message.buttons) or "none"
    raise NotOffered("There is no button {name}; there are: {names}.", name=wanted, names=labels)


def _menu(message: Message, wanted: str) -> Json:
    menus = [part for part in message.components_flat if part["type"] in SELECTS]
    for menu in menus:
        if menu["custom_id"].startswith(wanted) or menu.get("placeholder") == wanted:
            return menu
    names = ", ".join(str(each["custom_id"]) for each in menus) or "none"
    raise NotOffered("There is no menu {name}; there are: {names}.", name=wanted, names=names)
