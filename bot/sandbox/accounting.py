"""Keeps account of what was asked for and what came of it: accepted, delivered, doubled, lost.

Each thing asked for carries a mark, a word found again in whatever is delivered for it: in a file's
bytes, its name or description, in a message's text or in the custom_id of a button. The ledger
reads what stands in the sandbox and asks the bot nothing.
"""

from __future__ import annotations

import enum
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bot.sandbox.interactions import DEFERRED_MESSAGE
from bot.sandbox.model import DM, Interaction, Message, StoredFile
from bot.sandbox.world import World

MARK = re.compile(r"mark\d{6}")

_READ = 4096  # bytes of a file that are searched for a mark


class Verdict(enum.StrEnum):
    """What became of one thing that was asked for."""

    DELIVERED = "delivered once"
    TOLD = "told why not"
    REFUSED = "refused at once"
    UNHEARD = "never answered"  # the bot never had it, or never said that it did
    DOUBLED = "delivered more than once"
    CONTRADICTED = "delivered, and told why not"
    ASTRAY = "delivered to somebody else"
    LOST = "accepted and lost"

    @property
    def is_failure(self) -> bool:
        return self in (self.DOUBLED, self.CONTRADICTED, self.ASTRAY, self.LOST)


@dataclass(slots=True)
class Account:
    """One mark's: who asked, and every message that stands for it."""

    mark: str
    interaction: Interaction
    vouched: bool = False  # somebody other than Discord knows that it was accepted
    deliveries: list[Message] = field(default_factory=list)  # one entry for each file
    told: list[Message] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Answered with "thinking": from then on the bot owes a result or a reason."""
        callback = self.interaction.callback
        return self.vouched or (callback is not None and callback.type == DEFERRED_MESSAGE)

    @property
    def verdict(self) -> Verdict:
        if len(self.deliveries) > 1:
            return Verdict.DOUBLED
        if self.deliveries:
            if self.told:
                return Verdict.CONTRADICTED
            return Verdict.DELIVERED if self._reached(self.deliveries[0]) else Verdict.ASTRAY
        if self.accepted:
            return Verdict.TOLD if self.told else Verdict.LOST
        return Verdict.UNHEARD if self.interaction.callback is None else Verdict.REFUSED

    @property
    def is_settled(self) -> bool:
        """A result or a reason stands there, if one is owed."""
        return bool(self.deliveries or self.told) or not self.accepted

    def _reached(self, message: Message) -> bool:
        """In the channel where it was asked for, or in the asker's direct messages."""
        place = message.channel
        own = place.type == DM and self.interaction.user in place.recipients
        return own or place is self.interaction.channel


@dataclass(slots=True)
class Tally:
    """How many of each, and which."""

    accounts: list[Account]

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(account.verdict for account in self.accounts)

    @property
    def accepted(self) -> int:
        return sum(account.accepted for account in self.accounts)

    @property
    def failures(self) -> list[Account]:
        return [account for account in self.accounts if account.verdict.is_failure]

    @property
    def unsettled(self) -> list[Account]:
        """Those that are still owed something."""
        return [account for account in self.accounts if not account.is_settled]


class Ledger:
    """Of one sandbox. ``is_reason`` says whether a message without a file is a last word."""

    def __init__(
        self,
        world: World,
        *,
        is_reason: Callable[[Message], bool] | None = None,
        pattern: re.Pattern[str] = MARK,
    ) -> None:
        self._world = world
        self._is_reason = is_reason or _leaves_nothing_to_press
        self._pattern = pattern
        self._numbers = itertools.count(1)
        self._asked: dict[str, Interaction] = {}
        self._vouched: set[str] = set()

    def new_mark(self) -> str:
        """A word for the next prompt, never used before."""
        return f"mark{next(self._numbers):06}"

    def asked(self, mark: str, interaction: Interaction) -> None:
        """Enters that ``interaction`` asks for something that will carry ``mark``."""
        self._asked[mark] = interaction

    def vouch(self, texts: Iterable[str]) -> None:
        """The marks in these were accepted, whatever Discord has heard of it."""
        self._vouched.update(itertools.chain.from_iterable(map(self._pattern.findall, texts)))

    def tally(self) -> Tally:
        """How things stand now."""
        accounts = {
            mark: Account(mark, interaction, vouched=mark in self._vouched)
            for mark, interaction in self._asked.items()
        }
        for message in self._own_messages():
            for mark in self._delivered(message):
                if mark in accounts:
                    accounts[mark].deliveries.append(message)
            if not message.results and self._is_reason(message):
                for mark in set(self._pattern.findall(message.text)) & accounts.keys():
                    accounts[mark].told.append(message)
        return Tally(list(accounts.values()))

    def deliveries(self, mark: str) -> list[Message]:
        """The bot's messages that hold a file with ``mark``, once for each such file."""
        return [
            message
            for message in self._own_messages()
            for found in self._delivered(message)
            if found == mark
        ]

    def _own_messages(self) -> Iterator[Message]:
        world = self._world
        return (
            message
            for message in world.messages.values()
            if message.author is world.bot and not message.deleted
        )

    def _delivered(self, message: Message) -> list[str]:
        """The marks of its files; a file that has none speaks for its message's."""
        around = self._marks_around(message)
        return [mark for file in message.results for mark in (self._marks_of(file) or around)]

    def _marks_of(self, file: StoredFile) -> set[str]:
        inside = file.data[:_READ].decode("latin-1")
        return set(self._pattern.findall(f"{file.filename} {file.description or ''} {inside}"))

    def _marks_around(self, message: Message) -> set[str]:
        ids = " ".join(str(part.get("custom_id", "")) for part in message.components_flat)
        return set(self._pattern.findall(f"{message.text} {ids}"))


def _leaves_nothing_to_press(message: Message) -> bool:
    return not (message.loading or message.buttons)
