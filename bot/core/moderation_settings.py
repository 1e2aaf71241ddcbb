"""``[moderation]`` of the config."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from bot.core.section import Section


class ModerationSettings(Section):
    """``[moderation]``: lists of words, and where what is marked adult may be made."""

    withhold: tuple[Path, ...] = ()
    spoiler: tuple[Path, ...] = ()
    allow: tuple[Path, ...] = ()
    adult_in_direct_messages: bool = False

    @property
    def has_lists(self) -> bool:
        """Return whether a file is named."""
        return bool(self.withhold or self.spoiler or self.allow)

    @field_validator("withhold", "spoiler", "allow")
    @classmethod
    def _expanded(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(file.expanduser() for file in value)
