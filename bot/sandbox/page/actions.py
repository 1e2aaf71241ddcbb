"""What a person does in the page, done in the world as ``client.person`` does it.

Everything that comes is read as from a stranger: what isn't there, or isn't what it should be,
raises SandboxError with a sentence for the page.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox.client.forms import fields_of
from bot.sandbox.client.person import Person
from bot.sandbox.components import (
    CHANNEL_SELECT,
    FILE_UPLOAD,
    MENTIONABLE_SELECT,
    ROLE_SELECT,
    SELECTS,
    STRING_SELECT,
    USER_SELECT,
)
from bot.sandbox.errors import ApiError, SandboxError
from bot.sandbox.interactions import MODAL
from bot.sandbox.model import Channel, Interaction, Message, Role, Upload, User
from bot.sandbox.page.uploads import Uploads
from bot.sandbox.page.view import LOCALES, people_of
from bot.sandbox.server import Sandbox

Json = dict[str, Any]

MOST_PEOPLE = 20
_LONGEST_NAME = 32
_LONGEST_LINE = 1000
_LONGEST_MESSAGE = 2000
_MOST_FILES = 10
_OPTION_UPLOAD, _OPTION_REFERENCES = 11, frozenset({6, 7, 8, 9})
_REFERENCE_SELECTS = frozenset({USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT})


class Actions:
    """Everything that a page can ask for, by name: ``perform`` is its only door."""

    def __init__(self, discord: Sandbox, uploads: Uploads) -> None:
        self._discord = discord
        self._world = discord.world
        self._uploads = uploads
        self._handlers: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "say": self._say,
            "slash": self._slash,
            "complete": self._complete,
            "menu": self._message_command,
            "user_menu": self._user_command,
            "press": self._press,
            "choose": self._choose,
            "submit": self._submit,
            "dismiss": self._dismiss,
            "person": self._add_person,
            "locale": self._set_locale,
            "order": self._order,
        }

    async def perform(self, asked: Json) -> Json:
        """Do what is asked and return what came of it. Raises SandboxError."""
        _refuse_half_characters(asked)
        handler = self._handlers.get(str(asked.get("do")))
        if handler is None:
            raise SandboxError("The page asked for something that the sandbox doesn't know.")
        try:
            return await handler(asked)
        except ApiError as error:
            words = "Discord would refuse that: {reason}"
            raise SandboxError(words, reason=error.message) from error

    def person(self, asked: Json) -> Person:
        """Return who asks, in the channel where they are."""
        user = self._world.users.get(_number(asked.get("user")))
        channel = self._world.channels.get(_number(asked.get("channel")))
        if user is None or user not in people_of(self._world):
            raise SandboxError("There is no such person; choose who you are.")
        if channel is None:
            raise SandboxError("That channel is gone; choose another one.")
        if channel.guild is None and user not in channel.recipients:
            raise SandboxError("Those direct messages are somebody else's.")
        return Person(self._world, self._discord.gateway, user, channel).at(channel)

    # -- messages ----------------------------------------------------------------------------------

    async def _say(self, asked: Json) -> Json:
        text = _text(asked, "text", _LONGEST_MESSAGE, empty=True)
        files = self._files(asked.get("files"))
        if not (text.strip() or files):
            raise SandboxError("An empty message isn't sent; type something or attach a file.")
        await self.person(asked).says(text, *files)
        return {}

    async def _press(self, asked: Json) -> Json:
        person, message = self.person(asked), self._message(asked)
        return await _followed(await person.press(message, _text(asked, "button", 200)))

    async def _choose(self, asked: Json) -> Json:
        person, message = self.person(asked), self._message(asked)
        name = _text(asked, "select", 200)
        menus = [part for part in message.components_flat if part["type"] in SELECTS]
        menu = next((each for each in menus if each["custom_id"] == name), None)
        if menu is None or menu.get("disabled"):
            raise SandboxError("That menu no longer exists.")
        values = self._chosen(menu, _listed(asked.get("values")))
        return await _followed(await person.choose(message, name, *values))

    async def _dismiss(self, asked: Json) -> Json:
        self.person(asked).dismiss(self._message(asked))
        return {}

    async def _message_command(self, asked: Json) -> Json:
        person, message = self.person(asked), self._message(asked)
        return await _followed(await person.message_command(_text(asked, "name", 32), message))

    async def _user_command(self, asked: Json) -> Json:
        target = self._world.users.get(_number(asked.get("target")))
        if target is None:
            raise SandboxError("Your choice no longer exists; choose again.")
        person = self.person(asked)
        return await _followed(await person.user_command(_text(asked, "name", 32), target))

    def _message(self, asked: Json) -> Message:
        message = self._world.messages.get(_number(asked.get("message")))
        if message is None or message.deleted:
            raise SandboxError("That message is gone.")
        return message

    # -- commands and forms ------------------------------------------------------------------------

    async def _slash(self, asked: Json) -> Json:
        person = self.person(asked)
        name = _text(asked, "name", 100)
        values = self._option_values(_options_of(person, name), asked)
        return await _followed(await person.slash(name, **values))

    async def _complete(self, asked: Json) -> Json:
        person = self.person(asked)
        name, focused = _text(asked, "name", 100), _text(asked, "option", 32)
        others = self._option_values(_options_of(person, name), asked)
        others.pop(focused, None)
        typed = asked.get("typed")
        if not isinstance(typed, str | int | float) or len(str(typed)) > 6000:
            raise SandboxError("That is too long to be completed.")
        try:
            choices = await person.autocomplete(name, focused, typed, **others)
        except TimeoutError:
            raise SandboxError("Loading options failed.") from None
        return {"choices": choices}

    def _option_values(self, options: dict[str, Json], asked: Json) -> dict[str, Any]:
        given = _mapping(asked.get("values"))
        unknown = [name for name in given if name not in options]
        if unknown:
            words = "The command has no option {name} any more."
            raise SandboxError(words, name=unknown[0][:100])
        return {name: self._option_value(options[name], value) for name, value in given.items()}

    def _option_value(self, option: Json, value: Any) -> Any:
        if option["type"] == _OPTION_UPLOAD:
            return self._uploads[str(value)]
        if option["type"] in _OPTION_REFERENCES:
            return self._thing(value)
        return value

    async def _submit(self, asked: Json) -> Json:
        person = self.person(asked)
        shown = self._world.interactions.get(_number(asked.get("interaction")))
        if shown is None or shown.user is not person.user:
            raise SandboxError("That form no longer exists; open it again.")
        fields = {str(each["custom_id"]): each for each in fields_of(shown.modal)}
        values = {
            name: self._field_value(fields.get(name), value)
            for name, value in _mapping(asked.get("values")).items()
        }
        return await _followed(await person.at(shown.channel).submit(shown, **values))

    def _field_value(self, field: Json | None, value: Any) -> Any:
        if field is None or not isinstance(value, list):
            return value
        if field["type"] == FILE_UPLOAD:
            return self._files(value)
        return self._chosen(field, value)

    def _chosen(self, field: Json, values: list[Any]) -> list[Any]:
        if field["type"] in _REFERENCE_SELECTS:
            return [self._thing(each) for each in values]
        known = field["type"] == STRING_SELECT or "options" in field
        return [str(each) for each in values] if known else values

    def _thing(self, value: Any) -> User | Role | Channel:
        number = _number(value)
        roles = {role.id: role for guild in self._world.guilds.values() for role in guild.roles}
        channel = self._world.channels.get(number)
        if channel is not None and channel.guild is None:
            channel = None  # direct messages are offered nowhere
        found = self._world.users.get(number) or channel or roles.get(number)
        if found is None:
            raise SandboxError("Your choice no longer exists; choose again.")
        return found

    def _files(self, keys: Any) -> list[Upload]:
        listed = _listed(keys)
        if len(listed) > _MOST_FILES:
            words = "A message takes {most} files, not {count}."
            raise SandboxError(words, most=_MOST_FILES, count=len(listed))
        return [self._uploads[str(each)] for each in listed]

    # -- people, and trouble -----------------------------------------------------------------------

    async def _add_person(self, asked: Json) -> Json:
        name = _text(asked, "name", _LONGEST_NAME, empty=True).strip().lower()
        if not name or not name.isprintable():
            raise SandboxError("A person needs a name of 1 to 32 visible characters.")
        if any(user.username == name for user in self._world.users.values()):
            raise SandboxError("There is a {name} already; choose another name.", name=name)
        if len(people_of(self._world)) >= MOST_PEOPLE:
            words = "There are already {count} people, and that is the most."
            raise SandboxError(words, count=MOST_PEOPLE)
        person = self._discord.person(name)
        self._world.dm_between(person.user, self._world.bot)
        self._world.changes.notify()
        return {"user": str(person.user.id)}

    async def _set_locale(self, asked: Json) -> Json:
        locale = _text(asked, "locale", 8)
        if locale not in LOCALES:
            raise SandboxError("Discord has no such language.")
        self.person(asked).user.locale = locale
        self._world.changes.notify()
        return {}

    async def _order(self, asked: Json) -> Json:
        await self._discord.run_command(_text(asked, "line", _LONGEST_LINE))
        return {}


async def _followed(interaction: Interaction) -> Json:
    """Return what the bot answered: a form, or that it did. Raises SandboxError for no answer."""
    try:
        callback = await interaction.acknowledged()
    except TimeoutError:
        raise SandboxError("The application did not respond.") from None
    if callback.type == MODAL:
        return {"interaction": str(interaction.id), "modal": callback.data}
    return {}


def _refuse_half_characters(asked: Json) -> None:
    """Raise SandboxError for half of a surrogate pair, which JSON can hold and Discord can't."""
    try:
        json.dumps(asked, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise SandboxError("Only half of a character arrived; type it again.") from None


def _options_of(person: Person, name: str) -> dict[str, Json]:
    """Return a command's options by their names, those of its sub-command; {} for an unknown."""
    first, *words = name.split() or [""]
    commands = [each for each in person.commands() if each["name"] == first and each["type"] == 1]
    options: list[Json] = (commands[0].get("options") or []) if commands else []
    for word in words:
        found = [each for each in options if each["name"] == word]
        options = (found[0].get("options") or []) if found else []
    return {str(each["name"]): each for each in options}


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 21 else -1


def _text(asked: Json, key: str, longest: int, *, empty: bool = False) -> str:
    value = asked.get(key)
    if not isinstance(value, str) or not (value.strip() or empty):
        raise SandboxError("The page sent nothing for {name}.", name=key)
    if len(value) > longest:
        words = "{count} characters are too many; {most} can be sent."
        raise SandboxError(words, count=len(value), most=longest)
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[str, Any]:
    """Return what was filled in by its name, without what was left empty."""
    if not isinstance(value, dict):
        return {}
    return {str(name): each for name, each in value.items() if each is not None}
