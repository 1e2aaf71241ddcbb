"""What a step of training draws, by its number; and what a loss of batches of buckets is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import torch

from tools.nano.geometries import Bucket
from tools.nano.machine import CPU

Device = torch.device


@dataclass(frozen=True, slots=True)
class StepRng:
    """The randomness of one step."""

    numpy: np.random.Generator
    torch: torch.Generator

    @classmethod
    def at(cls, stage: str, seed: int, step: int, device: Device = CPU) -> Self:
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
