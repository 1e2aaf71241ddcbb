"""What a person at the console sees of the sandbox: the bot's messages in plain lines, as they
change, and their files on the disk.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from bot.sandbox.client.person import Person
from bot.sandbox.components import (
    CHANNEL_SELECT,
    CHECKBOX,
    FILE_UPLOAD,
    MENTIONABLE_SELECT,
    RADIO_GROUP,
    ROLE_SELECT,
    SELECTS,
    SEPARATOR,
    TEXT_DISPLAY,
    USER_SELECT,
    counts_of,
    media_of,
)
from bot.sandbox.model import Message, StoredFile
from bot.sandbox.world import World

_FOREVER = 1e9  # seconds
_LAST = 50  # messages that are looked at; older ones don't change before somebody's eyes
_TAKEN = {
    USER_SELECT: "a person",
    ROLE_SELECT: "a role",
    MENTIONABLE_SELECT: "a person or a role",
    CHANNEL_SELECT: "a channel",
    FILE_UPLOAD: "a file",
    CHECKBOX: "yes or no",
}
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MENTION = re.compile(r"<@(\d+)>")


@dataclass(frozen=True, slots=True)
class _Appearance:
    """How a message looks: equal appearances need not be shown twice."""

    text: str
    files: tuple[int, ...]
    choices: tuple[str, ...]
    is_deleted: bool


class Screen:
    """The screen of ``person``; the bot's files are saved in ``directory``."""

    def __init__(self, world: World, person: Person, directory: Path) -> None:
        self._world = world
        self._person = person
        self._directory = directory
        self._shown: dict[int, _Appearance] = {}
        self._saved: set[int] = set()

    async def watch(self) -> None:
        """Show new and changed messages until cancelled."""
        while True:
            for message in await self._world.changes.until(self._changed_messages, _FOREVER):
                await self._show(message)

    def messages(self) -> list[Message]:
        """Return the bot's messages that the person sees, newest first."""
        newest = itertools.islice(reversed(self._world.messages.values()), _LAST)
        bot = self._world.bot
        return [each for each in newest if each.author is bot and self._person.sees(each)]

    def _changed_messages(self) -> list[Message] | None:
        newest = list(itertools.islice(reversed(self._world.messages.values()), _LAST))
        bot = self._world.bot
        changed = [
            message
            for message in reversed(newest)
            if message.author is bot
            and not message.loading
            and (message.id in self._shown or self._person.sees(message))
            and self._shown.get(message.id) != self._appearance_of(message)
        ]
        return changed or None

    async def _show(self, message: Message) -> None:
        before, now = self._shown.get(message.id), self._appearance_of(message)
        self._shown[message.id] = now
        if now.is_deleted:
            show(f"bot: (took away: {_first_line(before.text if before else '')})")
            return
        if before is None or before.files != now.files:
            show(*_lines_of(now.text, message))
        else:  # it goes on: what is new in it
            known = set(before.text.splitlines())
            for line in now.text.splitlines():
                if line not in known:
                    show(f"     {line}")
        for file in message.results:
            await self._save(file)
        if now.choices and (before is None or before.choices != now.choices):
            show(*now.choices)

    def _appearance_of(self, message: Message) -> _Appearance:
        files = tuple(file.id for file in message.results)
        return _Appearance(
            self._readable(message), files, tuple(_choices(message)), message.deleted
        )

    def _readable(self, message: Message) -> str:
        """Return what a message shows, with people's names in place of mentions."""
        users = self._world.users
        text = "\n".join(self._shown_by(message)) if message.is_v2 else message.text
        return _MENTION.sub(
            lambda found: (
                f"@{users[int(found[1])].username}" if int(found[1]) in users else found[0]
            ),
            text,
        )

    def _shown_by(self, message: Message) -> Iterator[str]:
        """Yield a line for each text, picture and file that a message's components show."""
        for part in message.components_flat:
            if part["type"] == TEXT_DISPLAY:
                yield part["content"]
            elif part["type"] == SEPARATOR and part["divider"]:
                yield "---"
            for (_, *inside), media in media_of(part):
                about = part["items"][inside[0]] if inside else part
                file = self._world.files.get(int(media.get("attachment_id") or 0))
                name = file.filename if file is not None else media["url"]
                words = f": {about['description']}" if about.get("description") else ""
                yield f"[{name}{words}{', covered' if about['spoiler'] else ''}]"

    async def _save(self, file: StoredFile) -> None:
        if file.id in self._saved:
            return
        self._saved.add(file.id)
        name = PurePath(file.filename).name or "file"
        path = self._directory / name
        if path.exists():
            path = path.with_stem(f"{path.stem}-{file.id}")
        kind = "GIF" if path.suffix == ".gif" else "file"
        try:
            await asyncio.to_thread(_write, path, file.data)
        except OSError as error:
            show(f"     {kind}: {name} can't be saved in {self._directory} ({error.strerror}).")
        else:
            show(f"     {kind}: {path}")


def show(*lines: str) -> None:
    """Print lines without the control characters that would steer the terminal."""
    print("\n".join(_CONTROL_CHARACTERS.sub("", line) for line in lines), flush=True)


def options_of(menu: dict[str, object]) -> list[str]:
    """Return the labels of a menu's options."""
    options = menu.get("options")
    return [str(option["label"]) for option in options] if isinstance(options, list) else []


def menus_of(message: Message) -> list[dict[str, Any]]:
    return [part for part in message.components_flat if part["type"] in SELECTS]


def buttons_of(message: Message) -> dict[str, str]:
    """Return the custom_ids of a message's buttons by their labels, or the emoji on them."""
    named = {
        str(each.get("label") or each.get("emoji", {}).get("name")): each.get("custom_id")
        for each in message.buttons
    }
    return {name: custom_id for name, custom_id in named.items() if custom_id}


def offered_by(field: dict[str, Any]) -> str:
    """Return what a menu or a form's field takes, in words; nothing for a text."""
    one = _TAKEN.get(field["type"], " | ".join(options_of(field)))
    if field["type"] in (CHECKBOX, RADIO_GROUP) or not one:
        return one
    most = counts_of(field)[1]
    return f"{one}, up to {most}" if most > 1 else one


def _choices(message: Message) -> Iterator[str]:
    """Yield lines that say what can be pressed, opened and chosen at a message."""
    buttons = buttons_of(message)
    if buttons:
        yield f"     press {' | '.join(buttons)}"
    for button in message.buttons:
        if button.get("url"):
            yield f"     link {button.get('label') or ''}: {button['url']}"
    for menu in menus_of(message):
        yield f"     choose {offered_by(menu)}"


def _lines_of(text: str, message: Message) -> Iterator[str]:
    lines = text.splitlines() or [""]
    only_you = " (only you see this)" if message.ephemeral else ""
    yield f"bot: {lines[0]}{only_you}"
    yield from (f"     {line}" for line in lines[1:])


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
