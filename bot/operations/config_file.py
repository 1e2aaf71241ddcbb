"""The config of a running bot: what of a changed file is taken in, and what waits for a restart.

A new file is read and checked as a whole before anything of it holds; a broken one changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.core.config import Settings, load
from bot.core.config_places import DEFAULT_FILE, find_config
from bot.core.errors import ConfigError
from bot.core.section import Section

LIVE = frozenset(
    {
        "attachments.hosts",
        "attachments.max_mb",
        "attachments.per_user_day_drafts",
        "attachments.per_user_day_mb",
        "attachments.seconds",
        "log.level",
        "loras.hosts",
        "loras.max_mb",
        "loras.per_user",
        "loras.per_user_day_mb",
        "loras.per_user_mb",
        "loras.seconds",
        "moderation.adult_in_direct_messages",
        "moderation.allow",
        "moderation.spoiler",
        "moderation.withhold",
        "owner.direct_messages",
        "owner.servers",
        "owner.show_prompts",
        "owner.users",
        "queue.cooldown_seconds",
        "queue.leave_seconds",
        "queue.most_minutes",
        "queue.per_user",
        "queue.per_user_second",
        "queue.priority_roles",
        "queue.size",
        "quota.day_seconds",
        "quota.month_seconds",
        "quota.roles",
        "quota.servers",
        "storage.keep_days",
        "storage.keep_mb",
        "storage.min_free_mb",
        "styles",
    }
)
"""The keys that a running bot takes in."""


@dataclass(frozen=True, slots=True)
class Reload:
    """What a new config changed, and which of its keys wait for a restart; keys, never values."""

    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


class RunningConfig:
    """``settings`` are those that hold now, and were read from ``file``."""

    def __init__(self, file: Path | None, settings: Settings) -> None:
        self._file = file
        self._path = file or find_config() or DEFAULT_FILE
        self._apply: Callable[[Settings], Awaitable[None]] = _nowhere
        self._digest = self._read_digest()
        self._lock = asyncio.Lock()
        self.settings = settings
        self.waiting: tuple[str, ...] = ()

    def set_apply(self, apply: Callable[[Settings], Awaitable[None]]) -> None:
        """Have ``apply`` make new settings hold: all of them, or it raises ConfigError."""
        self._apply = apply

    @property
    def path(self) -> Path:
        """The file, where there is one."""
        return self._path

    async def is_changed(self) -> bool:
        """Return whether the file is another than the one that was read."""
        return await asyncio.to_thread(self._read_digest) != self._digest

    async def reload(self) -> Reload:
        """Take in the file as it is now. Raises ConfigError, and nothing was changed."""
        async with self._lock:
            digest = await asyncio.to_thread(self._read_digest)
            if digest is None and self._digest is not None:
                raise ConfigError(
                    f"There is no config file {self._path} any more; put it back, or restart the "
                    "bot without one."
                )
            known = self._path if self._digest is not None else None  # none of another name
            new = await asyncio.to_thread(load, self._file or known)
            merged, reload = merge_live(self.settings, new)
            await self._apply(merged)  # anyhow: the lists that it names may have changed
            self.settings, self.waiting, self._digest = merged, reload.waiting, digest
            return reload

    def _read_digest(self) -> str | None:
        try:
            return hashlib.sha256(self._path.read_bytes()).hexdigest()
        except OSError:
            return None


def merge_live(running: Settings, new: Settings) -> tuple[Settings, Reload]:
    """Return the running settings with what of the new ones can hold at once, and what differs."""
    changed: list[str] = []
    waiting: list[str] = []
    sections: dict[str, Any] = {}
    for name in Settings.model_fields:
        before, after = getattr(running, name), getattr(new, name)
        if not (isinstance(before, Section) and isinstance(after, Section)):
            keys = {name: after} if before != after else {}
            sections |= {key: value for key, value in keys.items() if key in LIVE}
        else:
            values = _differences(before, after)
            keys = {f"{name}.{key}": value for key, value in values.items()}
            live = {key: value for key, value in values.items() if f"{name}.{key}" in LIVE}
            sections |= {name: before.model_copy(update=live)} if live else {}
        for key in keys:
            (changed if key in LIVE else waiting).append(key)
    return running.model_copy(update=sections), Reload(tuple(changed), tuple(waiting))


def _differences(before: Section, after: Section) -> dict[str, Any]:
    """Return what stands in another section of the same kind, where it is something else."""
    values = {key: getattr(after, key) for key in type(before).model_fields}
    return {key: value for key, value in values.items() if value != getattr(before, key)}


async def _nowhere(settings: Settings) -> None:
    """Apply settings before there is anything that goes by them."""
