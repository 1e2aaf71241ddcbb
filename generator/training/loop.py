"""The training loop: steps, checkpoints, interrupts. Knows nothing of clips, pictures or models.

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
from torch import Tensor, nn

from generator.contract.errors import (
    CancelledError,
    OutOfMemoryError,
    TrainingError,
    is_out_of_memory,
)
from generator.training.optimizer import Optimizer, base_learning_rate
from generator.training.run_directory import FACTS, STATE, RunDirectory, read_json, write_json
from generator.training.settings import LATEST, RunSettings

_SAME_INTERRUPT_SECONDS = 1.0


class Task(Protocol):
    """What a loop trains. A position is an index in the global batch of a step."""

    fingerprint: str  # tells the model that is trained from others

    def parameters(self) -> list[nn.Parameter]:
        """Return the parameters that learn, in one order always."""

    def losses(self, step: int, positions: range) -> Tensor:
        """Return a loss (b,) for each position, with gradients."""

    def sample_names(self, step: int) -> Sequence[str]:
        """Return the sample's name at each position, as a person knows it."""

    def save(self, directory: Path) -> None:
        """Write the weights as they are now, in files that can be used."""

    def load(self, directory: Path) -> None:
        """Load the weights again. Raises TrainingError for those of another model."""

    def learning_rates(self, base_rate: float) -> list[float]:
        """Return a learning rate for each parameter."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """The figures of a step, after which ``done`` steps are done."""

    done: int
    loss: float
    learning_rate: float
    gradient_norm: float


class TrainingCallbacks(Protocol):
    """Called after whatever happens in a run, on the main process alone."""

    def on_step(self, result: StepResult) -> None: ...

    def on_checkpoint(self, checkpoint: Path) -> None: ...

    def on_validation(self, done: int) -> None:
        """Show what the weights that are in the network now make."""


class Loop:
    """Trains a task from where it stands to ``steps``."""

    def __init__(
        self,
        task: Task,
        settings: RunSettings,
        accelerator: Accelerator,
        run_directory: RunDirectory,
        callbacks: TrainingCallbacks,
        *,
        steps: int,
    ) -> None:
        self.task, self.settings, self.run_directory = task, settings, run_directory
        self.accelerator, self.callbacks, self.steps = accelerator, callbacks, steps
        self.done = 0
        self.parameters = task.parameters()
        rates = task.learning_rates(base_learning_rate(settings, accelerator.num_processes))
        self.optimizer = Optimizer(self.parameters, rates, settings, accelerator, steps=steps)

    def run(self) -> None:
        """Train to the end.

        Raises CancelledError on Ctrl-C, when everything is saved, and TrainingError for a loss
        that is no number.
        """
        saved = self.done if self.run_directory.latest_checkpoint() else None
        if self.settings.run_validation_at_start and self.done == 0:
            self._validate()
        with _defer_interrupts() as interrupts:
            while self.done < self.steps:
                with _translate_memory_errors():
                    result = self._train_step()
                self._report_step(result)
                stopping = self._any_process_asked(bool(interrupts))
                if stopping or self._is_time_to_save():
                    self.save()
                    saved = self.done
                if stopping:
                    raise CancelledError(self._resume_hint())
                if self.done % self.settings.validate_every_steps == 0:
                    self._validate()
        if saved != self.done:
            self.save()

    def save(self) -> None:
        """Write a checkpoint of now."""
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            limit = self.settings.checkpoints_total_limit
            self.callbacks.on_checkpoint(
                self.run_directory.write_checkpoint(self.done, self._write_checkpoint, keep=limit)
            )
        self.accelerator.wait_for_everyone()

    def resume(self, checkpoint: Path) -> None:
        """Go on from a checkpoint. Raises TrainingError for one of another run or model.

        With ``disable_optimizer_restore``, or from what is no checkpoint of a run, only its
        weights are taken.
        """
        self.task.load(checkpoint)
        if self.settings.disable_optimizer_restore or not (checkpoint / STATE).is_file():
            self.optimizer.restart_ema()
            return
        self._check_invariants(checkpoint)
        try:
            state = torch.load(checkpoint / STATE, weights_only=True, map_location="cpu")
        except Exception as error:  # the unpickler raises whatever it likes for a damaged file
            raise TrainingError(
                f"{checkpoint / STATE} can't be read; resume from another checkpoint."
            ) from error
        try:
            self.optimizer.load_state_dict(state)
        except (KeyError, ValueError, RuntimeError) as error:
            raise TrainingError(
                f"{checkpoint.name} belongs to a run of another kind ({error}); take its weights "
                "alone with --disable-optimizer-restore, into another --output-dir."
            ) from error
        self.done = int(state["done"])

    def _train_step(self) -> StepResult:
        accumulation_steps = self.settings.gradient_accumulation_steps
        rate = self.optimizer.learning_rate
        self.optimizer.zero_grad()
        seen: list[Tensor] = []
        for positions in self._micro_batches():
            with self.accelerator.autocast():
                losses = self.task.losses(self.done, positions)
            seen.append(self.accelerator.gather(losses.detach()))
            self._check_finite_losses(torch.cat(seen))
            self.accelerator.backward(losses.mean() / accumulation_steps)
        norm = self._clip_gradients()
        self._check_finite_gradient(norm)
        self.optimizer.step()
        self.done += 1
        return StepResult(self.done, float(torch.cat(seen).double().mean()), rate, norm)

    def _micro_batches(self) -> Iterator[range]:
        """Yield this process's positions in each micro-batch of the global batch."""
        size, processes = self.settings.train_batch_size, self.accelerator.num_processes
        for turn in range(self.settings.gradient_accumulation_steps):
            start = (turn * processes + self.accelerator.process_index) * size
            yield range(start, start + size)

    def _clip_gradients(self) -> float:
        if self.accelerator.num_processes > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad = self.accelerator.reduce(parameter.grad, "mean")
        limit = self.settings.max_grad_norm or float("inf")
        return float(self.accelerator.clip_grad_norm_(self.parameters, limit))

    def _check_finite_losses(self, losses: Tensor) -> None:
        bad = (~losses.isfinite()).nonzero().flatten().tolist()
        if not bad:
            return
        names = self.task.sample_names(self.done)
        raise self._not_finite("loss", [names[position] for position in bad])

    def _check_finite_gradient(self, norm: float) -> None:
        """Check the norm; not where a scaler skips a bad step, and tries a smaller scale."""
        if self.accelerator.scaler is None and not math.isfinite(norm):
            raise self._not_finite("gradient", self.task.sample_names(self.done))

    def _not_finite(self, what: str, names: Sequence[str]) -> TrainingError:
        culprits = list(dict.fromkeys(names))
        newest = self.run_directory.latest_checkpoint()
        kept = f"the last checkpoint, {newest.name}, is as it was" if newest else "nothing is saved"
        where = "sample" if len(culprits) == 1 else "samples"
        return TrainingError(
            f"The {what} isn't a number at step {self.done + 1}, in the {where} "
            f"{', '.join(culprits[:3])}; {kept}. Look there, or lower --learning-rate."
        )

    def _is_time_to_save(self) -> bool:
        start, every = self.settings.save_starting_step, self.settings.save_n_steps
        return start > 0 and self.done >= start and (self.done - start) % every == 0

    def _any_process_asked(self, stopping: bool) -> bool:
        """Return whether any process was asked to stop: all have to do it after the same step."""
        if self.accelerator.num_processes == 1:
            return stopping
        asked = torch.tensor([float(stopping)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(asked, "sum") > 0)

    def _resume_hint(self) -> str:
        return (
            f"Stopped after step {self.done} of {self.steps} and saved; resume with "
            f"--unet-resume-path {LATEST}."
        )

    def _report_step(self, result: StepResult) -> None:
        if self.accelerator.is_main_process:
            self.callbacks.on_step(result)

    def _validate(self) -> None:
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            with self.optimizer.ema_weights():
                self.callbacks.on_validation(self.done)
        self.accelerator.wait_for_everyone()

    def _write_checkpoint(self, directory: Path) -> None:
        with self.optimizer.ema_weights():
            self.task.save(directory)
        _save_state({"done": self.done, **self.optimizer.state_dict()}, directory / STATE)
        write_json(
            directory / FACTS,
            {"step": self.done, "base": self.task.fingerprint, **self._resume_invariants()},
        )

    def _resume_invariants(self) -> dict[str, Any]:
        """Return what a run that goes on must have as it was, to see what it would have seen."""
        settings = self.settings
        return {
            "seed": settings.seed,
            "global_batch": settings.batch(self.accelerator.num_processes),
            "use_ema": settings.use_ema,
        }

    def _check_invariants(self, checkpoint: Path) -> None:
        facts = read_json(checkpoint / FACTS)
        for name, value in self._resume_invariants().items():
            if facts.get(name) != value:
                raise TrainingError(
                    f"{checkpoint.name} was made with {name.replace('_', ' ')} = "
                    f"{facts.get(name)}, and this run has {value}; give the same, or take its "
                    "weights alone with --disable-optimizer-restore, into another --output-dir."
                )
        if facts.get("base", self.task.fingerprint) != self.task.fingerprint:
            raise TrainingError(
                f"{checkpoint.name} was made with another model; resume with that one, or give "
                "another --output-dir."
            )


def _save_state(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint's state. Raises OSError where the disk is full."""
    try:
        torch.save(state, path)
    except RuntimeError as error:
        if "inline_container" not in str(error):  # torch's own writer, in its own words
            raise
        raise OSError("the disk is full, or refuses") from error


@contextmanager
def _translate_memory_errors() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            "There is not enough memory for a step; lower --train-batch-size and raise "
            "--gradient-accumulation-steps, or use --gradient-checkpointing and --mixed-precision."
        ) from error


@contextmanager
def _defer_interrupts() -> Iterator[list[float]]:
    """Note Ctrl-C and SIGTERM, so that a step can end; a second Ctrl-C is not waited for.

    A launcher passes on at once what its processes got themselves, so that doesn't count as one.
    """
    seen: list[float] = []

    def note(number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if seen and number == signal.SIGINT and now - seen[0] > _SAME_INTERRUPT_SECONDS:
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
