"""A step's kernels, recorded once for a shape as one CUDA graph and replayed whole.

The host then launches one thing a step where it launched thousands. A graph reads and writes the
memory that it was recorded with: its inputs are copied there, and its weights must not have moved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_WARM_UP = 2  # runs in which kernels are chosen and compiled, which a recording can't hold


@dataclass(frozen=True, slots=True)
class StepGraph:
    """A recorded function of tensors, of the shapes that it was recorded with."""

    graph: Any
    inputs: tuple[Tensor, ...]
    output: Tensor

    @classmethod
    def record(
        cls, function: Callable[..., Tensor], inputs: Sequence[Tensor], pool: Any = None
    ) -> StepGraph:
        """Record ``function(*inputs)`` in inference mode; graphs of one ``pool`` share memory.

        Raises RuntimeError for what can't be recorded, or no memory for it.
        """
        device = inputs[0].device
        own = tuple(one.clone() for one in inputs)
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                function(*own)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            output = function(*own)
        return cls(graph, own, output)

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Return what the function makes of these inputs; the next call overwrites it."""
        for own, given in zip(self.inputs, inputs, strict=True):
            if own is not given:
                own.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.output
