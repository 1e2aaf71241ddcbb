"""What a person types at `hotshot-bot sandbox`, done as Discord's client would do it:

/gif a red ball                      a slash command; text without a name is the prompt
/gif a red ball frames:16 size:wide  with options; "/gif ?" lists them
/gif "a sign: stop" image:cat.png    quotes keep a colon as it is; a file by its path
/history
press Again                          a button of the newest message that has it
press More                           all else that can be done with a GIF
choose Backwards                     what a menu under a message offers; several with commas
fill prompt: a blue ball             the form that a button opened; fill alone sends it as it is
fill pictures: cat.png, dog.png      a form's files by their paths, its choices by their labels
attach dance.gif                     posts a file, as you
app Use as motion                    from the menu of the newest message with a file
"""

from __future__ import annotations

import asyncio
import difflib
import errno
from pathlib import Path
from typing import Any

from bot.sandbox.client.forms import fields_of
from bot.sandbox.components import (
    CHANNEL_SELECT,
    CHECKBOX,
    FILE_UPLOAD,
    MENTIONABLE_SELECT,
    ROLE_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    USER_SELECT,
)
from bot.sandbox.console import typed_commands
from bot.sandbox.console.screen import Screen, buttons_of, menus_of, offered_by, show
from bot.sandbox.errors import NotOffered, SandboxError
from bot.sandbox.interactions import MODAL
from bot.sandbox.model import (
    ADMINISTRATOR,
    Channel,
    Interaction,
    Message,
    Role,
    Upload,
    User,
)
from bot.sandbox.server import Sandbox

Json = dict[str, Any]

HELP = (__doc__ or "").partition("\n\n")[2].rstrip("\n")
VERBS = ("press", "choose", "fill", "attach", "app", "help")

_STRING, _USER, _CHANNEL, _ROLE, _MENTIONABLE, _ATTACHMENT = 3, 6, 7, 8, 9, 11
_MESSAGE_COMMAND = 3
_OFFERED: dict[int, tuple[type, ...]] = {
    USER_SELECT: (User,),
    ROLE_SELECT: (Role,),
    MENTIONABLE_SELECT: (User, Role),
    CHANNEL_SELECT: (Channel,),
}
_KINDS = {3: "text", 4: "a whole number", 5: "yes or no", 10: "a number", 11: "a file"}


