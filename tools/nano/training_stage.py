"""One stage of nano's training: an optimiser, a learning-rate curve, an average, checkpoints.

Chance at a step depends on the seed and the step alone, so an interrupted stage goes on as if it
had not been. Knows nothing of what is trained.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from tools.nano.geometries import Bucket
from tools.nano.machine import CPU
from tools.nano.muon import Muon

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 180
LOG_STEPS = 100

WARMUPS = 2  # passes before one is captured: libraries choose their algorithms in these

Device = torch.device


@dataclass(frozen=True, slots=True)
class StepRng:
    """The randomness of one step."""

    numpy: np.random.Generator
    torch: torch.Generator

    @classmethod
    def at(cls, stage: str, seed: int, step: int, device: Device = CPU) -> StepRng:
        numpy = np.random.default_rng([seed, step, *stage.encode()])
        generator = torch.Generator(device).manual_seed(int(numpy.integers(2**62)))
        return cls(numpy, generator)


@dataclass(frozen=True, slots=True)
class RandomInputs:
    """All the randomness of a step on its device: even numbers from 0 to 1, and normal ones."""

    even: torch.Tensor
    normal: torch.Tensor

    def fill(self, generator: torch.Generator) -> None:
        self.even.uniform_(generator=generator)
        self.normal.normal_(generator=generator)


class BucketLoss(Protocol):
    """A loss whose tensors have the same shapes at every step of a bucket."""

    def choose(self, step: int, rng: np.random.Generator) -> Bucket:
        """Return the bucket that a step's clips are of."""

    def make_inputs(self, bucket: Bucket) -> RandomInputs:
        """Make room for the random numbers of a step."""

    def __call__(self, bucket: Bucket, inputs: RandomInputs) -> torch.Tensor:
        """Return the loss; on a GPU nothing in here may wait for the device."""


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
        """Train as ``run`` does, on batches of buckets; on a GPU a step is one CUDA graph."""
        steps_of = _GraphSteps if self.device.type == "cuda" else _PlainSteps
        self._run(lambda trainer: steps_of(self, trainer, loss))

    @property
    def device(self) -> torch.device:
        return self.parameters[0].device

    def _plain_step(
        self, trainer: _Trainer, loss_at: Callable[[int, StepRng], torch.Tensor], step: int
    ) -> torch.Tensor:
        loss = loss_at(step, StepRng.at(self.name, self.seed, step, self.device))
        trainer.update(loss)
        return loss.detach()

    def _run(self, make_step: Callable[[_Trainer], Callable[[int], torch.Tensor]]) -> None:
        if self.load_average() >= self.steps:
            return
        trainer = _Trainer(self, self._optimizers(), AveragedModel(self.model, use_buffers=True))
        start = self._resume(trainer)
        take_step = make_step(trainer)
        saved = time.monotonic()
        began = time.process_time()
        losses: list[torch.Tensor] = []
        bar = tqdm(
            range(start, self.steps), self.name, initial=start, total=self.steps, mininterval=5
        )
        for step in bar:
            trainer.set_rates(self._lr_factor(step), self._decay(step))
            losses.append(take_step(step).clone())
            if (step + 1) % LOG_STEPS == 0:
                mean = torch.stack(losses[-LOG_STEPS:]).mean().item()
                log.info("%s step %d loss %.5f", self.name, step + 1, mean)
                bar.set_postfix(loss=f"{mean:.4f}", refresh=False)
                losses.clear()
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save(step + 1, trainer)
                saved = time.monotonic()
        seconds = time.process_time() - began
        log.info("%s took %.0f processor seconds for %d steps", self.name, seconds, len(bar))
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
        return self.directory / f"{self.name}.pt"

    def _lr_factor(self, step: int) -> float:
        """Return the share of the learning rate: a short rise, then half a cosine down."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return rise * max(fall, 0.02)

    def _resume(self, trainer: _Trainer) -> int:
        if not self._checkpoint.exists():
            return 0
        state = torch.load(self._checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        trainer.average.module.load_state_dict(state["average"])
        for optimizer, kept in zip(trainer.optimizers, state["optimizers"], strict=True):
            rates = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(kept)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
        return int(state["step"])

    def _save(self, step: int, trainer: _Trainer, *, is_finished: bool = False) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        state = {"step": step, "average": trainer.average.module.state_dict()}
        if not is_finished:
            kept = [optimizer.state_dict() for optimizer in trainer.optimizers]
            state |= {"model": self.model.state_dict(), "optimizers": kept}
        unfinished = self._checkpoint.with_suffix(".tmp")
        torch.save(state, unfinished)
        unfinished.replace(self._checkpoint)


class _Trainer:
    """What changes from step to step beside the model: optimisers, their rates, the average."""

    def __init__(
        self,
        stage: TrainingStage,
        optimizers: list[torch.optim.Optimizer],
        average: AveragedModel,
    ) -> None:
        self.optimizers = optimizers
        self.average = average
        self._stage = stage
        self._keep = torch.zeros((), device=stage.device)  # the share of the new weights
        learnt = {id(value) for value in stage.parameters}
        pairs = zip(average.module.parameters(), stage.model.parameters(), strict=True)
        self._averaged = [pair for pair in pairs if id(pair[1]) in learnt]

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


class _PlainSteps:
    """Takes steps of a bucket's loss one operation after another."""

    def __init__(self, stage: TrainingStage, trainer: _Trainer, loss: BucketLoss) -> None:
        self._stage, self._trainer, self._loss = stage, trainer, loss

    def __call__(self, step: int) -> torch.Tensor:
        stage = self._stage
        step_rng = StepRng.at(stage.name, stage.seed, step, stage.device)
        bucket = self._loss.choose(step, step_rng.numpy)
        inputs = self._loss.make_inputs(bucket)
        inputs.fill(step_rng.torch)
        loss = self._loss(bucket, inputs)
        self._trainer.update(loss)
        return loss.detach()


@dataclass(frozen=True, slots=True)
class _Captured:
    """A whole step of a bucket as a CUDA graph, and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: RandomInputs
    loss: torch.Tensor


class _GraphSteps:
    """Takes steps by replaying CUDA graphs: thousands of small kernels without waiting for Python.

    A graph is captured at the first step of its bucket. Chance is drawn outside, by the step's own
    seed, so a step is the same after a restart.
    """

    def __init__(self, stage: TrainingStage, trainer: _Trainer, loss: BucketLoss) -> None:
        self._stage, self._trainer, self._loss = stage, trainer, loss
        self._captured: dict[Bucket, _Captured] = {}
        trainer.settle()

    def __call__(self, step: int) -> torch.Tensor:
        stage = self._stage
        step_rng = StepRng.at(stage.name, stage.seed, step, stage.device)
        bucket = self._loss.choose(step, step_rng.numpy)
        if bucket not in self._captured:
            self._captured[bucket] = self._capture(bucket)
        captured = self._captured[bucket]
        captured.inputs.fill(step_rng.torch)
        captured.graph.replay()
        return captured.loss

    def _capture(self, bucket: Bucket) -> _Captured:
        inputs = self._loss.make_inputs(bucket)
        inputs.fill(torch.Generator(self._stage.device).manual_seed(0))
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMUPS):
                loss = self._loss(bucket, inputs)
                torch.autograd.grad(loss, self._stage.parameters, allow_unused=True)
        torch.cuda.current_stream().wait_stream(side)
        pool = next(iter(self._captured.values())).graph.pool() if self._captured else None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            loss = self._loss(bucket, inputs)
            self._trainer.update(loss)
            kept = loss.detach()
        return _Captured(graph, inputs, kept)
