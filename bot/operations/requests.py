"""The operations by their names, and what may be said with each; strangers' values are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from bot.core.errors import RefusedError
from bot.core.owner_settings import Snowflake
from bot.core.section import Section
from bot.storage.models import State
from generator.contract.bounds import shorten

LONGEST_TEXT = 1000
LONGEST_REASON = 200
MAX_HOURS = 24 * 366
_MOST_LISTED = 200

Name = Annotated[str, Field(min_length=1, max_length=100)]
JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{4,32}$")]
"""The beginning of a job's id."""


class Nothing(Section):
    """An operation that nothing is said with."""


class OneModel(Section):
    """A model, by what people read of it."""

    model: Name


class Resume(Section):
    """What is to go on: a paused model, or the whole bot."""

    model: Annotated[str, Field(max_length=100)] = ""


class Restart(Section):
    """A worker, and whether what it has in hand is put back rather than finished."""

    worker: Name
    now: bool = False


class Jobs(Section):
    """Which jobs: by the beginning of their ids, their owner and their state."""

    job: JobId | Literal[""] = ""
    user: Snowflake | None = None
    state: State | Literal["", "unfinished"] = ""
    most: Annotated[int, Field(ge=1, le=_MOST_LISTED)] = 20


class OneJob(Section):
    """A job, by the beginning of its id."""

    job: JobId


class Announce(Section):
    """What is said to all who wait."""

    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("some words are expected")
        return value.strip()


class BlockPerson(Section):
    """A person who makes no more GIFs, for a time or for good."""

    user: Snowflake
    hours: Annotated[int, Field(ge=1, le=MAX_HOURS)] | None = None
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""
    name: Annotated[str, Field(max_length=100)] = ""


class OnePerson(Section):
    """A person, by their id."""

    user: Snowflake


REQUESTS: Mapping[str, type[Section]] = {
    "status": Nothing,
    "workers": Nothing,
    "drain": Nothing,
    "resume": Resume,
    "pause": OneModel,
    "restart": Restart,
    "jobs": Jobs,
    "cancel": OneJob,
    "again": OneJob,
    "logs": OneJob,
    "announce": Announce,
    "block": BlockPerson,
    "unblock": OnePerson,
    "blocked": Nothing,
    "reload": Nothing,
}


def parse_request(name: str, said: Mapping[str, Any]) -> Section:
    """Return what is said with an operation. Raises RefusedError."""
    kind = REQUESTS.get(name)
    if kind is None:
        known = ", ".join(REQUESTS)
        raise RefusedError(
            "There is no {name!r} here; choose one of {known}.", name=shorten(name), known=known
        )
    try:
        return kind.model_validate(dict(said))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"][:1])) or name
        raise RefusedError(
            "{key} can't be used like that ({reason}).",
            key=shorten(key),
            reason=first["msg"].removeprefix("Value error, "),
        ) from error