class Keyboard:
    """The keyboard of ``you``, who may do everything in the first server."""

    def __init__(self, discord: Sandbox, files: Path) -> None:
        self._discord = discord
        self._you = discord.person("you", permissions=ADMINISTRATOR)
        self._attached: dict[str, Upload] = {}
        self._form: Interaction | None = None
        self.screen = Screen(discord.world, self._you, files)

    async def type(self, line: str) -> bool:
        """Do what a line says, and return whether it was a person's. Raises SandboxError."""
        line = line.strip()
        if line.startswith("/"):
            await self._command(line)
            return True
        verb, _, rest = line.partition(" ")
        handlers = {
            "press": self._press,
            "choose": self._choose,
            "fill": self._fill,
            "attach": self._attach,
            "app": self._app,
        }
        if verb.lower() not in handlers:
            return False
        await handlers[verb.lower()](rest.strip())
        return True

    def suggestion(self, line: str) -> str:
        """Return what a line probably means as a part of a sentence, or ""."""
        word = (line.split() or [""])[0].lower()
        commands = [each["name"] for each in self._you.commands()]
        if word in commands:
            return f"do you mean /{word}?"
        near = difflib.get_close_matches(word, VERBS, n=1)
        return f"do you mean {near[0]}?" if near else ""

    # -- slash commands ----------------------------------------------------------------------------

    async def _command(self, line: str) -> None:
        if not self._you.commands():
            raise NotOffered("No bot has registered its commands yet; start one first.")
        if line.endswith(" ?"):
            self._explain(typed_commands.read(line.removesuffix("?"), self._you.commands()))
            return
        command = typed_commands.read(line, self._you.commands())
        values = {
            name: await self._value(command, name, text) for name, text in command.values.items()
        }
        await self._follow(await self._you.slash(command.command, **values))

    def _explain(self, command: typed_commands.Typed) -> None:
        for option in command.options:
            kind = _KINDS.get(option["type"], "a name")
            if option.get("choices"):
                kind = " | ".join(str(choice["name"]) for choice in option["choices"])
            needed = ", needed" if option.get("required") else ""
            show(f"     {option['name']}: {option['description']} ({kind}{needed})")
        if not command.options:
            show(f"     /{command.command} has no options.")

    async def _value(self, command: typed_commands.Typed, name: str, text: str) -> Any:
        option = command.option(name)
        kind = option["type"]
        if kind == _ATTACHMENT:
            return await self._file(text)
        if kind in (_USER, _CHANNEL, _ROLE, _MENTIONABLE):
            return self._named(name, text)
        if kind == _STRING and option.get("autocomplete"):
            return await self._completed(command, name, text)
        return typed_commands.value_of(option, text)

    async def _completed(self, command: typed_commands.Typed, name: str, text: str) -> Any:
        """Return what the bot offers for a typed text, or the text where no offer fits."""
        offered = await self._you.autocomplete(command.command, name, text)
        choices = {str(choice["name"]): choice["value"] for choice in offered}
        meant = typed_commands.pick(text, list(choices))
        if meant is None and len(choices) > 1:
            raise NotOffered(f"{name} {text!r} may be any of these: {', '.join(choices)}.")
        return choices[meant] if meant is not None else text

    async def _file(self, text: str) -> Upload:
        if text in self._attached:
            return self._attached[text]
        try:
            return await asyncio.to_thread(_read, text)
        except OSError as error:
            reason = error.strerror or str(error)
            raise NotOffered(f"The file {text} can't be read ({reason.lower()}).") from error

    def _named(self, option: str, text: str) -> Any:
        """Return the user, channel or role of a name."""
        things, name = self._things(), text.lstrip("@#").lower()
        if name not in things:
            raise typed_commands.not_among(option, text, sorted(things))
        return things[name]

    def _things(self) -> dict[str, User | Role | Channel]:
        guild = self._discord.guild
        things: dict[str, User | Role | Channel] = {
            role.name.lstrip("@").lower(): role for role in guild.roles
        }
        things |= {channel.name.lower(): channel for channel in guild.channels.values()}
        things |= {member.user.username.lower(): member.user for member in guild.members.values()}
        return things

    # -- messages ----------------------------------------------------------------------------------

    async def _press(self, label: str) -> None:
        if not label:
            raise NotOffered("Say which button, as in: press Again")
        seen: list[str] = []
        for message in self.screen.messages():
            buttons = buttons_of(message)
            meant = typed_commands.pick(label, list(buttons))
            if meant is not None:
                await self._follow(await self._you.press(message, buttons[meant]))
                return
            seen += [each for each in buttons if each not in seen]
        raise typed_commands.not_among("button", label, seen)

    async def _choose(self, label: str) -> None:
        if not label:
            raise NotOffered("Say what, as in: choose Backwards")
        seen: list[str] = []
        for message in self.screen.messages():
            for menu in menus_of(message):
                offered = self._offered(menu)
                meant = typed_commands.pick_several(label, list(offered))
                if meant is not None:
                    values = [offered[name] for name in meant]
                    await self._follow(await self._you.choose(message, menu["custom_id"], *values))
                    return
                seen += [each for each in offered if each not in seen]
        raise typed_commands.not_among("choice", label, seen)

    def _offered(self, field: Json) -> dict[str, Any]:
        """Return what a menu or a form's field offers, by the names that people read."""
        kinds = _OFFERED.get(field["type"])
        if kinds is None:
            return {option["label"]: option["value"] for option in field.get("options") or ()}
        things = self._things()
        return {name: thing for name, thing in things.items() if isinstance(thing, kinds)}

    async def _attach(self, text: str) -> None:
        if not text:
            raise NotOffered("Say which file, as in: attach dance.gif")
        upload = await self._file(typed_commands.unquoted(text))
        await self._you.says("", upload)
        self._attached[upload.filename] = upload
        show(
            f"You posted {upload.filename}; an option takes it by that name, and these by app: "
            f"{', '.join(self._apps()) or 'none yet'}."
        )

    async def _app(self, name: str) -> None:
        apps = self._apps()
        meant = typed_commands.pick(name, apps) if name else None
        if meant is None:
            raise typed_commands.not_among("app", name, apps)
        await self._follow(await self._you.message_command(meant, self._newest_with_file()))

    def _apps(self) -> list[str]:
        commands = self._you.commands()
        return [str(each["name"]) for each in commands if each["type"] == _MESSAGE_COMMAND]

    def _newest_with_file(self) -> Message:
        """Return the newest message with a file, whoever posted it."""
        for message in reversed(self._discord.world.messages.values()):
            if message.results and self._you.sees(message):
                return message
        raise NotOffered("No message has a file yet; attach one, or make a GIF.")

    # -- forms -------------------------------------------------------------------------------------

    async def _follow(self, interaction: Interaction) -> None:
        """Wait until the bot has answered, and show the form where the answer is one."""
        try:
            answer = await interaction.acknowledged()
        except TimeoutError:
            raise SandboxError("The bot gave no answer in time.") from None
        if answer.type == MODAL:
            self._form = interaction
            show(f"bot: a form, {answer.data['title']}")
            for part in interaction.modal["components"]:
                if part["type"] == TEXT_DISPLAY:
                    show(*(f"     {line}" for line in part["content"].splitlines()))
            for field in fields_of(interaction.modal):
                show(f"     {field['custom_id']}: {_already(field)}   ({_what(field)})")
            show("     fill NAME: VALUE … sends it; fill alone sends it as it is")

    async def _fill(self, text: str) -> None:
        if self._form is None:
            raise NotOffered("There is no form to fill in; press a button that opens one.")
        fields = {str(field["custom_id"]): field for field in fields_of(self._form.modal)}
        lead, typed = typed_commands.split(text, list(fields), of="the form")
        if lead and len(fields) == 1:
            typed = dict.fromkeys(fields, lead) | typed
        elif lead:
            raise NotOffered(f"Say into which field {lead!r} goes: {', '.join(fields)}.")
        values = {name: await self._filled(fields[name], value) for name, value in typed.items()}
        form, self._form = self._form, None
        await self._follow(await self._you.submit(form, **values))

    async def _filled(self, field: Json, text: str) -> Any:
        """Return what was typed into a form's field as that field takes it."""
        if field["type"] == TEXT_INPUT:
            return text
        if field["type"] == CHECKBOX:
            return typed_commands.truth(text)
        if field["type"] == FILE_UPLOAD:
            return [await self._file(each) for each in typed_commands.listed(text)]
        offered = self._offered(field)
        meant = typed_commands.pick_several(text, list(offered))
        if meant is None:
            raise typed_commands.not_among(field["custom_id"], text, list(offered))
        return [offered[name] for name in meant]


def _read(text: str) -> Upload:
    """Return the file at a path as it was typed. Raises OSError."""
    if "\0" in text:
        raise OSError(errno.EINVAL, "Embedded null byte")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:  # of somebody unknown, as in ~nobody/dance.gif
        raise FileNotFoundError(errno.ENOENT, str(error)) from error
    return Upload(path.name, path.read_bytes())


def _already(field: Json) -> str:
    """Return what stands in a form's field when it is opened."""
    if field["type"] == CHECKBOX:
        return "yes" if field.get("default") else "no"
    chosen = [option["label"] for option in field.get("options") or () if option.get("default")]
    return field.get("value") or ", ".join(chosen)


def _what(field: Json) -> str:
    """Return a field's label, and what it takes where that isn't a text."""
    return ": ".join(filter(None, (str(field.get("label") or ""), offered_by(field))))
