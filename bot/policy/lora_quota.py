"""Limits how many LoRAs one person may keep, and how large they are all together."""

from __future__ import annotations

from bot.core.config import LoraSettings
from bot.core.errors import RefusedError
from bot.policy.decisions import DecisionStream, Rule
from bot.storage import loras
from bot.storage.database import Database
from bot.storage.loras import StoredLora
from generator.contract.text import plural

_MEGABYTE = 2**20


class KeptLoraQuota:
    """``bot.intake.quotas.LoraQuota``, by what the database says that somebody keeps."""

    def __init__(
        self,
        database: Database,
        settings: LoraSettings,
        decisions: DecisionStream | None = None,
    ) -> None:
        self._asking = (decisions or DecisionStream()).asking
        self._database = database
        self._most = settings.per_user
        self._most_mb = settings.per_user_mb

    async def bytes_left(self, user_id: int) -> int:
        """Return how many bytes more they may keep. Raises RefusedError where that is none."""
        count, size = await self._database.read(loras.kept_by, user_id)
        with self._asking(Rule.KEPT_LORAS):
            return self._bytes_beside(count, size)

    def _bytes_beside(self, count: int, size: int) -> int:
        if count >= self._most:
            raise RefusedError(
                plural(
                    "You have 1 LoRA, and that is the limit here; remove it with /lora remove.",
                    "You have {count} LoRAs, and that is the limit here; remove one with "
                    "/lora remove.",
                    count,
                )
            )
        left = self._most_mb * _MEGABYTE - size
        if left <= 0:
            raise RefusedError(
                "Your LoRAs take up all of your {most} MB here; remove one with /lora remove.",
                most=self._most_mb,
            )
        return left

    async def add(self, lora: StoredLora) -> None:
        """Write a LoRA. Raises RefusedError for one kept already, or a quota used up meanwhile."""
        most_bytes = self._most_mb * _MEGABYTE
        refused = await self._database.write(
            loras.add_within, lora, most=self._most, most_bytes=most_bytes
        )
        if refused is not None:
            with self._asking(Rule.KEPT_LORAS):
                raise RefusedError(refused)
