"""What is learnt of this machine's pace, kept in the database from one start to the next."""

from __future__ import annotations

import logging
from typing import Self

from bot.errors import StorageError
from bot.jobs.cost import Costs
from bot.storage import costs as rows
from bot.storage.database import Database
from generator.protocol import Request

logger = logging.getLogger(__name__)


class Pace:
    """The costs of one model's jobs."""

    def __init__(self, database: Database, model: str, costs: Costs) -> None:
        self._database = database
        self._model = model
        self.costs = costs

    @classmethod
    async def load(cls, database: Database, model: str) -> Self:
        """With what earlier runs learnt. Raises StorageError."""
        return cls(database, model, Costs(await database.read(rows.learnt, model)))

    async def learn(self, device: str, request: Request, seconds: float) -> None:
        """Takes in a finished job; one that can't be written down is learnt for this run only."""
        sums = self.costs.learn(device, request, seconds)
        try:
            await self._database.write(rows.remember, self._model, device, sums)
        except StorageError:
            logger.warning("what was learnt of the pace on %s couldn't be kept", device)
