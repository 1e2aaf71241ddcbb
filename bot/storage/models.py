"""What a job is, and which states may follow which. Values only; nothing here acts.

``attempt`` counts how often a job was handed to a worker. Every write of a state names the state
and the attempt it believes in, so whoever speaks late, for an attempt that is over, changes
nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from generator.contract.errors import FailureKind
from generator.contract.messages import Request
from generator.contract.text import Text


class State(enum.StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DELIVERING = "delivering"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # it was unfinished in a backup that has been restored

    @property
    def is_final(self) -> bool:
        return self in FINAL


TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED, State.FAILED}),
    # back to queued: the worker or the bot went away under it
    State.RUNNING: frozenset({State.DELIVERING, State.QUEUED, State.FAILED, State.CANCELLED}),
    # back to queued: its file is gone, so it has to be made again
    State.DELIVERING: frozenset({State.DONE, State.FAILED, State.QUEUED}),
    State.DONE: frozenset(),
    # a moderator allows what was withheld
    State.FAILED: frozenset({State.DELIVERING}),
    State.CANCELLED: frozenset(),
    # found where it was posted since; or offered to its owner, who may make it again
    State.INTERRUPTED: frozenset({State.DONE, State.FAILED, State.CANCELLED}),
}
BOT = 0
"""The owner of jobs that the bot makes for itself, which nobody hears of; no person's id."""
RESUMED = "resumed"
"""How a job came from one that was interrupted."""
FINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})
"""Where a job is over; nobody takes one of these further by himself."""
UNFINISHED = tuple(state for state in State if not state.is_final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a command came from, and how its answer gets back. Discord ids are snowflakes."""

    application_id: int
    token: str = field(repr=False)  # of the interaction
    asked_at: datetime  # by Discord's clock, aware
    user_id: int
    user_name: str
    channel_id: int
    guild_id: int | None = None
    upload_limit: int = 10 * 1024 * 1024  # bytes
    suffix: str = ".gif"  # the format that was asked for
    private: bool = False  # seen by its owner alone
    is_followup: bool = False  # answered by a message of its own after the command's answer
    parent_id: str | None = None  # the job that this one came from
    relation: str = ""  # and how: again, vary, longer ...
    locale: str = ""  # of who asked, as Discord names it
    style: str = ""  # the name of the one that was chosen
    ping: bool = False  # its owner wants to be mentioned when it is done
    with_recipe: bool = True  # whether the file tells how it was made
    group_id: str | None = None  # of the variations that share one message
    group_place: int = 0  # among them, from 1 on
    priority: float = 1.0  # in the queue, by its owner's roles

    @property
    def ids(self) -> dict[str, int | None]:
        """Whose job it is, as log lines say it."""
        return {"user": self.user_id, "server": self.guild_id, "channel": self.channel_id}

    @property
    def is_background(self) -> bool:
        """Whether the bot makes it for itself, when no person waits for a worker."""
        return self.user_id == BOT


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a request, kept in the blob store. ``filename`` is only ever shown."""

    blob: str
    filename: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One accepted request, as its row says. ``number`` orders jobs by acceptance."""

    id: str
    number: int
    state: State
    attempt: int
    crashes: int  # workers that died under it
    origin: Origin
    request: Request
    model: str
    created_at: datetime
    answer_id: int | None = None  # the progress message
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: float | None = None  # what the worker took
    output: str | None = None  # the result's blob; None also where it was cleaned up
    size_bytes: int | None = None
    withheld: str | None = None  # the blob of a result that wasn't posted, for a moderator to see
    allowed_by: int | None = None  # the moderator who had it posted all the same
    error: str | None = None  # one sentence, in English
    reason: Mapping[str, Any] | None = None  # that sentence as a Text, for any language
    failure_kind: FailureKind | None = None  # None also where an earlier version failed it
    failure_is_retryable: bool | None = None
    message_id: int | None = None  # where the result was posted
    message_channel_id: int | None = None
    owner_notified: bool = False  # they have seen the final word
    lora_names: Sequence[str] = ()  # as they were called then, in the request's order

    @property
    def user_id(self) -> int:
        return self.origin.user_id

    @property
    def why(self) -> Text:
        """The sentence that says why the job failed."""
        return Text.from_dict(self.reason) if self.reason else Text(self.error or "")

    @property
    def link(self) -> str | None:
        """The posted message's address in Discord's clients."""
        if self.message_id is None:
            return None
        place = self.origin.guild_id or "@me"
        channel = self.message_channel_id or self.origin.channel_id
        return f"https://discord.com/channels/{place}/{channel}/{self.message_id}"
