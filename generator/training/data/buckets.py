"""Which samples make up which step: buckets of one shape, sampled without any memory of the past.

The samples of a step follow from the seed and the step's number alone. So a run that goes on where
it stopped, or is spread over several processes, sees what an unbroken run in one process sees.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np

from generator.contract.limits import ModelLimits, Size
from generator.training.settings import AUTO


def choose_size(width: int, height: int, resolution: int, aspect_ratio: str = AUTO) -> Size:
    """Return the one of the seven sizes at ``resolution`` whose shape is nearest, or the one named.

    ``aspect_ratio`` is ``auto`` or a width through a height, as the README lists them. Nearest is,
    as in the original, what differs least in width through height.
    """
    wanted = width / height if aspect_ratio == AUTO else float(aspect_ratio)
    return min(
        ModelLimits(native_edge=resolution).sizes,
        key=lambda size: abs(size.width / size.height - wanted),
    )


@dataclass
class BucketSampler:
    """Samples batches of ``batch`` samples of one shape each.

    ``shapes`` has one entry a sample. In an epoch every sample is seen once, except that a bucket
    whose size is no multiple of the batch fills its last batch up with samples it has again.
    """

    shapes: Sequence[Hashable]
    batch: int
    seed: int
    _epoch: int = -1
    _batches: list[list[int]] = field(default_factory=list)

    @property
    def steps_per_epoch(self) -> int:
        return sum(math.ceil(len(bucket) / self.batch) for bucket in self._buckets())

    def at(self, step: int) -> list[int]:
        """Return a step's samples: indices into ``shapes``, all of one shape. Steps begin at 0."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._epoch, self._batches = epoch, self._draw_epoch(epoch)
        return self._batches[position]

    def _buckets(self) -> list[list[int]]:
        buckets: dict[Hashable, list[int]] = {}
        for index, shape in enumerate(self.shapes):
            buckets.setdefault(shape, []).append(index)
        return list(buckets.values())

    def _draw_epoch(self, epoch: int) -> list[list[int]]:
        rng = np.random.default_rng([self.seed, epoch])
        batches: list[list[int]] = []
        for bucket in self._buckets():
            count = math.ceil(len(bucket) / self.batch) * self.batch
            turns = math.ceil(count / len(bucket))
            order = np.concatenate([rng.permutation(bucket) for _ in range(turns)])[:count]
            batches += order.reshape(-1, self.batch).tolist()
        return [batches[position] for position in rng.permutation(len(batches))]
