"""``[queue]`` of the config: how much may wait, and who comes earlier."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bot.core.quota_settings import Id, QuotaSettings
from bot.core.section import Section


class QueueSettings(Section):
    """How much may wait; ``priority_roles`` has how much earlier whose turn is, by role."""

    size: Annotated[int, Field(ge=1, le=100_000)] = 500
    per_user: Annotated[int, Field(ge=1, le=10_000)] = 5
    cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    per_user_second: Annotated[float, Field(ge=0, le=10_000)] = 30.0
    most_minutes: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    leave_seconds: Annotated[float, Field(ge=0)] = 20.0
    priority_roles: dict[Id, Annotated[float, Field(ge=0.01, le=100)]] = Field(default_factory=dict)

    def check_against(self, quota: QuotaSettings) -> None:
        """Raise ValueError where quotas contradict what is allowed here."""
        for role, priority in self.priority_roles.items():
            limits = quota.roles.get(role)
            if limits is not None and priority > 1 and limits.is_less_than(quota):
                raise ValueError(
                    f"queue.priority_roles: the role {role} is served earlier than others, but "
                    "has fewer seconds in quota.roles than everybody; change one of the two"
                )
        longest = 60 * self.most_minutes
        if longest and not quota.ever_allows(longest):
            raise ValueError(
                f"queue.most_minutes: GIFs of {self.most_minutes:g} minutes are allowed, but no "
                "quota has as many seconds, so nobody could make one; change one of the two"
            )
