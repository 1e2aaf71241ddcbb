"""The workers that are connected: what each can do, which model it holds, which can't be loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from bot.jobs.needs import JobNeeds, WorkerFit, host_of, models_of
from generator.contract.messages import Capabilities
from generator.contract.text import Text

_MAX_REMEMBERED = 1000  # kinds of workers
_NOBODY = Text("No GPU host is connected at the moment.")


class WorkerRoster:
    """The workers that are connected, and what each can do.

    One that died is only missed once it can't be started again; ``on_change`` is called whenever
    somebody may judge otherwise of what waits. ``is_avoided`` says whether some job is to be made
    on another host than this.
    """

    def __init__(
        self, on_change: Callable[[], None], is_avoided: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._on_change = on_change
        self._is_avoided = is_avoided
        self.may_grow = False  # workers may come that nobody knows of yet
        # devices that may be able to do anything, for all one knows
        self._loading: set[str] = set()
        self._connected: dict[str, Capabilities] = {}
        self._held: dict[str, str] = {}  # by worker, the model that it holds or is loading
        self._holders: Counter[str] = Counter()
        self._fits: dict[Capabilities, WorkerFit] = {}
        self._broken: dict[str, Text] = {}  # by model, why it couldn't be loaded the last time

    def worker_loading(self, device: str) -> None:
        """Note that a worker has started on this device."""
        if device not in self._connected:
            self._loading.add(device)
            self._on_change()

    def worker_changing(self, device: str, model: str) -> None:
        """Note that a device's worker is about to load another model."""
        self._hold(device, model)
        self._on_change()

    def worker_ready(self, device: str, capabilities: Capabilities) -> None:
        """Note what a device's worker can do."""
        self._loading.discard(device)
        self._connected[device] = capabilities
        self._hold(device, capabilities.model)
        self._broken.pop(capabilities.model, None)
        self._on_change()

    def model_broken(self, device: str, model: str, reason: Text) -> None:
        """Note that a device's worker can't load a model."""
        self._broken[model] = reason
        if (can := self._connected.get(device)) is not None:
            left = tuple(each for each in can.models if each.name != model)
            self._connected[device] = replace(can, models=left)
        self._on_change()

    def worker_gone(self, device: str) -> None:
        """Note that a device has no worker, and gets none soon."""
        self._loading.discard(device)
        self._connected.pop(device, None)
        self._hold(device, "")
        self._on_change()

    def fit(self, can: Capabilities) -> WorkerFit:
        """Return what such workers can make; those that differ in their names alone share it."""
        host = host_of(can.device)
        device = f"{host}." if host and self._is_avoided(host) else ""
        kind = replace(can, device=device, dtype="", batch_pixels=0, clip_pixels=0)
        if kind not in self._fits:
            if len(self._fits) >= _MAX_REMEMBERED:
                self._fits.clear()
            self._fits[kind] = WorkerFit(kind)
        return self._fits[kind]

    def holders(self, model: str) -> int:
        """Return how many workers hold a model or are loading it."""
        return self._holders[model]

    def models(self) -> frozenset[str]:
        """Return the models that a worker holds or can load."""
        return frozenset().union(*map(models_of, self._connected.values()))

    def clip_pixels(self, model: str) -> int | None:
        """Return how many pixels a clip by a model may have at most, in all its frames; None: any.

        Nothing is known of a worker that is loading, nor of one that doesn't say it.
        """
        said = [can.clip_pixels for can in self._connected.values() if model in models_of(can)]
        return None if self._loading or 0 in said else max(said, default=None)

    def lacking(self, needs: JobNeeds) -> Text | None:
        """Return why a job waits for another worker; None where one can make it, or may yet."""
        if self._loading or not (self._connected or self.may_grow):
            return None
        if not self._connected:
            return _NOBODY
        return self.broken(needs.model) or needs.lacking(self._connected.values())

    def broken(self, model: str) -> Text | None:
        """Return why no worker can load a model; None where one may."""
        reason = self._broken.get(model)
        if reason is None or self._loading or model in self.models():
            return None
        return reason

    def _hold(self, device: str, model: str) -> None:
        self._holders[self._held.pop(device, "")] -= 1
        if model:
            self._held[device] = model
        self._holders[model] += 1
