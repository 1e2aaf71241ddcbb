"""What workers say of themselves: that they load a model, are ready, can't be used, or are gone.

The half of ``bot.workers.work.Work`` that is about no single job; ``bot.jobs.service`` has the
other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.model_settings import label_of
from bot.jobs.availability import Availability
from bot.jobs.background import BackgroundTasks
from bot.jobs.completion import JobCompleter
from bot.jobs.cost_history import CostHistory
from bot.jobs.estimator import JobEstimator
from bot.jobs.needs import JobNeeds
from bot.jobs.notifier import Notifier
from bot.jobs.queue import FairQueue, Ticket
from bot.jobs.roster import WorkerRoster
from bot.jobs.store import JobStore
from generator.contract.errors import Failure
from generator.contract.messages import Capabilities, LoadableModel
from generator.contract.text import NO_TEXT, Text


class WorkerEvents:
    """Tells what the workers say to those who go by it, and the bot's owner of trouble."""

    def __init__(
        self,
        *,
        roster: WorkerRoster,
        estimator: JobEstimator,
        availability: Availability,
        completer: JobCompleter,
        queue: FairQueue,
        store: JobStore,
        notifier: Notifier,
        cost_history: CostHistory,
        tasks: BackgroundTasks,
        learn_models: Callable[[Sequence[LoadableModel]], None],
    ) -> None:
        self._roster = roster
        self._estimator = estimator
        self._availability = availability
        self._completer = completer
        self._queue = queue
        self._store = store
        self._notifier = notifier
        self._cost_history = cost_history
        self._tasks = tasks
        self._learn_models = learn_models

    def worker_loading(self, device: str) -> None:
        """Note that a worker has started, and loads the model."""
        self._estimator.worker_loading(device)
        self._roster.worker_loading(device)

    def worker_changing(self, device: str, ticket: Ticket) -> None:
        """Note that a worker is about to load the model of a ticket that it has drawn."""
        self._roster.worker_changing(device, ticket.needs.model)
        self._estimator.worker_changing(device, ticket.job_id)

    def worker_ready(self, device: str, capabilities: Capabilities) -> None:
        """Note that a worker is ready, so jobs can be made."""
        self._learn_models(capabilities.models)
        self._roster.worker_ready(device, capabilities)
        self._availability.reason = NO_TEXT
        model = capabilities.model
        if (seconds := self._estimator.worker_ready(device, model)) is not None:
            self._tasks.start(self._cost_history.learn_loading(model, device, seconds))

    def model_broken(self, device: str, model: str, failure: Failure) -> None:
        """Note that a worker can't load a model; where none can, its jobs are failed."""
        reason = Text(
            "The model {model} can't be used at the moment. {reason}",
            model=label_of(model),
            reason=failure.text,
        )
        self._roster.model_broken(device, model, reason)
        words = Text("{reason} The other models carry on.", reason=reason)
        self._alert(words)
        if self._roster.broken(model) is not None:
            ended = Failure(failure.kind, reason, is_retryable=True)
            self._fail_waiting(ended, lambda needs: needs.model == model)

    def worker_removed(self, device: str) -> None:
        """Note that a worker's host went away: what waits goes on waiting, and says for what."""
        self._roster.worker_gone(device)
        self._estimator.worker_gone(device)
        self._availability.reason = NO_TEXT

    def workers_may_come(self) -> None:
        """Have jobs wait where there is no worker, since hosts come and go."""
        self._roster.may_grow = True

    def worker_unavailable(self, device: str, failure: Failure) -> None:
        """Tell the bot's owner alone: one device can't work, but others can."""
        self._roster.worker_gone(device)
        words = Text(
            "The generator on {device} can't work; the other devices carry on. {reason}",
            device=device,
            reason=failure.text,
        )
        self._alert(words)

    def all_workers_unavailable(self, failure: Failure) -> None:
        """Refuse new jobs for now: nobody can make anything, and those who wait go on waiting."""
        if (news := self._availability.note_unavailable(failure.text)) is not None:
            self._alert(news)

    def all_workers_failed(self, failure: Failure) -> None:
        """Fail all that wait: nobody can make anything till somebody mends it."""
        self.all_workers_unavailable(failure)
        # once it is mended, the same request can be made
        ended = Failure(failure.kind, self._availability.reason, is_retryable=True)
        self._fail_waiting(ended)

    def _fail_waiting(
        self, ended: Failure, is_meant: Callable[[JobNeeds], bool] = lambda _: True
    ) -> None:
        for ticket in self._queue.drain(is_meant):
            if (job := self._store.get(ticket.job_id)) is not None:
                self._tasks.start_for(job, self._completer.fail(job, ended))

    def _alert(self, words: Text) -> None:
        self._tasks.start(self._notifier.alert(str(words)))
