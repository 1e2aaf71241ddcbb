"""What a job must pass: whether it may be asked for, and whether its file may be posted.

``bot.policy`` has the rules; what they look at are ids and requests. No Discord here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.core.errors import (
    AppealableError,
    NotAcceptedError,
    RefusedError,
    WithheldError,
)
from bot.storage.models import Attachment, Job, State
from bot.storage.moderation import AuditEntry, Block
from generator.contract.messages import Request
from generator.contract.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks, with their roles on the server where they do, and whether they manage it."""

    user_id: int
    roles: frozenset[int] = frozenset()
    manages_guild: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody asks: ``channels`` has the channel and what it stands in, by their ids.

    ``guild_id`` is None in direct messages.
    """

    guild_id: int | None = None
    channels: frozenset[int] = frozenset()
    is_age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class UnfinishedLimit:
    """How many unfinished jobs there may be, and the ``refusal`` of one more beside so many."""

    most: int
    refusal: Callable[[int], NotAcceptedError]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a request that may be accepted is still held to by the write that adds its job.

    Others are accepted in the meantime, so only there can be counted. None is no limit.
    ``check_seconds`` raises RefusedError where those have used up what was left; ``priority`` is
    that of the job in the queue.
    """

    per_person: UnfinishedLimit | None = None
    in_guild: UnfinishedLimit | None = None  # of that person
    check_seconds: Callable[[], None] = lambda: None
    priority: float = 1.0


@dataclass(frozen=True, slots=True)
class Allow:
    """A file may be posted as it is."""


@dataclass(frozen=True, slots=True)
class Spoiler:
    """A file may be posted behind a cover that whoever wants to see it takes off."""


@dataclass(frozen=True, slots=True)
class Withhold:
    """A file may not be posted; its owner reads the reason.

    Where it ``may_be_appealed``, a moderator may allow it all the same.
    """

    reason: Text
    may_be_appealed: bool = False


Verdict = Allow | Spoiler | Withhold


class Gate(Protocol):
    """Decides what is accepted and what is posted."""

    async def check_request(
        self,
        actor: Actor,
        place: Place,
        request: Request,
        files: Sequence[Attachment],
        *,
        style: str = "",
    ) -> Admission:
        """Return what the job is held to when it is added. Raises RefusedError."""

    async def check_result(self, job: Job, file: Path, guild_id: int | None) -> Verdict:
        """Return how a file made for a job's owner may be posted on a server, or in a message.

        That is its result, an edit of it, or a preview while it is made; where it is posted need
        not be where it was asked for.
        """


async def check_may_post(gate: Gate, job: Job, file: Path, guild_id: int | None) -> bool:
    """Return whether a file is posted as a spoiler. Raises WithheldError where it isn't posted."""
    verdict = await gate.check_result(job, file, guild_id)
    if isinstance(verdict, Withhold):
        kind = AppealableError if verdict.may_be_appealed else WithheldError
        raise kind(verdict.reason)
    return isinstance(verdict, Spoiler)


async def may_be_seen_uncovered(gate: Gate, job: Job, file: Path, guild_id: int | None) -> bool:
    """Return whether a file may be shown where nothing can cover it."""
    return isinstance(await gate.check_result(job, file, guild_id), Allow)


def check_may_cancel(job: Job, by: int, manages_guild: int | None) -> None:
    """Raise RefusedError where this person may not cancel a job, or it is too late."""
    manages = manages_guild is not None and manages_guild == job.origin.guild_id
    if by != job.user_id and not manages:
        raise RefusedError("Only the person who asked for it, or a server manager, can cancel it.")
    if job.state is State.DELIVERING:
        raise RefusedError("That GIF is finished and on its way, so it can no longer be cancelled.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """The most that one request may have; None is no limit but the model's."""

    frames: int | None = None
    steps: int | None = None


class ServerWords(Protocol):
    """The lists of words that a server's moderators keep out of prompts."""

    async def lists(self, guild_id: int) -> dict[str, str]:
        """Return a server's lists, as they were written, by their kinds."""

    async def change(self, guild_id: int, kind: str, text: str) -> int:
        """Set a list, or take it away; return how many entries it has. Raises RefusedError."""


class Blocks(Protocol):
    """Who is blocked, and where."""

    def reason(self, user_id: int, guild_id: int | None) -> Text | None:
        """Return what is said to somebody who is blocked there; None where nobody is."""

    def listed(self, guild_id: int) -> list[Block]:
        """Return the blocks that hold on a server, or EVERYWHERE, the newest first."""

    async def block(self, block: Block, entry: AuditEntry) -> None:
        """Add a block, and what the log says of it."""

    async def unblock(self, key: tuple[str, int, int], entry: AuditEntry) -> None:
        """Take a block away. Raises RefusedError where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLine:
    """How many seconds of computing somebody used of ``limit`` (0: any), and when all return.

    ``reserved`` is for what they have waiting or running, by its estimate.
    """

    used: float
    limit: float
    returns: datetime
    reserved: float = 0.0
    is_day: bool = False  # else of a month
    is_here: bool = False  # on this server, else everywhere

    @property
    def left(self) -> float:
        """The seconds that nothing uses or waits for, of a limit."""
        return max(0.0, self.limit - self.used - self.reserved)

    @property
    def label(self) -> Text:
        match self.is_day, self.is_here:
            case True, True:
                return Text("today, on this server")
            case True, False:
                return Text("today")
            case False, True:
                return Text("this month, on this server")
        return Text("this month")


class Policy(Gate, Protocol):
    """Answers commands as well, before they fetch anything or hand a request in."""

    async def check_actor(self, actor: Actor, place: Place) -> None:
        """Raise RefusedError where this person may not make GIFs there."""

    async def check_requests(self, actor: Actor, place: Place, requests: Sequence[Request]) -> None:
        """Raise RefusedError where this person may not ask for all of these there."""

    async def check_words(self, place: Place, text: str) -> None:
        """Raise RefusedError where a text may not be shown there."""

    async def check_shown(self, place: Place, request: Request, style: str = "") -> None:
        """Raise RefusedError where what a request makes isn't for this place to see."""

    async def takes_long(self, place: Place, files: Sequence[Attachment]) -> bool:
        """Return whether ``check_request`` with these files takes longer than Discord waits."""

    async def check_shared(self, place: Place, job: Job) -> None:
        """Raise RefusedError where a result may not be shown there, beside where it was made."""

    async def quota(self, actor: Actor, place: Place) -> Sequence[QuotaLine]:
        """Return what this person has used of the workers' time, and what they may."""

    async def limits(self, actor: Actor, place: Place) -> RequestLimits:
        """Return the most that this person may ask for there."""
