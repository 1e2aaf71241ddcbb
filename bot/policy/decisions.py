"""What the gate decided, told to whoever subscribed in this process; nothing of who asked."""

from __future__ import annotations

import enum
from collections.abc import Callable
from contextlib import ContextDecorator
from dataclasses import dataclass, replace
from typing import TypeVar

from bot.core.errors import NotAcceptedError, RefusedError, StorageError
from bot.jobs.gate import Allow, Spoiler, UnfinishedLimit, Verdict

VerdictT = TypeVar("VerdictT", bound=Verdict)


class Rule(enum.StrEnum):
    """What a decision was made by."""

    ERASURE = "erasure"  # of everything of that person's
    BLOCK = "block"
    SERVER = "server"  # its rules on channels, roles, frames, steps
    WORDS = "words"
    PICTURES = "pictures"
    ADULT = "adult"
    TIME = "time"  # that one GIF may take
    MEMORY = "memory"  # that one clip may take
    QUOTA = "quota"  # of seconds
    UNFINISHED = "unfinished"  # jobs of one person
    COOLDOWN = "cooldown"
    DISK = "disk"
    # what one person may bring and open within a day, and keep
    FILES = "files"
    LORAS = "loras"
    DRAFTS = "drafts"
    REPORTS = "reports"
    EXPORTS = "exports"
    KEPT_LORAS = "kept_loras"


class Answer(enum.StrEnum):
    """What was decided of what somebody wants, where it is refused, or of a file that was made."""

    REFUSED = "refused"
    SHOWN = "shown"
    COVERED = "covered"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, and the rule that it was made by; None where none stood in the way."""

    answer: Answer
    rule: Rule | None = None


class _Asking(ContextDecorator):
    """What ``DecisionStream.asking`` returns; a class, since each command enters a dozen."""

    def __init__(self, stream: DecisionStream, rule: Rule) -> None:
        self._stream = stream
        self._rule = rule

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, RefusedError) and not isinstance(error, StorageError):
            self._stream.publish(Answer.REFUSED, self._rule)


class DecisionStream:
    """Hands every decision to every subscriber."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Decision], None]] = []

    def subscribe(self, subscriber: Callable[[Decision], None]) -> None:
        """Call ``subscriber`` with every decision from now on."""
        self._subscribers.append(subscriber)

    def publish(self, answer: Answer, rule: Rule | None = None) -> None:
        """Tell everybody."""
        for subscriber in self._subscribers:
            subscriber(Decision(answer, rule))

    def asking(self, rule: Rule) -> _Asking:
        """Tell of a refusal inside that it was by this rule.

        A database that can't be asked is no decision.
        """
        return _Asking(self, rule)

    def counted(self, limit: UnfinishedLimit) -> UnfinishedLimit:
        """Return a limit whose refusals are told."""

        def refusal(number: int) -> NotAcceptedError:
            self.publish(Answer.REFUSED, Rule.UNFINISHED)
            return limit.refusal(number)

        return replace(limit, refusal=refusal)

    def of_file(self, verdict: VerdictT, rule: Rule) -> VerdictT:
        """Tell how a file may be posted, and return that."""
        if isinstance(verdict, Allow):
            self.publish(Answer.SHOWN)
        else:
            is_covered = isinstance(verdict, Spoiler)
            self.publish(Answer.COVERED if is_covered else Answer.WITHHELD, rule)
        return verdict
