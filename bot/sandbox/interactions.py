"""One interaction: what a person did, and how the bot answered it. Awaitable from tests and demo.

REST handlers write what the bot did into it; it calls nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.sandbox.errors import SandboxError
from bot.sandbox.model import Channel, Message, User

if TYPE_CHECKING:
    from bot.sandbox.world import World

ANSWER_WITHIN = 3.0  # seconds until the first answer must have come
TOKEN_LIFE = 15 * 60.0  # seconds that the token is good for afterwards

# Types of an interaction.
COMMAND = 2
COMPONENT = 3
AUTOCOMPLETE = 4
MODAL_SUBMIT = 5

# Types of a first answer.
MESSAGE = 4
DEFERRED_MESSAGE = 5
DEFERRED_UPDATE = 6
UPDATE = 7
CHOICES = 8
MODAL = 9


@dataclass(frozen=True, slots=True)
class Callback:
    """The first answer: its type in Discord's numbers, its data, and when it came (epoch)."""

    type: int
    data: dict[str, Any]
    at: float


@dataclass(eq=False, kw_only=True)
class Interaction:
    world: World
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
        """The command's name, or the custom_id of a component or modal."""
        return str(self.data.get("name") or self.data.get("custom_id"))

    @property
    def modal(self) -> dict[str, Any]:
        """The modal it was answered with; SandboxError where it was not."""
        if self.callback is None or self.callback.type != MODAL:
            raise SandboxError(f"{self.name} was not answered with a modal.")
        return self.callback.data

    @property
    def choices(self) -> list[dict[str, Any]]:
        """The choices that an autocomplete was answered with."""
        if self.callback is None or self.callback.type != CHOICES:
            raise SandboxError(f"{self.name} was not answered with choices.")
        return list(self.callback.data.get("choices") or ())

    @property
    def messages(self) -> list[Message]:
        """The original response and the follow-ups, as far as they were not deleted."""
        found = [self.original] if self.original else []
        return [message for message in found + self.followups if not message.deleted]

    async def acknowledged(self, within: float | None = None) -> Callback:
        """The bot's first answer; TimeoutError when none came in ``within`` seconds.

        Without ``within`` it is waited for as long as an answer is taken.
        """
        if within is None:
            within = self.world.answer_within
        return await self.world.changes.until(lambda: self.callback, within)

    async def message(
        self, until: Callable[[Message], object] | None = None, within: float | None = None
    ) -> Message:
        """The first message of its own that satisfies ``until``; by default, one not loading.

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
