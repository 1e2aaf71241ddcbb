"""Quotas on the seconds that workers compute for one person, by day and month (UTC).

The bot's owner sets some in the config, which hold on all servers together; moderators set others,
which hold on their server. What waits and runs counts by what it may take, as far as that is known,
until it is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bot.core.errors import RefusedError
from bot.core.markdown import Markdown
from bot.core.quota_settings import QuotaLimits, QuotaSettings
from bot.jobs.cost_model import Estimate
from bot.jobs.gate import Actor, Place, QuotaLine
from bot.storage import usage
from bot.storage.database import Database
from bot.storage.models import BOT, Origin
from bot.storage.preferences import EVERYBODY, QUOTAS, SERVER, Preferences
from generator.contract.messages import Request

Asked = Callable[[int], Iterable[tuple[Origin, Request]]]
"""Says what is unfinished of a person's."""


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
    """Knows what is allowed to whom, what they have used, and what is reserved for what waits."""

    def __init__(
        self,
        database: Database,
        preferences: Preferences,
        settings: QuotaSettings,
        *,
        asked_by: Asked,
        estimate: Callable[[Request], Estimate | None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._preferences = preferences
        self._settings = settings
        self._asked_by = asked_by
        self._estimate = estimate
        self._clock = clock

    def configure(self, settings: QuotaSettings) -> None:
        """Go by these limits from now on."""
        self._settings = settings

    async def check(
        self, actor: Actor, place: Place, requests: Sequence[Request]
    ) -> Callable[[], None]:
        """Raise RefusedError where these may take more than somebody has left.

        Return what does so again, by what waits at that moment. Raises StorageError.
        """
        if actor.user_id == BOT:  # what it makes for itself is no person's
            return lambda: None
        used = await self._used(actor, place, only_limited=True)

        def check_left() -> None:
            for line in self._with_reserved(used, actor, place):
                if line.limit:
                    _check_line(line, sum(map(self._seconds, requests)))

        check_left()
        return check_left

    async def lines(self, actor: Actor, place: Place) -> Sequence[QuotaLine]:
        """Return what somebody has used of what they have, limited or not."""
        return self._with_reserved(await self._used(actor, place), actor, place)

    def _with_reserved(
        self, lines: Sequence[QuotaLine], actor: Actor, place: Place
    ) -> Sequence[QuotaLine]:
        if not any(line.limit for line in lines):  # so nothing hangs on what waits
            return lines
        waiting = list(self._asked_by(actor.user_id))
        return [
            replace(line, reserved=self._reserved(line, waiting, place.guild_id)) for line in lines
        ]

    def _reserved(
        self, line: QuotaLine, waiting: Iterable[tuple[Origin, Request]], guild_id: int | None
    ) -> float:
        """Return the seconds that what waits may take of a line.

        One of which nothing is known may take all that is left: else a quota could be passed by any
        number of those, before the first of them is over.
        """
        meant = [
            self._estimate(request)
            for origin, request in waiting
            if not line.is_here or origin.guild_id == guild_id
        ]
        known = sum(each.seconds for each in meant if each is not None)
        return max(known, line.limit - line.used) if None in meant else known

    def _seconds(self, request: Request) -> float:
        known = self._estimate(request)
        return 0.0 if known is None else known.seconds

    async def _used(
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


def _check_line(line: QuotaLine, seconds: float) -> None:
    """Raise RefusedError where so many seconds more are above a limit."""
    when = Markdown(f"<t:{int(line.returns.timestamp())}:R>")
    if line.used >= line.limit:
        raise RefusedError(
            "You have used up your {limit:.0f} seconds of computing ({line}); they come back "
            "{when}.",
            limit=line.limit,
            line=line.label,
            when=when,
        )
    if line.left <= 0:
        raise RefusedError(
            "Your waiting GIFs may take all of the computing that you have left ({line}); wait "
            "for them, then ask for the next.",
            line=line.label,
        )
    if seconds > line.left:
        raise RefusedError(
            "That would take about {seconds:.0f} s of computing, and you have {left:.0f} of "
            "{limit:.0f} s left ({line}), counting what is waiting; all of it comes back {when}.",
            seconds=seconds,
            left=line.left,
            limit=line.limit,
            line=line.label,
            when=when,
        )


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
