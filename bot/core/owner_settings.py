"""``[owner]`` of the config: who runs the bot, and where they may do so from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from bot.core.section import Section

Snowflake = Annotated[int, Field(gt=0, lt=2**63)]
"""An id as Discord shows it, as a number or in quotes."""


class OwnerSettings(Section):
    """``[owner]``: ``users`` may use ``/owner``, in direct messages and on ``servers``.

    ``socket`` is where the running bot takes commands from a shell (empty: in the data directory).
    """

    users: tuple[Snowflake, ...] = ()
    servers: tuple[Snowflake, ...] = ()
    direct_messages: bool = True
    show_prompts: bool = False
    socket: Path | None = None

    @field_validator("socket", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("socket")
    @classmethod
    def _expanded(cls, value: Path | None) -> Path | None:
        return value and value.expanduser()

    @model_validator(mode="after")
    def _has_users(self) -> Self:
        if self.servers and not self.users:
            raise ValueError("there are servers but no users, so nobody could use /owner there")
        return self

    @property
    def offers_command(self) -> bool:
        """Return whether ``/owner`` is offered in direct messages."""
        return bool(self.users) and self.direct_messages
