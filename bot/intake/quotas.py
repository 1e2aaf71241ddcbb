"""What intake needs of the rules on how much one person may bring; ``bot.policy`` has them."""

from __future__ import annotations

from typing import Protocol

from bot.storage.drafts import Draft
from bot.storage.loras import StoredLora


class DailyQuota(Protocol):
    """A limit for each person on what is counted within a day."""

    async def check(self, user_id: int, amount: int) -> None:
        """Raise RefusedError where ``amount`` more would be too much, before it is fetched."""

    async def record(self, user_id: int, amount: int) -> None:
        """Count ``amount``. Raises RefusedError, and counts nothing, where it is too much."""


class DraftQuota(Protocol):
    """A limit for each person on the drafts that they make within a day."""

    async def add(self, draft: Draft) -> list[str]:
        """Write a draft, and return the blobs that older ones named, which are gone with them.

        Raises RefusedError where it is one too many.
        """


class LoraQuota(Protocol):
    """A limit for each person on the LoRAs that they keep."""

    async def bytes_left(self, user_id: int) -> int:
        """Return how many bytes more they may keep. Raises RefusedError where that is none."""

    async def add(self, lora: StoredLora) -> None:
        """Write a LoRA. Raises RefusedError for one kept already, or a quota used up meanwhile."""
