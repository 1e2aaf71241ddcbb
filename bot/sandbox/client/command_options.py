"""Turns what a person fills in into a command's options, as Discord's client would.

The client offers registered commands and options only, and lets nothing out of range through;
what it would not let through raises NotOffered. A careless one only knows what is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox import discord_json
from bot.sandbox.errors import NotOffered
from bot.sandbox.messages import store_upload
from bot.sandbox.model import Channel, Role, Upload, User
from bot.sandbox.world import World

Json = dict[str, Any]

_SUB_COMMAND, _SUB_COMMAND_GROUP, _STRING, _INTEGER, _BOOLEAN = 1, 2, 3, 4, 5
_USER, _CHANNEL, _ROLE, _MENTIONABLE, _NUMBER, _ATTACHMENT = 6, 7, 8, 9, 10, 11
_LARGEST = 2**53
_LONGEST = 6000


class FilledOptions:
    """A command's options with their values, and the things that they refer to."""

    def __init__(
        self, world: World, user: User, channel: Channel, *, careless: bool = False
    ) -> None:
        self._world = world
        self._user = user
        self._channel = channel
        self._careless = careless
        self.resolved: dict[str, Json] = {}

    def options(self, command: Json, words: list[str], values: Mapping[str, Any]) -> list[Json]:
        """Return the options as the gateway sends them; those that are None are left out.

        ``words`` are the sub-commands after the command's name.
        """
        declared = command.get("options") or []
        if words:
            return [self._sub_command(declared, words, values)]
        if any(option["type"] in (_SUB_COMMAND, _SUB_COMMAND_GROUP) for option in declared):
            names = ", ".join(option["name"] for option in declared)
            raise NotOffered(
                "/{name} wants a sub-command: {names}.", name=command["name"], names=names
            )
        return self._values(declared, values)

    def _sub_command(
        self, declared: list[Json], words: list[str], values: Mapping[str, Any]
    ) -> Json:
        option = _named(declared, words[0])
        inner = self.options(option, words[1:], values)
        return {"name": option["name"], "type": option["type"], "options": inner}

    def partially_filled(
        self, command: Json, words: list[str], values: Mapping[str, Any], focused: str, typed: Any
    ) -> list[Json]:
        """Return the options while one is typed; none is required, that one is sent as typed."""
        declared = command.get("options") or []
        if words:
            found = _named(declared, words[0])
            inner = self.partially_filled(found, words[1:], values, focused, typed)
            return [{"name": found["name"], "type": found["type"], "options": inner}]
        option = _named(declared, focused)
        if not option.get("autocomplete"):
            raise NotOffered("The option {name} has no suggestions.", name=focused)
        others = [self._filled(_named(declared, name), value) for name, value in values.items()]
        part = {"name": focused, "type": option["type"], "value": typed, "focused": True}
        return [*others, part]

    def _values(self, declared: list[Json], values: Mapping[str, Any]) -> list[Json]:
        given = {name: value for name, value in values.items() if value is not None}
        for name in given:
            _named(declared, name)
        for option in declared:
            if option.get("required") and option["name"] not in given and not self._careless:
                raise NotOffered("The option {name} is required.", name=option["name"])
        return [
            self._filled(option, given[option["name"]])
            for option in declared
            if option["name"] in given
        ]

    def _filled(self, option: Json, value: Any) -> Json:
        typed = self.typed(option, value)
        return {"name": option["name"], "type": option["type"], "value": typed}

    def typed(self, option: Json, value: Any) -> Any:
        """Return a value as the gateway sends it. Raises NotOffered for one that doesn't fit."""
        if self._careless and isinstance(value, str | int | float):
            return value
        if option.get("choices"):
            return _choice(option, value)
        readers: dict[int, Callable[[Json, Any], Any]] = {
            _STRING: _text,
            _INTEGER: _number,
            _NUMBER: _number,
            _BOOLEAN: _boolean,
            _USER: self._reference,
            _CHANNEL: self._reference,
            _ROLE: self._reference,
            _MENTIONABLE: self._reference,
            _ATTACHMENT: self._attachment,
        }
        return readers[option["type"]](option, value)

    def _attachment(self, option: Json, value: Any) -> str:
        if not isinstance(value, Upload):
            raise NotOffered("{name} takes a file.", name=option["name"])
        if len(value.data) > self._world.upload_limit_in(self._channel, self._user):
            raise NotOffered("{name} is too large to be uploaded.", name=value.filename)
        file = store_upload(self._world, self._channel, value, ephemeral=True)
        self._resolve("attachments", file.id, discord_json.attachment(self._world, file))
        return str(file.id)

    def _reference(self, option: Json, value: Any) -> str:
        """Return the id of a user (or person), channel or role, and describe it in ``resolved``."""
        thing = getattr(value, "user", value)
        kind = option["type"]
        if isinstance(thing, User) and kind in (_USER, _MENTIONABLE):
            self.resolve_user(thing)
        elif isinstance(thing, Role) and kind in (_ROLE, _MENTIONABLE):
            self._resolve("roles", thing.id, discord_json.role(thing))
        elif isinstance(thing, Channel) and kind == _CHANNEL:
            permissions = {"permissions": str(thing.bot_permissions)}
            self._resolve("channels", thing.id, discord_json.channel(thing) | permissions)
        else:
            raise NotOffered("{name} can't be {value}.", name=option["name"], value=repr(value))
        return str(thing.id)

    def resolve_user(self, user: User) -> None:
        guild = self._channel.guild
        self._resolve("users", user.id, discord_json.user(user))
        if guild is not None and user.id in guild.members:
            member = discord_json.member(guild.members[user.id], with_user=False)
            permissions = {"permissions": str(guild.permissions_of(user))}
            self._resolve("members", user.id, member | permissions)

    def _resolve(self, kind: str, snowflake: int, payload: Json) -> None:
        self.resolved.setdefault(kind, {})[str(snowflake)] = payload


