"""All that the sandbox holds: people, places, messages, commands; and who wants to hear of changes.

It hands events to whoever subscribed (the gateway) and knows neither HTTP nor websockets.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.clock import Changes, Clock
from bot.sandbox.errors import ApiError
from bot.sandbox.interactions import ANSWER_WITHIN
from bot.sandbox.model import (
    DM,
    EVERYONE,
    TEXT,
    Channel,
    Guild,
    Interaction,
    Member,
    Message,
    Role,
    StoredFile,
    User,
)

MEBIBYTE = 1024 * 1024
DEFAULT_UPLOAD_LIMIT = 10 * MEBIBYTE
ATTACHMENT_LIFE = 24 * 3600  # seconds that a signed attachment URL is good for
PATIENCE = 10.0  # seconds that is waited for the bot, where nobody says otherwise

_EPOCH_MS = 1_420_070_400_000  # Discord counts from the first second of 2015


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One gateway event. ``intent`` is the bit that a session must have asked for, 0 for none."""

    name: str
    data: dict[str, Any]
    guild_id: int | None = None
    intent: int = 0


@dataclass(slots=True)
class Registration:
    """One PUT of commands: its scope (None is global) and when it came."""

    guild_id: int | None
    at: float
    commands: list[dict[str, Any]] = field(default_factory=list)


class World:
    """The whole state of one sandbox. Everything in it belongs to one event loop."""

    def __init__(
        self,
        *,
        clock: Clock,
        token: str | None = None,
        upload_limit: int = DEFAULT_UPLOAD_LIMIT,
        privileged_intents: int = 0,
        patience: float = PATIENCE,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self.clock = clock
        self.patience = patience
        self.answer_within = answer_within
        self.url = ""  # known once the server listens
        self.upload_limit = upload_limit
        self.privileged_intents = privileged_intents
        self.changes = Changes()
        self.subscribers: list[Callable[[Dispatch], None]] = []
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.files: dict[int, StoredFile] = {}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, Interaction] = {}
        self.commands: dict[int | None, list[dict[str, Any]]] = {}
        self.registrations: list[Registration] = []
        self._increments = itertools.count()
        self._last_ms = 0
        self._key = secrets.token_bytes(32)
        self.application_id = self.new_id()
        self.bot = User(id=self.application_id, username="hotshot", bot=True)
        self.users[self.bot.id] = self.bot
        self.owner = self.add_user("operator")
        self.token = token or self._new_token()

    def new_id(self) -> int:
        """Return a snowflake: milliseconds since 2015, then a counter; larger than the last one."""
        self._last_ms = max(self._last_ms, int(self.clock.now() * 1000))
        return (self._last_ms - _EPOCH_MS) << 22 | next(self._increments) & 0x3FFFFF

    def _new_token(self) -> str:
        first = urlsafe_b64encode(str(self.application_id).encode()).rstrip(b"=").decode()
        return f"{first}.sandbx.{secrets.token_urlsafe(28)}"

    def publish(self, event: Dispatch) -> None:
        for subscriber in self.subscribers:
            subscriber(event)
        self.changes.notify()

    # -- people and places -------------------------------------------------------------------------

    def add_user(self, username: str, **values: Any) -> User:
        user = User(id=self.new_id(), username=username, **values)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, *, owner: User | None = None, bot_is_in: bool = True) -> Guild:
        guild = Guild(id=self.new_id(), name=name, owner=owner or self.owner, bot_is_in=bot_is_in)
        everyone = Role(id=guild.id, name="@everyone", permissions=EVERYONE, position=0)
        guild.roles.append(everyone)
        self.guilds[guild.id] = guild
        self.add_member(guild, guild.owner)
        if bot_is_in:
            self.add_member(guild, self.bot)
        return guild

    def add_role(self, guild: Guild, name: str, permissions: int = 0) -> Role:
        position = len(guild.roles)
        role = Role(id=self.new_id(), name=name, permissions=permissions, position=position)
        guild.roles.append(role)
        return role

    def add_member(self, guild: Guild, user: User) -> Member:
        """Join ``user`` to ``guild``; one who is in already stays as they are."""
        joined = Member(user=user, joined_at=self.clock.now())
        return guild.members.setdefault(user.id, joined)

    def add_channel(self, guild: Guild, name: str, *, nsfw: bool = False) -> Channel:
        channel = Channel(
            id=self.new_id(),
            type=TEXT,
            name=name,
            nsfw=nsfw,
            position=len(guild.channels),
            guild=guild,
        )
        guild.channels[channel.id] = self.channels[channel.id] = channel
        return channel

    def dm_between(self, first: User, second: User) -> Channel:
        """Return the one DM channel of two users, opened when it is asked for the first time."""
        pair = {first.id, second.id}
        for channel in self.channels.values():
            if channel.type == DM and {user.id for user in channel.recipients} == pair:
                return channel
        channel = Channel(id=self.new_id(), type=DM, recipients=(first, second))
        self.channels[channel.id] = channel
        return channel

    # -- looked up by what a URL holds -------------------------------------------------------------

    def channel(self, channel_id: str) -> Channel:
        """Return a channel by its id. Raises ApiError for one that the bot can't see."""
        channel = self.channels.get(_number(channel_id))
        if channel is None:
            raise ApiError(404, 10003, "Unknown Channel")
        if channel.guild is None:
            if self.bot not in channel.recipients:
                raise ApiError(403, 50001, "Missing Access")
        elif not channel.guild.bot_is_in:
            raise ApiError(403, 50001, "Missing Access")
        return channel

    def guild(self, guild_id: str) -> Guild:
        guild = self.guilds.get(_number(guild_id))
        if guild is None or not guild.bot_is_in:
            raise ApiError(404, 10004, "Unknown Guild")
        return guild

    def user(self, user_id: str) -> User:
        user = self.users.get(_number(user_id))
        if user is None:
            raise ApiError(404, 10013, "Unknown User")
        return user

    def message(self, channel: Channel, message_id: str) -> Message:
        message = self.messages.get(_number(message_id))
        if message is None or message.deleted or message.channel is not channel:
            raise ApiError(404, 10008, "Unknown Message")
        return message

    # -- limits and files --------------------------------------------------------------------------

    def upload_limit_in(self, channel: Channel, invoker: User | None = None) -> int:
        """Return the most bytes a file may have: the default's, the server's or the invoker's."""
        limits = [self.upload_limit]
        if channel.guild is not None and channel.guild.upload_limit is not None:
            limits.append(channel.guild.upload_limit)
        if invoker is not None and invoker.upload_limit is not None:
            limits.append(invoker.upload_limit)
        return max(limits)

    def file_path(self, file: StoredFile) -> str:
        root = "ephemeral-attachments" if file.ephemeral else "attachments"
        return f"/{root}/{file.channel_id}/{file.id}/{file.filename}"

    def file_url(self, file: StoredFile) -> str:
        """Return a URL signed like the CDN's: good for a day, and for this file alone."""
        now = int(self.clock.now())
        expires = f"{now + ATTACHMENT_LIFE:x}"
        path = self.file_path(file)
        signature = self.signature(path, expires)
        return f"{self.url}{path}?ex={expires}&is={now:x}&hm={signature}"

    def signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path}?{expires}".encode(), hashlib.sha256).hexdigest()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1
