"""What the page is told of the world: all of it once, then what has changed since.

Pure: reads the world, changes nothing. Messages are told apart by their number of versions, some at
a time and the newest first; those that were there before are told of as the page asks for them, so
that it shows where it is before it knows all that was said. The small rest is sent whole, part by
part, where it differs.
"""

from __future__ import annotations

import itertools
from typing import Any

from bot.sandbox import discord_json
from bot.sandbox.gateway import Gateway
from bot.sandbox.model import DM, Channel, Guild, Message, User
from bot.sandbox.world import World

Json = dict[str, Any]

MOST_MESSAGES = 1000  # that a page which is opened late is told of
MESSAGES_AT_ONCE = 25
_QUOTED = 100  # characters of a message that a reply shows


# Discord's languages, by the names that it gives them.
LOCALES = {
    "id": "Bahasa Indonesia",
    "da": "Dansk",
    "de": "Deutsch",
    "en-GB": "English, UK",
    "en-US": "English, US",
    "es-ES": "Español",
    "es-419": "Español, LATAM",
    "fr": "Français",
    "hr": "Hrvatski",
    "it": "Italiano",
    "lt": "Lietuviškai",
    "hu": "Magyar",
    "nl": "Nederlands",
    "no": "Norsk",
    "pl": "Polski",
    "pt-BR": "Português do Brasil",
    "ro": "Română",
    "fi": "Suomi",
    "sv-SE": "Svenska",
    "vi": "Tiếng Việt",
    "tr": "Türkçe",
    "cs": "Čeština",
    "el": "Ελληνικά",
    "bg": "български",
    "ru": "Русский",
    "uk": "Українська",
    "hi": "हिन्दी",
    "th": "ไทย",
    "zh-CN": "中文",
    "ja": "日本語",
    "zh-TW": "繁體中文",
    "ko": "한국어",
}


class View:
    """What one page knows. Both methods return some of what it doesn't, and count it as known."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self._world = world
        self._gateway = gateway
        self._versions: dict[int, int] = {}  # by message; of those that are there
        self._parts: Json = {}
        self._before = list(itertools.islice(reversed(world.messages), MOST_MESSAGES))[::-1]
        self._begun = max(self._before, default=0)

    def changes(self) -> Json:
        """Return what is new: parts by their names, ``messages`` and ``gone``; {} for nothing.

        Messages are at most MESSAGES_AT_ONCE, of all that are new the latest; to be asked again.
        The first time they are the latest of those that were there, as ``earlier`` returns them.
        """
        found: Json = {} if self._parts else self.earlier()
        for name, part in self._current_parts().items():
            if self._parts.get(name) != part:
                found[name] = self._parts[name] = part
        gone, changed = self._gone_messages(), self._changed_messages()
        if changed:
            found["messages"] = self._told(changed) + found.get("messages", [])
        if gone:
            found["gone"] = [str(each) for each in gone]
        return found

    def earlier(self) -> Json:
        """Return the next ``messages`` of those from before, and whether there are ``more``."""
        there = self._world.messages
        found: list[Message] = []
        while self._before and len(found) < MESSAGES_AT_ONCE:
            message = there.get(self._before.pop())
            if message is not None and not message.deleted:
                found.append(message)
        told: Json = {"messages": self._told(found[::-1])} if found else {}
        return told | {"more": bool(self._before)}

    def _told(self, messages: list[Message]) -> list[Json]:
        self._versions.update((message.id, len(message.versions)) for message in messages)
        return [shown_message(self._world, each) for each in messages]

    def _current_parts(self) -> Json:
        world = self._world
        return {
            "bot": discord_json.user(world.bot) | {"connected": self._gateway.connected},
            "cdn": world.url,
            "locales": LOCALES,
            "upload_limit": world.upload_limit,
            "people": [_person(user) for user in people_of(world)],
            "guilds": [_guild(each) for each in world.guilds.values()],
            "dms": [_dm(each) for each in world.channels.values() if each.type == DM],
            "commands": {
                str(scope or ""): list(commands) for scope, commands in world.commands.items()
            },
        }

    def _changed_messages(self) -> list[Message]:
        known, there = self._versions, self._world.messages
        newest = itertools.takewhile(lambda id_: id_ > self._begun, reversed(there))
        edited = [id_ for id_, version in known.items() if len(there[id_].versions) != version]
        unknown = [id_ for id_ in newest if id_ not in known and not there[id_].deleted]
        return [there[id_] for id_ in sorted((*edited, *unknown))[-MESSAGES_AT_ONCE:]]

    def _gone_messages(self) -> list[int]:
        there = self._world.messages
        gone = [each for each in self._versions if each not in there or there[each].deleted]
        for each in gone:
            del self._versions[each]
        return gone


def people_of(world: World) -> list[User]:
    """Return those whom the page can be: everybody but bots and the bot's operator."""
    return [user for user in world.users.values() if not user.bot and user is not world.owner]


def _person(user: User) -> Json:
    own = {"locale": user.locale, "upload_limit": user.upload_limit}
    return discord_json.user(user) | own


def _guild(guild: Guild) -> Json:
    return {
        "id": str(guild.id),
        "name": guild.name,
        "bot_is_in": guild.bot_is_in,
        "upload_limit": guild.upload_limit,
        "channels": [
            {"id": str(each.id), "name": each.name, "nsfw": each.nsfw, "type": each.type}
            for each in guild.channels.values()
        ],
        "members": [str(each) for each in guild.members],
        "roles": [{"id": str(each.id), "name": each.name} for each in guild.roles],
    }


def _dm(channel: Channel) -> Json:
    return {"id": str(channel.id), "recipients": [str(each.id) for each in channel.recipients]}


def shown_message(world: World, message: Message) -> Json:
    """Return a message as REST does, and who sees it, and what it answers."""
    shown = discord_json.message(world, message)
    answered = message.interaction
    if message.ephemeral and answered is not None:
        shown["only_for"] = str(answered.user.id)
    if answered is not None and message.reference is None:
        shown["answers"] = {"user": str(answered.user.id), "name": answered.data.get("name")}
    if message.reference is not None:
        shown["reply"] = {
            "author": str(message.reference.author.id),
            "text": message.reference.text[:_QUOTED],
            "deleted": message.reference.deleted,
        }
    return shown
