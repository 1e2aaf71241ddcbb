"""Accounts for every request and what became of it: accepted, delivered, duplicated, lost.

Each thing asked for carries a mark, a word found again in whatever is delivered for it: in a file's
bytes, its name or description, in a message's text or in the custom_id of a button. The accounting
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

_SEARCHED_BYTES = 4096  # bytes of a file that are searched for a mark


class Verdict(enum.StrEnum):
    """What became of one request."""

    DELIVERED = "delivered once"
    EXPLAINED = "told why not"
    REFUSED = "refused at once"
    UNANSWERED = "never answered"  # the bot never had it, or never said that it did
    DUPLICATED = "delivered more than once"
    CONTRADICTED = "delivered, and told why not"
    MISDELIVERED = "delivered to somebody else"
    LOST = "accepted and lost"

    @property
    def is_failure(self) -> bool:
        return self in (self.DUPLICATED, self.CONTRADICTED, self.MISDELIVERED, self.LOST)


@dataclass(slots=True)
class Account:
    """What is known of one mark: the interaction that asked, and every message that answers it."""

    mark: str
    interaction: Interaction
    is_confirmed: bool = False  # somebody other than Discord knows that it was accepted
    deliveries: list[Message] = field(default_factory=list)  # one entry for each file
    reasons: list[Message] = field(default_factory=list)

    @property
    def is_accepted(self) -> bool:
        """Return whether the bot answered with "thinking" and so owes a result or a reason."""
        callback = self.interaction.callback
        return self.is_confirmed or (callback is not None and callback.type == DEFERRED_MESSAGE)

    @property
    def verdict(self) -> Verdict:
        if len(self.deliveries) > 1:
            return Verdict.DUPLICATED
        if self.deliveries:
            if self.reasons:
                return Verdict.CONTRADICTED
            return (
                Verdict.DELIVERED
                if self._reached_asker(self.deliveries[0])
                else Verdict.MISDELIVERED
            )
        if self.is_accepted:
            return Verdict.EXPLAINED if self.reasons else Verdict.LOST
        return Verdict.UNANSWERED if self.interaction.callback is None else Verdict.REFUSED

    @property
    def is_settled(self) -> bool:
        """Return whether a result or a reason has come, if one is owed."""
        return bool(self.deliveries or self.reasons) or not self.is_accepted

    def _reached_asker(self, message: Message) -> bool:
        """Return whether a message is in the channel of the request or in the asker's DMs."""
        place = message.channel
        own = place.type == DM and self.interaction.user in place.recipients
        return own or place is self.interaction.channel


@dataclass(slots=True)
class Totals:
    """The accounts of all requests at one moment, and their counts."""

    accounts: list[Account]

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(account.verdict for account in self.accounts)

    @property
    def accepted_count(self) -> int:
        return sum(account.is_accepted for account in self.accounts)

    @property
    def failures(self) -> list[Account]:
        return [account for account in self.accounts if account.verdict.is_failure]

    @property
    def unsettled(self) -> list[Account]:
        """The accounts that are still owed a result or a reason."""
        return [account for account in self.accounts if not account.is_settled]


class Accounting:
    """Accounts for the requests in one sandbox.

    ``is_reason`` says whether a message without a file is a last word on its request.
    """

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
        self._requests: dict[str, Interaction] = {}
        self._confirmed: set[str] = set()

    def new_mark(self) -> str:
        """Return a word for the next prompt, never used before."""
        return f"mark{next(self._numbers):06}"

    def record_request(self, mark: str, interaction: Interaction) -> None:
        """Record that ``interaction`` asks for something that will carry ``mark``."""
        self._requests[mark] = interaction

    def record_acceptances(self, texts: Iterable[str]) -> None:
        """Record that the marks in ``texts`` were accepted, whatever Discord has heard of it."""
        self._confirmed.update(itertools.chain.from_iterable(map(self._pattern.findall, texts)))

    def totals(self) -> Totals:
        """Return the accounts as they stand now."""
        accounts = {
            mark: Account(mark, interaction, is_confirmed=mark in self._confirmed)
            for mark, interaction in self._requests.items()
        }
        for message in self._own_messages():
            for mark in self._delivered(message):
                if mark in accounts:
                    accounts[mark].deliveries.append(message)
            if not message.results and self._is_reason(message):
                for mark in set(self._pattern.findall(message.text)) & accounts.keys():
                    accounts[mark].reasons.append(message)
        return Totals(list(accounts.values()))

    def deliveries(self, mark: str) -> list[Message]:
        """Return the bot's messages that hold a file with ``mark``, once for each such file."""
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
        """Return the marks of a message's files; a file without any stands for its message's."""
        around = self._marks_around(message)
        return [mark for file in message.results for mark in (self._marks_of(file) or around)]

    def _marks_of(self, file: StoredFile) -> set[str]:
        inside = file.data[:_SEARCHED_BYTES].decode("latin-1")
        return set(self._pattern.findall(f"{file.filename} {file.description or ''} {inside}"))

    def _marks_around(self, message: Message) -> set[str]:
        ids = " ".join(str(part.get("custom_id", "")) for part in message.components_flat)
        return set(self._pattern.findall(f"{message.text} {ids}"))


def _leaves_nothing_to_press(message: Message) -> bool:
    return not (message.loading or message.buttons)
