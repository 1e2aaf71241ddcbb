"""The nouns of the sandbox: who and what there is. Plain values; nothing here speaks HTTP."""

from __future__ import annotations

import mimetypes
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.sandbox.clock import Changes
from bot.sandbox.components import BUTTON, TEXT_DISPLAY, walk
from bot.sandbox.errors import SandboxError
from bot.sandbox.expressions import Emoji, Sticker
from bot.sandbox.interactions import CHOICES, MODAL

# Permissions (bits), as far as they matter here.
ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
USE_APPLICATION_COMMANDS = 1 << 31
ALL_PERMISSIONS = (1 << 52) - 1
EVERYONE = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
)

# Flags of a message.
SUPPRESS_EMBEDS = 1 << 2
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
HAS_SNAPSHOT = 1 << 14
COMPONENTS_V2 = 1 << 15

PREVIEW = "preview"  # how the name of a preview's file begins

# Types of a channel.
TEXT = 0
DM = 1


@dataclass(eq=False, slots=True, kw_only=True)
class User:
    id: int
    username: str
    bot: bool = False
    locale: str = "en-US"
    accepts_dms: bool = True
    installed_app: bool = False
    upload_limit: int | None = None  # bytes, where Nitro gives more than the server does

    def __repr__(self) -> str:
        return f"<User {self.username}>"

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(eq=False, slots=True, kw_only=True)
class Role:
    id: int
    name: str
    permissions: int
    position: int


@dataclass(eq=False, slots=True, kw_only=True)
class Member:
    user: User
    joined_at: float
    roles: list[Role] = field(default_factory=list)


@dataclass(eq=False, slots=True, kw_only=True)
class Guild:
    """A server. ``bot_is_in`` is False where the app only came along with somebody."""

    id: int
    name: str
    owner: User
    locale: str = "en-US"
    bot_is_in: bool = True
    upload_limit: int | None = None  # bytes, where boosts give more than the default
    roles: list[Role] = field(default_factory=list)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    emojis: dict[int, Emoji] = field(default_factory=dict)
    stickers: dict[int, Sticker] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Guild {self.name}>"

    def permissions_of(self, user: User) -> int:
        """Return the sum of the roles' permissions; all for the owner and administrators."""
        if user is self.owner:
            return ALL_PERMISSIONS
        member = self.members.get(user.id)
        total = self.roles[0].permissions  # the role @everyone comes first
        for role in member.roles if member else ():
            total |= role.permissions
        return ALL_PERMISSIONS if total & ADMINISTRATOR else total


