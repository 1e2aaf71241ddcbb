"""A step's kernels, recorded once for a shape as one CUDA graph and replayed whole.

The host then launches one thing a step where it launched thousands. A graph reads and writes the
memory that it was recorded with: its inputs are copied there, and its weights must not have moved.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]
"""What is computed of inputs, which change at each step, and of constants of a request."""

_WARM_UP = 2  # runs in which kernels are chosen and compiled, which a recording can't hold
_GRAPHS = 3  # kept at once, the last ones used


@dataclass(slots=True)
class StepGraph:
    """A recorded step of tensors of the shapes that it was recorded with."""

    graph: Any
    inputs: tuple[Tensor, ...]
    constants: tuple[Tensor, ...]
    output: Tensor
    known: Sequence[Tensor]

    @classmethod
    def record(
        cls, step: Step, inputs: Sequence[Tensor], constants: Sequence[Tensor], pool: Any = None
    ) -> StepGraph:
        """Record a step in inference mode; graphs of one ``pool`` share their memory.

        Raises RuntimeError for what can't be recorded, or no memory for it.
        """
        device = inputs[0].device
        own, kept = tuple(map(torch.clone, inputs)), tuple(map(torch.clone, constants))
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):
                step(own, kept)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            output = step(own, kept)
        return cls(graph, own, kept, output, constants)

    def __call__(self, inputs: Sequence[Tensor], constants: Sequence[Tensor]) -> Tensor:
        """Return what the step makes of these; the next call overwrites it.

        Constants are copied where they are another sequence than last time.
        """
        if constants is not self.known:
            torch._foreach_copy_(self.constants, tuple(constants))
            self.known = constants
        for own, given in zip(self.inputs, inputs, strict=True):
            own.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.output


@dataclass(slots=True)
class StepGraphs:
    """The graphs of one network by what they were recorded for; the oldest give way.

    ``record`` is how one is made; a test on a machine without CUDA has another.
    """

    record: Callable[..., Any] = StepGraph.record
    _graphs: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    _pool: Any = None

    def __call__(
        self, key: Hashable, step: Step, inputs: Sequence[Tensor], constants: Sequence[Tensor]
    ) -> Tensor:
        """Return what the step makes, a copy; it is recorded where ``key`` hasn't been seen."""
        if key not in self._graphs:
            while len(self._graphs) >= _GRAPHS:
                self._graphs.popitem(last=False)
            if self._pool is None and torch.cuda.is_available():
                self._pool = torch.cuda.graph_pool_handle()
            self._graphs[key] = self.record(step, inputs, constants, self._pool)
        self._graphs.move_to_end(key)
        replayed: Tensor = self._graphs[key](inputs, constants)
        return replayed.clone()  # a sampler may keep it beyond the next replay

    def clear(self) -> None:
        """Forget all graphs, and the memory that they hold."""
        self._graphs.clear()
        self._pool = None
