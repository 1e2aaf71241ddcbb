"""Which model a device's worker is started with, for which ticket, and which can't be loaded there.

A worker holds one model. To change it, the supervisor ends the worker's process and starts one with
other settings. A model that can't be loaded is left alone where there is another. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.core.errors import WorkerDiedError, WorkerStartError
from bot.jobs.queue import Ticket
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Capabilities
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class GivenUpModel:
    """A model that couldn't be loaded, and why."""

    model: str
    failure: Failure


class ModelChoice:
    """``settings`` are those of the worker that there is, or is to be next."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self._ticket: Ticket | None = None  # drawn; its model is to be loaded
        self._capabilities: Capabilities | None = None  # of the last worker, as it said them
        self._broken: set[str] = set()

    @property
    def capabilities(self) -> Capabilities:
        """What the worker can do, without models that can't be loaded."""
        if self._capabilities is None:
            raise RuntimeError("no worker was ready yet")
        models = self._capabilities.models
        able = tuple(each for each in models if each.name not in self._broken)
        return replace(self._capabilities, models=able)

    def note_ready(self, can: Capabilities) -> None:
        """Note what the worker says that it can do, now that its model is loaded.

        Raises WorkerStartError where that isn't the model that it was to change to.
        """
        if self._ticket is not None and can.model != self.settings.model_name:
            text = Text(
                "The worker on {device} holds {held} rather than {wanted}.",
                device=can.device,
                held=can.model,
                wanted=self.settings.model_name,
            )
            raise WorkerStartError(Failure(FailureKind.MODEL, text))
        self._capabilities = can
        self._broken.discard(can.model)

    def change_for(self, ticket: Ticket) -> bool:
        """Have the next worker load a ticket's model, where this one holds another; say whether."""
        wanted = ticket.needs.model
        if wanted in ("", self.capabilities.model):
            return False
        self._ticket = ticket
        self.settings = self.settings.loading(wanted)
        return True

    @property
    def has_ticket(self) -> bool:
        """Whether the model was changed for a ticket that waits for that."""
        return self._ticket is not None

    def take_ticket(self) -> Ticket | None:
        """Return the ticket that the model was changed for, once."""
        ticket, self._ticket = self._ticket, None
        return ticket

    def give_up(
        self, error: WorkerStartError | WorkerDiedError, *, was_changing: bool
    ) -> GivenUpModel | None:
        """Choose another model after a start that failed; None where this one is to be tried again.

        A process that is killed as it changes may have been too large. As the first one starts,
        that is bad luck yet.
        """
        model = self.settings.model_name
        others = [
            each.name
            for each in self.settings.models
            if each.name != model and each.name not in self._broken
        ]
        is_lost = error.kind is FailureKind.LOST_HOST
        is_bad_luck = isinstance(error, WorkerDiedError) and not was_changing
        if is_lost or is_bad_luck or not others:
            return None
        self._broken.add(model)
        held = self._capabilities.model if self._capabilities else ""
        self.settings = self.settings.loading(held if held in others else others[0])
        return GivenUpModel(model, _failure(error))

    def mend(self, model: str) -> None:
        """Let a model that couldn't be loaded be tried again."""
        self._broken.discard(model)


def _failure(error: WorkerStartError | WorkerDiedError) -> Failure:
    """Return why a model couldn't be loaded."""
    if isinstance(error, WorkerStartError):
        return error.failure
    text = Text(
        "The generator process crashes while loading it ({reason}); the bot's log says more.",
        reason=error.reason,
    )
    return Failure.of(error, text)