@dataclass(eq=False, slots=True, kw_only=True)
class Channel:
    """A text channel of a server, or a DM (``guild`` is None, two ``recipients``)."""

    id: int
    type: int
    name: str = ""
    nsfw: bool = False
    position: int = 0
    guild: Guild | None = None
    recipients: tuple[User, ...] = ()
    bot_permissions: int = EVERYONE
    last_message_id: int | None = None

    def __repr__(self) -> str:
        return f"<Channel {self.name or self.recipients}>"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way: what a person attaches, or what the bot sent as ``files[n]``."""

    filename: str
    data: bytes
    content_type: str = ""

    @property
    def type(self) -> str:
        """Return the content type, guessed from the name where none was given."""
        guessed = mimetypes.guess_type(self.filename)[0]
        said = "" if self.content_type == "application/octet-stream" else self.content_type
        return said or guessed or "application/octet-stream"


@dataclass(eq=False, slots=True, kw_only=True)
class StoredFile:
    """A file on the sandbox's CDN; ``data`` are the very bytes that were uploaded."""

    id: int
    filename: str
    content_type: str
    data: bytes
    channel_id: int
    ephemeral: bool = False
    description: str | None = None
    width: int | None = None
    height: int | None = None

    def __repr__(self) -> str:
        return f"<StoredFile {self.filename}, {len(self.data)} bytes>"

    @property
    def is_preview(self) -> bool:
        """Return whether it previews a GIF to come: its name says so, and no result's does."""
        return self.filename.startswith(PREVIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a message said from ``at`` (epoch seconds of the sandbox's clock) on."""

    at: float
    content: str
    embeds: tuple[dict[str, Any], ...]
    components: tuple[dict[str, Any], ...]
    files: tuple[StoredFile, ...]
    flags: int


@dataclass(slots=True, kw_only=True)
class Mentions:
    """Whom a message really pings, after ``allowed_mentions``."""

    users: list[User] = field(default_factory=list)
    roles: list[int] = field(default_factory=list)
    everyone: bool = False


@dataclass(eq=False, slots=True, kw_only=True)
class Message:
    id: int
    channel: Channel
    author: User
    created: float
    content: str = ""
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    files: list[StoredFile] = field(default_factory=list)
    flags: int = 0
    mentions: Mentions = field(default_factory=Mentions)
    edited: float | None = None
    deleted: bool = False
    nonce: str | int | None = None
    reference: Message | None = None
    forwarded: Message | None = None  # as it was when it was forwarded
    interaction: Interaction | None = None  # the one that it answers
    versions: list[Version] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Message {self.id} by {self.author.username}: {self.text!r}>"

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def is_v2(self) -> bool:
        """Return whether the message is made of components alone."""
        return bool(self.flags & COMPONENTS_V2)

    @property
    def loading(self) -> bool:
        """Return whether the message says "is thinking…"."""
        return bool(self.flags & LOADING)

    @property
    def results(self) -> list[StoredFile]:
        """Return the message's files without previews."""
        return [file for file in self.files if not file.is_preview]

    def visible_to(self, user: User) -> bool:
        """Return whether ``user`` sees the message.

        The invoker alone sees ephemeral ones, and only those who are in them direct messages.
        """
        channel = self.channel
        if self.deleted or (channel.guild is None and user not in channel.recipients):
            return False
        return not self.ephemeral or (
            self.interaction is not None and user is self.interaction.user
        )

    @property
    def components_flat(self) -> list[dict[str, Any]]:
        """Return every component with all that lie inside it, outermost first."""
        return [part for _, part in walk(self.components)]

    @property
    def buttons(self) -> list[dict[str, Any]]:
        return [part for part in self.components_flat if part["type"] == BUTTON]

    @property
    def displays(self) -> list[str]:
        """Return the texts of the components."""
        return [part["content"] for part in self.components_flat if part["type"] == TEXT_DISPLAY]

    @property
    def text(self) -> str:
        """Return all that a person can read: the content, the embeds' texts, and text displays."""
        parts: list[str | None] = [self.content]
        for embed in self.embeds:
            parts += [embed.get("title"), embed.get("description")]
            for item in embed.get("fields") or ():
                parts += [item["name"], item["value"]]
            parts.append((embed.get("footer") or {}).get("text"))
        parts += self.displays
        return "\n".join(part for part in parts if part)

    def remember(self, at: float) -> None:
        """Add what the message says now to its history."""
        self.versions.append(
            Version(
                at=at,
                content=self.content,
                embeds=tuple(self.embeds),
                components=tuple(self.components),
                files=tuple(self.files),
                flags=self.flags,
            )
        )


@dataclass(frozen=True, slots=True)
class Callback:
    """The first answer: its type in Discord's numbers, its data, and when it came (epoch)."""

    type: int
    data: dict[str, Any]
    at: float


class Waiting(Protocol):
    """What an interaction needs of its world in order to wait for the bot."""

    changes: Changes
    patience: float  # seconds
    answer_within: float  # seconds


@dataclass(eq=False, kw_only=True)
class Interaction:
    world: Waiting
    id: int
    token: str
    type: int
    user: User
    channel: Channel
    data: dict[str, Any]
    created: float
    source: Message | None = None  # the message that a button or modal belongs to
    parent: Interaction | None = None  # the one that showed the modal
    started: float = field(default_factory=time.perf_counter)
    callback: Callback | None = None
    latency: float | None = None  # seconds from the dispatch to the first answer's arrival
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Interaction {self.name} by {self.user.username}>"

    @property
    def name(self) -> str:
        """Return the command's name, or the custom_id of a component or modal."""
        return str(self.data.get("name") or self.data.get("custom_id"))

    @property
    def modal(self) -> dict[str, Any]:
        """Return the modal that the bot answered with. Raises SandboxError where it did not."""
        if self.callback is None or self.callback.type != MODAL:
            raise SandboxError("{name} was not answered with a modal.", name=self.name)
        return self.callback.data

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Return the choices that the bot answered with. Raises SandboxError where it did not."""
        if self.callback is None or self.callback.type != CHOICES:
            raise SandboxError("{name} was not answered with choices.", name=self.name)
        return list(self.callback.data.get("choices") or ())

    @property
    def messages(self) -> list[Message]:
        """Return the original response and the follow-ups that were not deleted."""
        found = [self.original] if self.original else []
        return [message for message in found + self.followups if not message.deleted]

    async def acknowledged(self, within: float | None = None) -> Callback:
        """Return the bot's first answer. Raises TimeoutError when none came in ``within`` seconds.

        Without ``within`` it is waited for as long as an answer is taken.
        """
        if within is None:
            within = self.world.answer_within
        return await self.world.changes.until(lambda: self.callback, within)

    async def message(
        self, until: Callable[[Message], object] | None = None, within: float | None = None
    ) -> Message:
        """Return its first message that satisfies ``until``; by default, one not loading.

        Raises TimeoutError after ``within`` seconds (the sandbox's patience where it isn't given),
        saying what stood there last.
        """
        if within is None:
            within = self.world.patience
        holds = until or (lambda message: not message.loading)

        def found() -> Message | None:
            return next((message for message in self.messages if holds(message)), None)

        try:
            return await self.world.changes.until(found, within)
        except TimeoutError:
            seen = "; ".join(repr(message.text) for message in self.messages) or "no message"
            raise TimeoutError(f"{self.name}: after {within:g} s there was {seen}.") from None
