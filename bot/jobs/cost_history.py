"""What is learnt of this machine's pace, kept in the database from one start to the next."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from bot.core.errors import StorageError
from bot.jobs.cost_model import CostModels, Estimate
from bot.storage import costs as rows
from bot.storage.database import Database
from generator.contract.messages import Request

logger = logging.getLogger(__name__)


_LOADING_PREFIX = "loading:"  # before a device's name: how long its model takes to load
_UNKNOWN_LOADING = 15.0  # seconds
_SAVE_EVERY = 10.0  # seconds, at most, of each device: it is a long list, and jobs may be quick


class CostHistory:
    """Keeps the costs of each model's jobs, and how long it takes to load.

    ``model`` is the one that makes requests that name none; ``costs`` and ``loading`` are its.
    """

    def __init__(
        self,
        database: Database,
        model: str,
        costs: CostModels,
        loading: Mapping[str, float] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._default = model
        self._costs = {model: costs}
        self._loading = {model: dict(loading or {})}
        self._clock = clock
        self._saved_at: dict[tuple[str, str], float] = {}  # by model and device
        self._unsaved: set[tuple[str, str]] = set()

    @classmethod
    async def load(cls, database: Database, model: str, *others: str) -> Self:
        """Load what earlier runs learnt of these models. Raises StorageError."""
        history = cls(database, model, CostModels())
        for each in (model, *others):
            learnt = await database.read(rows.load, each)
            history._loading[each] = {
                device.removeprefix(_LOADING_PREFIX): float(learnt.pop(device)["seconds"])
                for device in list(learnt)
                if device.startswith(_LOADING_PREFIX)
            }
            history._costs[each] = CostModels(learnt)
        return history

    @property
    def version(self) -> int:
        """A number that is another one whenever something was learnt."""
        return sum(costs.version for costs in self._costs.values())

    def model_of(self, request: Request) -> str:
        """Return the model that makes a request."""
        return request.model or self._default

    def estimate(self, request: Request, device: str | None = None) -> Estimate | None:
        """Return what a job may take with its model; None where nothing is known."""
        return self._costs_of(request).estimate(request, device)

    def loading_seconds(self, device: str, model: str = "") -> float | None:
        """Return how long a model took to load there the last time; None where unknown.

        Without a ``model`` it is the default one.
        """
        return self._loading.get(model or self._default, {}).get(device)

    def change_seconds(self, model: str) -> float:
        """Return how long a worker may take to change to a model."""
        known = self._loading.get(model, {}).values()
        return sum(known) / len(known) if known else _UNKNOWN_LOADING

    def learn(self, device: str, request: Request, took: Estimate) -> bool:
        """Learn from a finished job; return whether it is time to ``save``."""
        self._costs_of(request).learn(device, request, *took)
        key = self.model_of(request), device
        self._unsaved.add(key)
        return self._clock() - self._saved_at.get(key, -math.inf) >= _SAVE_EVERY

    async def save(self) -> None:
        """Write down what was learnt of jobs since; what can't be is for this run only."""
        unsaved, self._unsaved = self._unsaved, set()
        self._saved_at |= dict.fromkeys(unsaved, self._clock())
        for model, device in unsaved:
            await self._save(model, device, self._costs[model].known(device))

    async def learn_loading(self, model: str, device: str, seconds: float) -> None:
        """Learn how long a worker took until it was ready with a model."""
        self._loading.setdefault(model, {})[device] = seconds
        await self._save(model, f"{_LOADING_PREFIX}{device}", {"seconds": seconds})

    def _costs_of(self, request: Request) -> CostModels:
        model = self.model_of(request)
        if (costs := self._costs.get(model)) is None:
            costs = self._costs[model] = CostModels()
        return costs

    async def _save(self, model: str, device: str, sums: Any) -> None:
        try:
            await self._database.write(rows.save, model, device, sums)
        except StorageError:
            logger.warning("what was learnt of the pace on %s couldn't be kept", device)
