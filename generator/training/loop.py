"""The training loop: updates, checkpoints, interrupts. Knows nothing of clips, pictures or models.

What is trained is a ``Task``. A step's randomness follows from its number, so everything that has
to be remembered is in a checkpoint: weights, optimiser, schedule, average and the number of steps.
Gradients are averaged over processes by hand, which leaves the network itself unwrapped.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from torch import Tensor, nn

from generator.contract.errors import CancelledError, OutOfMemoryError, TrainingError
from generator.training.optimizer import make_optimizer
from generator.training.run_directory import FACTS, STATE, RunDirectory, read_json, write_json
from generator.training.settings import LATEST, RunSettings

_AT_ONCE = 1.0  # seconds


class Task(Protocol):
    """What a loop trains. A place is a position in the global batch of a step."""

    base: str  # tells the model that is trained from others

    def parameters(self) -> list[nn.Parameter]:
        """Those that learn, in one order always."""

    def losses(self, step: int, places: range) -> Tensor:
        """A loss (b,) for each place, with gradients."""

    def names(self, step: int) -> Sequence[str]:
        """The sample at each place, as a person knows it."""

    def save(self, directory: Path) -> None:
        """Writes the weights as they are now, in files that can be used."""

    def load(self, directory: Path) -> None:
        """Takes them up again. Raises TrainingError for those of another model."""

    def learning_rates(self, base: float) -> list[float]:
        """One for each parameter."""


@dataclass(frozen=True, slots=True)
class Update:
    """What became of a step; ``done`` steps are done."""

    done: int
    loss: float
    learning_rate: float
    gradient_norm: float


class Watcher(Protocol):
    """Told of everything, on the main process alone."""

    def updated(self, update: Update) -> None: ...

    def saved(self, checkpoint: Path) -> None: ...

    def look(self, done: int) -> None:
        """It is time to look at what the weights now in the network make."""


class Loop:
    """Trains a task from where it stands to ``steps``."""

    def __init__(
        self,
        task: Task,
        settings: RunSettings,
        accelerator: Accelerator,
        run_directory: RunDirectory,
        watcher: Watcher,
        *,
        steps: int,
    ) -> None:
        self.task, self.settings, self.house = task, settings, run_directory
        self.accelerator, self.watcher, self.steps = accelerator, watcher, steps
        self.done = 0
        self.parameters = task.parameters()
        rates = task.learning_rates(_learning_rate(settings, accelerator.num_processes))
        self.optimizer = accelerator.prepare(make_optimizer(self.parameters, rates, settings))
        self.schedule = get_scheduler(
            settings.lr_scheduler,
            optimizer=self.optimizer,
            num_warmup_steps=settings.lr_warmup_steps,
            num_training_steps=steps,
        )
        self.average = _average(self.parameters, settings)

    def run(self) -> None:
        """To the end. Raises CancelledError on Ctrl-C, when everything is saved, and TrainingError
        for a loss that is no number."""
        saved = self.done if self.house.latest() else None
        if self.settings.run_validation_at_start and self.done == 0:
            self._look()
        with _interrupts() as asked_to_stop:
            while self.done < self.steps:
                with _memory_errors():
                    update = self._update()
                self._told(update)
                stopping = self._agreed(bool(asked_to_stop))
                if stopping or self._is_time_to_save():
                    self.save()
                    saved = self.done
                if stopping:
                    raise CancelledError(self._how_to_go_on())
                if self.done % self.settings.validate_every_steps == 0:
                    self._look()
        if saved != self.done:
            self.save()

    def save(self) -> None:
        """A checkpoint of now."""
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            limit = self.settings.checkpoints_total_limit
            self.watcher.saved(self.house.write(self.done, self._fill, keep=limit))
        self.accelerator.wait_for_everyone()

    def resume(self, checkpoint: Path) -> None:
        """Goes on from a checkpoint; with ``disable_optimizer_restore``, or from what is no
        checkpoint of a run, with its weights alone."""
        self.task.load(checkpoint)
        if self.settings.disable_optimizer_restore or not (checkpoint / STATE).is_file():
            self.average = _average(self.parameters, self.settings)
            return
        self._check_same_course(checkpoint)
        try:
            state = torch.load(checkpoint / STATE, weights_only=True, map_location="cpu")
        except Exception as error:
            raise TrainingError(
                f"{checkpoint / STATE} can't be read; go on from another checkpoint."
            ) from error
        self._restore(state, checkpoint)
        self.done = int(state["done"])

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The network has the averaged weights meanwhile, where an average is kept."""
        if self.average is None:
            yield
            return
        self.average.store(self.parameters)
        self.average.copy_to(self.parameters)
        try:
            yield
        finally:
            self.average.restore(self.parameters)

    def _update(self) -> Update:
        accumulated = self.settings.gradient_accumulation_steps
        rate = self.schedule.get_last_lr()[0]
        self.optimizer.zero_grad()
        seen: list[Tensor] = []
        for places in self._places():
            with self.accelerator.autocast():
                losses = self.task.losses(self.done, places)
            seen.append(self.accelerator.gather(losses.detach()))
            self._check_numbers(torch.cat(seen))
            self.accelerator.backward(losses.mean() / accumulated)
        norm = self._clipped_norm()
        self._check_norm(norm)
        self.optimizer.step()
        if not self.accelerator.optimizer_step_was_skipped:
            self.schedule.step()
        if self.average is not None:
            self.average.step(self.parameters)
        self.done += 1
        return Update(self.done, float(torch.cat(seen).double().mean()), rate, norm)

    def _places(self) -> Iterator[range]:
        """This process's part of each micro-batch of the global batch."""
        size, processes = self.settings.train_batch_size, self.accelerator.num_processes
        for turn in range(self.settings.gradient_accumulation_steps):
            start = (turn * processes + self.accelerator.process_index) * size
            yield range(start, start + size)

    def _clipped_norm(self) -> float:
        if self.accelerator.num_processes > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad = self.accelerator.reduce(parameter.grad, "mean")
        limit = self.settings.max_grad_norm or float("inf")
        return float(self.accelerator.clip_grad_norm_(self.parameters, limit))

    def _check_numbers(self, losses: Tensor) -> None:
        bad = (~losses.isfinite()).nonzero().flatten().tolist()
        if not bad:
            return
        names = self.task.names(self.done)
        raise self._no_number("loss", [names[place] for place in bad])

    def _check_norm(self, norm: float) -> None:
        """A scaler skips such a step by itself, and tries a smaller scale."""
        if self.accelerator.scaler is None and not math.isfinite(norm):
            raise self._no_number("gradient", self.task.names(self.done))

    def _no_number(self, what: str, names: Sequence[str]) -> TrainingError:
        culprits = list(dict.fromkeys(names))
        newest = self.house.latest()
        kept = f"the last checkpoint, {newest.name}, is as it was" if newest else "nothing is saved"
        where = "sample" if len(culprits) == 1 else "samples"
        return TrainingError(
            f"The {what} is no number at step {self.done + 1}, in the {where} "
            f"{', '.join(culprits[:3])}; {kept}. Look there, or lower --learning-rate."
        )

    def _is_time_to_save(self) -> bool:
        start, every = self.settings.save_starting_step, self.settings.save_n_steps
        return start > 0 and self.done >= start and (self.done - start) % every == 0

    def _agreed(self, stopping: bool) -> bool:
        """Whether any process was asked to stop: all have to do it after the same step."""
        if self.accelerator.num_processes == 1:
            return stopping
        asked = torch.tensor([float(stopping)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(asked, "sum") > 0)

    def _how_to_go_on(self) -> str:
        return (
            f"Stopped after step {self.done} of {self.steps} and saved; go on with "
            f"--unet-resume-path {LATEST}."
        )

    def _told(self, update: Update) -> None:
        if self.accelerator.is_main_process:
            self.watcher.updated(update)

    def _look(self) -> None:
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            with self.averaged():
                self.watcher.look(self.done)
        self.accelerator.wait_for_everyone()

    def _fill(self, directory: Path) -> None:
        with self.averaged():
            self.task.save(directory)
        scaler = self.accelerator.scaler
        state: dict[str, Any] = {
            "done": self.done,
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": scaler.state_dict() if scaler else {},
            # What is saved for use is the average; training goes on from these.
            "weights": [value.detach().cpu() for value in self.parameters] if self.average else [],
            "average": self.average.state_dict() if self.average else {},
        }
        torch.save(state, directory / STATE)
        write_json(directory / FACTS, {"step": self.done, "base": self.task.base, **self._course()})

    def _course(self) -> dict[str, Any]:
        """What a run that goes on must have as it was, to see what it would have seen."""
        settings = self.settings
        return {
            "seed": settings.seed,
            "global_batch": settings.batch(self.accelerator.num_processes),
            "use_ema": settings.use_ema,
        }

    def _check_same_course(self, checkpoint: Path) -> None:
        facts = read_json(checkpoint / FACTS)
        for name, value in self._course().items():
            if facts.get(name) != value:
                raise TrainingError(
                    f"{checkpoint.name} was made with {name.replace('_', ' ')} = "
                    f"{facts.get(name)}, and this run has {value}; give the same, or take its "
                    "weights alone with --disable-optimizer-restore, into another --output-dir."
                )
        if facts.get("base", self.task.base) != self.task.base:
            raise TrainingError(
                f"{checkpoint.name} was made with another model; go on with that one, or give "
                "another --output-dir."
            )

    def _restore(self, state: dict[str, Any], checkpoint: Path) -> None:
        try:
            self.optimizer.load_state_dict(state["optimizer"])
            self.schedule.load_state_dict(state["schedule"])
            if self.accelerator.scaler and state["scaler"]:
                self.accelerator.scaler.load_state_dict(state["scaler"])
            with torch.no_grad():
                for parameter, value in zip(self.parameters, state["weights"], strict=False):
                    parameter.copy_(value)
            if self.average is not None:
                self.average.load_state_dict(state["average"])
                self.average.to(self.accelerator.device)
        except (KeyError, ValueError, RuntimeError) as error:
            raise TrainingError(
                f"{checkpoint.name} belongs to a run of another kind ({error}); take its weights "
                "alone with --disable-optimizer-restore, into another --output-dir."
            ) from error


def _learning_rate(settings: RunSettings, processes: int) -> float:
    if not settings.scale_lr:
        return settings.learning_rate
    return settings.learning_rate * settings.batch(processes)


def _average(parameters: list[nn.Parameter], settings: RunSettings) -> EMAModel | None:
    return EMAModel(parameters, decay=settings.ema_decay) if settings.use_ema else None


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(
            "There is not enough memory for a step; lower --train-batch-size and raise "
            "--gradient-accumulation-steps, or use --gradient-checkpointing and --mixed-precision."
        ) from error


@contextmanager
def _interrupts() -> Iterator[list[float]]:
    """Ctrl-C and SIGTERM are noted, so that a step can end; a second Ctrl-C is not waited for.

    A launcher passes on at once what its processes got themselves, so that doesn't count as one.
    """
    seen: list[float] = []

    def note(number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if seen and number == signal.SIGINT and now - seen[0] > _AT_ONCE:
            raise KeyboardInterrupt
        seen.append(now)

    signals = (signal.SIGINT, signal.SIGTERM)
    before: list[tuple[int, Callable[..., Any] | int | None]] = [
        (number, signal.signal(number, note)) for number in signals
    ]
    try:
        yield seen
    finally:
        for number, handler in before:
            signal.signal(number, handler)
