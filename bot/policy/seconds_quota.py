"""Quotas on the seconds that workers compute for one person, by day and month (UTC).

The bot's owner sets some in the config, which hold on all servers together; moderators set others,
which hold on their server. What waits when one is used up is still made, so it may be passed by as
many GIFs as one person may have waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.core.errors import RefusedError
from bot.core.markdown import Markdown
from bot.core.quota_settings import QuotaLimits, QuotaSettings
from bot.jobs.gate import Actor, Place, QuotaLine
from bot.storage import usage
from bot.storage.database import Database
from bot.storage.models import BOT
from bot.storage.preferences import EVERYBODY, QUOTAS, SERVER, Preferences


@dataclass(frozen=True, slots=True)
class _Limits:
    """Seconds in a day and a month; 0 is none."""

    day: float = 0.0
    month: float = 0.0

    @property
    def is_set(self) -> bool:
        """Whether there is any."""
        return bool(self.day or self.month)

    @classmethod
    def of(cls, limits: QuotaLimits) -> _Limits:
        return cls(limits.day_seconds, limits.month_seconds)


class SecondsQuota:
    """Knows what is allowed to whom, and what they have used."""

    def __init__(
        self,
        database: Database,
        preferences: Preferences,
        settings: QuotaSettings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._preferences = preferences
        self._settings = settings
        self._clock = clock

    def configure(self, settings: QuotaSettings) -> None:
        """Go by these limits from now on."""
        self._settings = settings

    async def check(self, actor: Actor, place: Place) -> None:
        """Raise RefusedError where somebody has used up what they have. Raises StorageError."""
        if actor.user_id == BOT:  # what it makes for itself is no person's
            return
        for line in await self._lines(actor, place, only_limited=True):
            if line.limit and line.used >= line.limit:
                when = Markdown(f"<t:{int(line.returns.timestamp())}:R>")
                raise RefusedError(
                    "You have used up your {limit:.0f} seconds of computing ({line}); they return "
                    "{when}.",
                    limit=line.limit,
                    line=line.label,
                    when=when,
                )

    async def lines(self, actor: Actor, place: Place) -> list[QuotaLine]:
        """Return what somebody has used of what they have, limited or not."""
        return await self._lines(actor, place)

    async def _lines(
        self, actor: Actor, place: Place, *, only_limited: bool = False
    ) -> list[QuotaLine]:
        """Return the lines; nothing is read for those without a limit where these aren't wanted."""
        now = self._clock().astimezone(UTC)
        lines: list[QuotaLine] = []
        owners = self._owners(actor, place)
        if not only_limited or owners.is_set:
            everywhere = await self._database.read(usage.used, actor.user_id, now)
            lines += _lines(owners, everywhere, now, is_here=False)
        if place.guild_id is None:
            return lines
        kept = (await self._preferences.get(SERVER, place.guild_id)).get(QUOTAS)
        if kept and not actor.manages_guild:
            servers = _servers(kept, actor)
            if not only_limited or servers.is_set:
                here = await self._database.read(usage.used, actor.user_id, now, place.guild_id)
                lines += _lines(servers, here, now, is_here=True)
        return lines

    def _owners(self, actor: Actor, place: Place) -> _Limits:
        settings = self._settings
        by_role = [
            _Limits.of(limits)
            for role, limits in settings.roles.items()
            if int(role) in actor.roles
        ]
        server = settings.servers.get(str(place.guild_id), settings)
        return _largest(by_role) if by_role else _Limits.of(server)


def _servers(kept: dict[str, list[float]], actor: Actor) -> _Limits:
    by_role = [
        _Limits(*limits)
        for role, limits in kept.items()
        if role != EVERYBODY and int(role) in actor.roles
    ]
    return _largest(by_role) if by_role else _Limits(*kept.get(EVERYBODY, (0.0, 0.0)))


def _largest(limits: Iterable[_Limits]) -> _Limits:
    """Return the most that one of them allows; 0 is any number."""
    found = list(limits)
    return _Limits(
        0.0 if any(not each.day for each in found) else max(each.day for each in found),
        0.0 if any(not each.month for each in found) else max(each.month for each in found),
    )


def _lines(
    limits: _Limits, used: tuple[float, float], now: datetime, *, is_here: bool
) -> list[QuotaLine]:
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    next_month = (tomorrow - timedelta(days=now.day) + timedelta(days=32)).replace(day=1)
    return [
        QuotaLine(used=used[0], limit=limits.day, returns=tomorrow, is_day=True, is_here=is_here),
        QuotaLine(used=used[1], limit=limits.month, returns=next_month, is_here=is_here),
    ]
