"""``[quota]`` of the config: how many seconds of computing one person may use."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from bot.core.section import Section

Seconds = Annotated[float, Field(ge=0)]
Id = Annotated[str, Field(pattern=r"^\d{1,20}$")]


class QuotaLimits(Section):
    """The seconds that workers may compute for one person in a day and a month (UTC); 0: any."""

    day_seconds: Seconds = 0.0
    month_seconds: Seconds = 0.0

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if 0 < self.month_seconds < self.day_seconds:
            raise ValueError(
                "month_seconds is less than day_seconds, so nobody could ever use up a day's"
            )
        return self

    def is_less_than(self, other: QuotaLimits) -> bool:
        """Return whether less is allowed in a day or a month than by other limits."""
        return any(
            own > 0 and (not others or own < others)
            for own, others in (
                (self.day_seconds, other.day_seconds),
                (self.month_seconds, other.month_seconds),
            )
        )


class QuotaSettings(QuotaLimits):
    """The limits of everybody, and others by server and by role, whose ids Discord shows.

    Of several that somebody has by role the largest counts, before that of the server.
    """

    servers: dict[Id, QuotaLimits] = Field(default_factory=dict)
    roles: dict[Id, QuotaLimits] = Field(default_factory=dict)

    def ever_allows(self, seconds: float) -> bool:
        """Return whether anybody may use so many seconds at once."""
        return any(
            (not limits.day_seconds or seconds <= limits.day_seconds)
            and (not limits.month_seconds or seconds <= limits.month_seconds)
            for limits in (self, *self.servers.values(), *self.roles.values())
        )