def _named(declared: list[Json], name: str) -> Json:
    for option in declared:
        if option["name"] == name:
            return option
    names = ", ".join(option["name"] for option in declared) or "none"
    raise NotOffered("There is no option {name}; there are: {names}.", name=name, names=names)


def _choice(option: Json, value: Any) -> Any:
    """Return the value of a choice, given by that value or by the name that people read."""
    for choice in option["choices"]:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    names = ", ".join(str(choice["name"]) for choice in option["choices"])
    words = "{name} can't be {value}; there are: {names}."
    raise NotOffered(words, name=option["name"], value=repr(value), names=names)


def _text(option: Json, value: Any) -> str:
    if not isinstance(value, str):
        words = "{name} takes a text, not {value}."
        raise NotOffered(words, name=option["name"], value=repr(value))
    lowest, highest = option.get("min_length") or 0, option.get("max_length") or _LONGEST
    if not lowest <= len(value) <= highest:
        words = "{name} takes {least} to {most} characters, not {count}."
        raise NotOffered(words, name=option["name"], least=lowest, most=highest, count=len(value))
    return value


def _number(option: Json, value: Any) -> int | float:
    kinds = int if option["type"] == _INTEGER else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        words = "{name} takes a number, not {value}."
        raise NotOffered(words, name=option["name"], value=repr(value))
    lowest = option.get("min_value", -_LARGEST)
    highest = option.get("max_value", _LARGEST)
    if not lowest <= value <= highest:
        words = "{name} takes {least} to {most}, not {value}."
        raise NotOffered(words, name=option["name"], least=lowest, most=highest, value=value)
    return value


def _boolean(option: Json, value: Any) -> bool:
    if not isinstance(value, bool):
        words = "{name} takes true or false, not {value}."
        raise NotOffered(words, name=option["name"], value=repr(value))
    return value
