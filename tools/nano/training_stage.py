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
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from tools.nano.muon import Muon

log = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 180

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]


@dataclass(frozen=True, slots=True)
class StepRng:
    """The randomness of one step."""

    numpy: np.random.Generator
    torch: torch.Generator

    @classmethod
    def at(cls, stage: str, seed: int, step: int) -> StepRng:
        numpy = np.random.default_rng([seed, step, *stage.encode()])
        return cls(numpy, torch.Generator().manual_seed(int(numpy.integers(2**62))))


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
        if self.load_average() >= self.steps:
            return
        optimizers = self._optimizers()
        average = AveragedModel(self.model, multi_avg_fn=self._average, use_buffers=True)
        start = self._resume(optimizers, average)
        saved = time.monotonic()
        losses: list[float] = []
        bar = tqdm(
            range(start, self.steps), self.name, initial=start, total=self.steps, mininterval=5
        )
        for step in bar:
            loss = loss_at(step, StepRng.at(self.name, self.seed, step))
            self.model.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["initial_lr"] * self._lr_factor(step)
                optimizer.step()
            average.update_parameters(self.model)
            losses.append(loss.item())
            if (step + 1) % 100 == 0:
                log.info("%s step %d loss %.5f", self.name, step + 1, np.mean(losses[-100:]))
                bar.set_postfix(loss=f"{np.mean(losses[-100:]):.4f}", refresh=False)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                self._save(step + 1, optimizers, average)
                saved = time.monotonic()
        self.model.load_state_dict(average.module.state_dict())
        self._save(self.steps, [], average)

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        matrices = [value for value in self.parameters if value.ndim > 1 and self.matrix_rate]
        taken = set(map(id, matrices))
        rest = [value for value in self.parameters if id(value) not in taken]
        optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                rest, self.learning_rate, betas=(0.9, 0.99), weight_decay=self.weight_decay
            )
        ]
        if matrices:
            optimizers.append(Muon(matrices, self.matrix_rate))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]
        return optimizers

    @torch.no_grad()
    def _average(self, average: Tensors, current: Tensors, count: torch.Tensor | int) -> None:
        """Update an exponential average that forgets the untrained start."""
        decay = min(self.average_decay, (1 + int(count)) / (10 + int(count)))
        for mean, value in zip(average, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def load_average(self) -> int:
        """Load the last checkpoint's average into the model; return its step, or 0."""
        if not self._checkpoint.exists():
            return 0
        state = torch.load(self._checkpoint, weights_only=True)
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

    def _resume(self, optimizers: list[torch.optim.Optimizer], average: AveragedModel) -> int:
        if not self._checkpoint.exists():
            return 0
        state = torch.load(self._checkpoint, weights_only=True)
        self.model.load_state_dict(state["model"])
        average.module.load_state_dict(state["average"])
        average.n_averaged.fill_(state["step"])
        for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        return int(state["step"])

    def _save(
        self, step: int, optimizers: list[torch.optim.Optimizer], average: AveragedModel
    ) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        state = {"step": step, "average": average.module.state_dict()}
        if optimizers:
            kept = [optimizer.state_dict() for optimizer in optimizers]
            state |= {"model": self.model.state_dict(), "optimizers": kept}
        unfinished = self._checkpoint.with_suffix(".tmp")
        torch.save(state, unfinished)
        unfinished.replace(self._checkpoint)
