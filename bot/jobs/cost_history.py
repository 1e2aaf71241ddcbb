"""What is learnt of this machine's pace, kept in the database from one start to the next."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Self

from bot.core.errors import StorageError
from bot.jobs.cost_model import CostModels, Estimate
from bot.storage import costs as rows
from bot.storage.database import Database
from generator.contract.messages import Request

logger = logging.getLogger(__name__)


_LOADING_PREFIX = "loading:"  # before a device's name: how long its model takes to load


class CostHistory:
    """Keeps the costs of one model's jobs, and how long it takes to load."""

    def __init__(
        self,
        database: Database,
        model: str,
        costs: CostModels,
        loading: Mapping[str, float] | None = None,
    ) -> None:
        self._database = database
        self._model = model
        self._loading = dict(loading or {})
        self.costs = costs

    @classmethod
    async def load(cls, database: Database, model: str) -> Self:
        """Load what earlier runs learnt. Raises StorageError."""
        learnt = await database.read(rows.load, model)
        loading = {
            device.removeprefix(_LOADING_PREFIX): float(learnt.pop(device)["seconds"])
            for device in list(learnt)
            if device.startswith(_LOADING_PREFIX)
        }
        return cls(database, model, CostModels(learnt), loading)

    def loading_seconds(self, device: str) -> float | None:
        """Return how long the model took to load there the last time; None where unknown."""
        return self._loading.get(device)

    async def learn(self, device: str, request: Request, took: Estimate) -> None:
        """Learn from a finished job; where it can't be written down, for this run only."""
        await self._save(device, self.costs.learn(device, request, *took))

    async def learn_loading(self, device: str, seconds: float) -> None:
        """Learn how long a worker took until it was ready."""
        self._loading[device] = seconds
        await self._save(f"{_LOADING_PREFIX}{device}", {"seconds": seconds})

    async def _save(self, device: str, sums: Any) -> None:
        try:
            await self._database.write(rows.save, self._model, device, sums)
        except StorageError:
            logger.warning("what was learnt of the pace on %s couldn't be kept", device)
