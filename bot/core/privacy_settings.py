"""``[privacy]`` of the config: the operator's text, and how long things are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from bot.core.section import Section


class PrivacySettings(Section):
    """``[privacy]``: where the operator's text is, what is sent, and when a server's data goes.

    ``erased`` is the list of erasures (None: in the data directory).
    """

    url: str = ""
    backup_days: Annotated[float, Field(ge=0)] | None = None  # None: the operator doesn't say
    server_days: Annotated[float, Field(ge=0)] = 30.0
    export_mb: Annotated[int, Field(ge=1)] = 200
    exports_per_day: Annotated[int, Field(ge=1, le=1000)] = 2
    erased: Path | None = None

    @field_validator("erased", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("erased")
    @classmethod
    def _expanded(cls, value: Path | None) -> Path | None:
        return value and value.expanduser()

    @field_validator("url")
    @classmethod
    def _checked_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("an address that starts with http:// or https:// is expected")
        return value
