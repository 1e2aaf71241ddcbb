"""One stage of nano's training: an optimiser, a learning-rate curve, an average, checkpoints.

Chance at a step depends on the seed and the step alone, and a checkpoint has all else that a step
depends on: so a stage that was killed goes on as if it had not been, its log too. Knows nothing of
what is trained.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from tools.nano.bucket_steps import GraphSteps, HalvedSteps, PlainSteps, StepMaker, is_halved
from tools.nano.muon import Muon
from tools.nano.parts import PartOverError, is_part_over
from tools.nano.run_log import RunLog
from tools.nano.step_inputs import BucketLoss, StepRng

CHECKPOINT_SECONDS = 180
LOG_STEPS = 100


def is_needed(directory: Path, name: str, steps: int) -> bool:
    """Return whether a stage has steps to make, or a checkpoint of what it has learnt."""
    return steps > 0 or _checkpoint_of(directory, name).exists()


def _checkpoint_of(directory: Path, name: str) -> Path:
    return directory / f"{name}.pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStage:
    """Trains ``model`` and leaves the average of its weights in it.

    ``parameters`` are those that learn; the rest of the model stays frozen. With a
    ``matrix_rate`` Muon takes their matrices at that learning rate, and AdamW the rest.
    """

    name: str
    model: nn.Module
    parameters: list[nn.Parameter]
    steps: int
    learning_rate: float
    seed: int
    directory: Path
    matrix_rate: float = 0.0
    warmup: int = 100
    average_decay: float = 0.998
    weight_decay: float = 0.0

    def run(self, loss_at: Callable[[int, StepRng], torch.Tensor]) -> None:
        """Train to the last step, or go on from the last checkpoint."""
        self._run(lambda trainer: partial(self._plain_step, trainer, loss_at))

    def run_buckets(self, loss: BucketLoss) -> None:
        """Train as ``run`` does, on batches of buckets.

        On a GPU a step is one CUDA graph, on two processor cores each has half of its batch.
        """
        with ExitStack() as stack:
            self._run(lambda trainer: self._bucket_steps(trainer, loss, stack))

    def _bucket_steps(
        self, trainer: Trainer, loss: BucketLoss, stack: ExitStack
    ) -> Callable[[int], torch.Tensor]:
        maker = StepMaker(self.name, self.seed, self.parameters, loss, trainer)
        if self.device.type == "cuda":
            return GraphSteps(maker)
        if is_halved():
            return stack.enter_context(HalvedSteps.of(maker, self.model))
        return PlainSteps(maker)

    @property
    def device(self) -> torch.device:
        return self.parameters[0].device

    def _plain_step(
        self, trainer: Trainer, loss_at: Callable[[int, StepRng], torch.Tensor], step: int
    ) -> torch.Tensor:
        loss = loss_at(step, StepRng.at(self.name, self.seed, step, self.device))
        trainer.update(loss)
        return loss.detach()

    def _run(self, make_step: Callable[[Trainer], Callable[[int], torch.Tensor]]) -> None:
        if self.load_average() >= self.steps:
            return
        trainer = Trainer(self, self._optimizers(), AveragedModel(self.model, use_buffers=True))
        start = self._resume(trainer)
        take_step = make_step(trainer)
        run_log = RunLog(self.directory, self.name)
        run_log.forget_after(start)
        saved = time.monotonic()
        bar = tqdm(
            range(start, self.steps), self.name, initial=start, total=self.steps, mininterval=5
        )
        for step in bar:
            trainer.set_rates(self._lr_factor(step), self._decay(step))
            trainer.losses.append(take_step(step).clone())
            if (step + 1) % LOG_STEPS == 0:
                mean = torch.stack(trainer.losses).mean().item()
                run_log.add(step + 1, mean, trainer.seconds)
                bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
                trainer.losses.clear()
            is_over = is_part_over()
            if is_over or time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save(step + 1, trainer)
                saved = time.monotonic()
            if is_over:
                raise PartOverError(f"{self.name}: {step + 1} of {self.steps} steps are made")
        run_log.finish(self.steps, trainer.seconds)
        self.model.load_state_dict(trainer.average.module.state_dict())
        self._save(self.steps, trainer, is_finished=True)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        matrices = [value for value in self.parameters if value.ndim > 1 and self.matrix_rate]
        taken = set(map(id, matrices))
        rest = [value for value in self.parameters if id(value) not in taken]
        is_cuda = self.device.type == "cuda"
        optimizers: list[torch.optim.Optimizer] = []
        if rest:
            optimizers.append(
                torch.optim.AdamW(
                    rest, self.learning_rate, betas=(0.9, 0.99), weight_decay=self.weight_decay,
                    capturable=is_cuda, foreach=is_cuda,
                )
            )  # fmt: skip
        if matrices:
            optimizers.append(Muon(matrices, self.matrix_rate))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
                if is_cuda:  # a captured step reads it where it lies
                    group["lr"] = torch.tensor(group["lr"], device=self.device)
        return optimizers

    def _decay(self, step: int) -> float:
        """Return the decay of an exponential average that forgets the untrained start."""
        return min(self.average_decay, (1 + step) / (10 + step))

    def load_average(self) -> int:
        """Load the last checkpoint's average into the model; return its step, or 0."""
        if not self._checkpoint.exists():
            return 0
        state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["average"])
        return int(state["step"])

    @property
    def _checkpoint(self) -> Path:
        return _checkpoint_of(self.directory, self.name)

    def _lr_factor(self, step: int) -> float:
        """Return the share of the learning rate: a short rise, then half a cosine down."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return rise * max(fall, 0.02)

    def _resume(self, trainer: Trainer) -> int:
        if not self._checkpoint.exists():
            return 0
        state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
        if state["of"] != self.steps:  # learning rates would jump
            raise ValueError(
                f"{self.name} was begun with {state['of']} steps, and goes on with as many: "
                f"give --steps {self.name}={state['of']}, or remove {self._checkpoint}."
            )
        self.model.load_state_dict(state["model"])
        trainer.average.module.load_state_dict(state["average"])
        for optimizer, kept in zip(trainer.optimizers, state["optimizers"], strict=True):
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(kept)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
        trainer.losses = list(state["losses"])
        trainer.seconds_before = float(state["seconds"])
        return int(state["step"])

    def _save(self, step: int, trainer: Trainer, *, is_finished: bool = False) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        state = {"step": step, "of": self.steps, "average": trainer.average.module.state_dict()}
        if not is_finished:
            kept = [optimizer.state_dict() for optimizer in trainer.optimizers]
            state |= {"model": self.model.state_dict(), "optimizers": kept}
            state |= {"losses": trainer.losses, "seconds": trainer.seconds}
        unfinished = self._checkpoint.with_suffix(".tmp")
        torch.save(state, unfinished)
        unfinished.replace(self._checkpoint)


class Trainer:
    """What changes from step to step beside the model: optimisers, their rates, the average.

    ``losses`` are those since the log's last line, ``seconds`` the processor's over all parts.
    """

    def __init__(
        self,
        stage: TrainingStage,
        optimizers: list[torch.optim.Optimizer],
        average: AveragedModel,
    ) -> None:
        self.optimizers = optimizers
        self.average = average
        self.losses: list[torch.Tensor] = []
        self.seconds_before = 0.0
        self._began = time.process_time()
        self._stage = stage
        self._keep = torch.zeros((), device=stage.device)  # the share of the new weights
        learnt = {id(value) for value in stage.parameters}
        pairs = zip(average.module.parameters(), stage.model.parameters(), strict=True)
        self._averaged = [pair for pair in pairs if id(pair[1]) in learnt]

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.process_time() - self._began

    def set_rates(self, factor: float, decay: float) -> None:
        """Set the learning rates and the average's decay of the next step."""
        self._keep.fill_(1 - decay)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                rate = group["initial_lr"] * factor
                if isinstance(group["lr"], torch.Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate

    def update(self, loss: torch.Tensor) -> None:
        """Take a step down the loss, and the average after it."""
        for parameter in self._stage.parameters:
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        self.apply_gradients()

    def apply_gradients(self) -> None:
        """Take a step by the gradients that the parameters have, and the average after it."""
        torch.nn.utils.clip_grad_norm_(self._stage.parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self._update_average()

    def settle(self) -> None:
        """Make every optimiser's state, as it is before the first step."""
        fresh = [one for one in self.optimizers if not one.state]
        self.set_rates(0.0, 1.0)
        for parameter in self._stage.parameters:
            parameter.grad = torch.zeros_like(parameter)
        for optimizer in fresh:
            optimizer.step()
            for state in optimizer.state.values():
                for value in state.values():
                    value.zero_()

    @torch.no_grad()
    def _update_average(self) -> None:
        means, values = zip(*self._averaged, strict=True)
        changes = torch._foreach_sub(values, means)
        torch._foreach_mul_(changes, self._keep)
        torch._foreach_add_(means, changes)
