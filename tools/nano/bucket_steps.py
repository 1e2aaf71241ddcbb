"""How a step on a batch of a bucket is taken: plainly, by two processes, or as one CUDA graph."""

from __future__ import annotations

import multiprocessing
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

import torch
from torch import nn

from tools.nano.geometries import Bucket
from tools.nano.step_inputs import BucketLoss, RandomInputs, StepRng

WARMUPS = 2  # passes before one is captured: libraries choose their algorithms in these


class Updater(Protocol):
    """What changes the weights, and counts the processor seconds that it takes."""

    seconds_before: float

    def update(self, loss: torch.Tensor) -> None:
        """Take a step down a loss."""

    def apply_gradients(self) -> None:
        """Take a step by the gradients that the parameters have."""

    def settle(self) -> None:
        """Make every optimiser's state, as it is before the first step."""


@dataclass(frozen=True, slots=True)
class StepMaker:
    """A loss and what it needs to be taken down: a stage's name and seed, and a trainer."""

    name: str
    seed: int
    parameters: Sequence[nn.Parameter]
    loss: BucketLoss
    trainer: Updater

    @property
    def device(self) -> torch.device:
        return self.parameters[0].device

    def choose(self, step: int) -> tuple[Bucket, StepRng]:
        """Return the bucket of a step, and the randomness that is left for its batch."""
        step_rng = StepRng.at(self.name, self.seed, step, self.device)
        return self.loss.choose(step, step_rng.numpy), step_rng

    def draw(self, step: int) -> tuple[Bucket, RandomInputs]:
        """Return the bucket of a step, and all the random numbers of its batch."""
        bucket, step_rng = self.choose(step)
        inputs = self.loss.make_inputs(bucket)
        inputs.fill(step_rng.torch)
        return bucket, inputs


class PlainSteps:
    """Takes steps one operation after another."""

    def __init__(self, maker: StepMaker) -> None:
        self._maker = maker

    def __call__(self, step: int) -> torch.Tensor:
        loss = self._maker.loss(*self._maker.draw(step))
        self._maker.trainer.update(loss)
        return loss.detach()


def is_halved() -> bool:
    """Return whether batches are shared with a second process: two cores, and a system that forks.

    Operations this small gain little by a second thread.
    """
    return _own_cores() > 1 and "fork" in multiprocessing.get_all_start_methods()


def _own_cores() -> int:
    """Return how many cores this process may use, which may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class HalvedSteps:
    """Takes steps of which another process does half: the second half of the batch.

    It was forked, so it has all that the loss has; weights and its gradients lie in memory that
    both see. Between two steps it waits.
    """

    def __init__(
        self, maker: StepMaker, gradients: Sequence[torch.Tensor], other: Connection
    ) -> None:
        self._maker, self._gradients, self._other = maker, gradients, other

    @classmethod
    @contextmanager
    def of(cls, maker: StepMaker, model: nn.Module) -> Iterator[HalvedSteps]:
        """Fork the other process, and end it at last; until then each has one thread."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a forked process would wait for threads that it doesn't have
        model.share_memory()
        gradients = [torch.zeros_like(value) for value in maker.parameters]
        for gradient in gradients:
            gradient.share_memory_()  # type: ignore[no-untyped-call]
        ours, theirs = multiprocessing.Pipe()
        forked = multiprocessing.get_context("fork").Process(
            target=_do_second_halves, args=(maker, gradients, theirs, ours), daemon=True
        )
        with warnings.catch_warnings():  # of threads, which it neither has nor waits for
            warnings.simplefilter("ignore", DeprecationWarning)
            forked.start()
        theirs.close()
        try:
            yield cls(maker, gradients, ours)
        finally:
            ours.close()
            forked.join()
            torch.set_num_threads(threads)

    def __call__(self, step: int) -> torch.Tensor:
        self._other.send(step)
        loss, share = _half_loss(self._maker, step, is_second=False)
        try:
            others, seconds = self._other.recv()
        except EOFError as error:
            raise RuntimeError("the process that does the second halves has died") from error
        for value, gradient in zip(self._maker.parameters, self._gradients, strict=True):
            if value.grad is not None:
                value.grad.mul_(share).add_(gradient, alpha=1 - share)
        self._maker.trainer.seconds_before += seconds
        self._maker.trainer.apply_gradients()
        return torch.tensor(share * loss + (1 - share) * others)


def _do_second_halves(
    maker: StepMaker, gradients: Sequence[torch.Tensor], ours: Connection, theirs: Connection
) -> None:
    theirs.close()  # or the end of the first process would not be seen here
    with suppress(EOFError, BrokenPipeError):
        while True:
            step = ours.recv()
            began = time.process_time()
            loss, _ = _half_loss(maker, step, is_second=True)
            for value, gradient in zip(maker.parameters, gradients, strict=True):
                if value.grad is not None:
                    gradient.copy_(value.grad)
            ours.send((loss, time.process_time() - began))


def _half_loss(maker: StepMaker, step: int, *, is_second: bool) -> tuple[float, float]:
    """Leave the gradients of half a batch; return its loss, and its share of the batch."""
    bucket, inputs = maker.draw(step)
    count = len(inputs.even)
    first = (count + 1) // 2
    part = slice(first, None) if is_second and first < count else slice(first)
    for value in maker.parameters:
        value.grad = None
    loss = maker.loss(bucket, RandomInputs(inputs.even[part], inputs.normal[part]))
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), len(inputs.even[part]) / count if first < count else 0.5


@dataclass(frozen=True, slots=True)
class _Captured:
    """A whole step of a bucket as a CUDA graph, and the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: RandomInputs
    loss: torch.Tensor


class GraphSteps:
    """Takes steps by replaying CUDA graphs: thousands of small kernels without waiting for Python.

    A graph is captured at the first step of its bucket. Chance is drawn outside, by the step's own
    seed, so a step is the same after a restart.
    """

    def __init__(self, maker: StepMaker) -> None:
        self._maker = maker
        self._captured: dict[Bucket, _Captured] = {}
        maker.trainer.settle()

    def __call__(self, step: int) -> torch.Tensor:
        bucket, step_rng = self._maker.choose(step)
        if bucket not in self._captured:
            self._captured[bucket] = self._capture(bucket)
        captured = self._captured[bucket]
        captured.inputs.fill(step_rng.torch)
        captured.graph.replay()
        return captured.loss

    def _capture(self, bucket: Bucket) -> _Captured:
        loss_of, parameters = self._maker.loss, self._maker.parameters
        inputs = loss_of.make_inputs(bucket)
        inputs.fill(torch.Generator(self._maker.device).manual_seed(0))
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARMUPS):
                loss = loss_of(bucket, inputs)
                torch.autograd.grad(loss, parameters, allow_unused=True)
        torch.cuda.current_stream().wait_stream(side)
        pool = next(iter(self._captured.values())).graph.pool() if self._captured else None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            loss = loss_of(bucket, inputs)
            self._maker.trainer.update(loss)
            kept = loss.detach()
        return _Captured(graph, inputs, kept)
