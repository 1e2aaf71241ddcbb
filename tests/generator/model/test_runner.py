"""How the UNet's steps are run: recorded once a shape, fused where kernels are, plain in trouble.

CUDA graphs need a card; what is tested here is who records and replays them, and when.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from generator.contract.messages import Lora, Request
from generator.contract.worker_settings import COMPILE_ALWAYS, COMPILE_AUTO, COMPILE_NEVER
from generator.inference.pipeline import HotshotPipeline
from generator.model.fused.compilation import Kernels
from generator.model.fused.graphs import Step, StepGraphs
from generator.model.fused.network import Functions, FusedUNet
from generator.model.fused.runner import UNetRunner
from generator.model.loading import HotshotModel, load_model
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_lora_manager import KOHYA
from tests.generator.model.test_unet import difference
from tests.generator.reference import CPU, TINY, silent

REQUEST = replace(QUICK, steps=3, video_length=2, guidance_scale=3.0)


class Recorder:
    """Stands for CUDA: a recording reads the memory that it was made with, whatever it is given."""

    def __init__(self) -> None:
        self.recorded: list[list[tuple[int, ...]]] = []
        self.replayed = 0

    def record(
        self, step: Step, inputs: Sequence[Tensor], constants: Sequence[Tensor], _pool: Any
    ) -> Any:
        self.recorded.append([tuple(one.shape) for one in inputs])
        own, kept, known = (
            [one.clone() for one in inputs],
            [one.clone() for one in constants],
            [constants],
        )

        def replay(given: Sequence[Tensor], told: Sequence[Tensor]) -> Tensor:
            self.replayed += 1
            if told is not known[0]:
                known[0] = told
                torch._foreach_copy_(kept, tuple(told))
            for place, value in zip(own, given, strict=True):
                place.copy_(value)
            return step(own, kept)

        return replay


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level tests of other rooms have left behind."""
    caplog.set_level(logging.INFO, logger="generator")


@pytest.fixture(scope="module")
def model() -> HotshotModel:
    """A model of its own: the fused way lays its weights together."""
    return load_model(str(TINY), device=CPU, dtype=torch.float32)


@pytest.fixture
def kernels(tmp_path: Path) -> Kernels:
    made = Kernels.of(CPU, tmp_path)
    assert made is not None
    return replace(made, _functions=Functions())  # as they are written: compiling takes a minute


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def runner(model: HotshotModel, mode: str, *parts: Any) -> HotshotModel:
    return replace(model, runner=UNetRunner(model.unet, model.dtype, mode, *parts))


def latents(model: HotshotModel, request: Request = REQUEST) -> Tensor:
    return HotshotPipeline(model).latents(request, report=silent)


@pytest.fixture(scope="module")
def exact(model: HotshotModel) -> Tensor:
    return latents(model)


@pytest.mark.slow
def test_one_recording_a_shape(model: HotshotModel, exact: Tensor, recorder: Recorder) -> None:
    fast = runner(model, COMPILE_AUTO, None, StepGraphs(recorder.record))
    assert torch.equal(latents(fast), exact)
    assert (len(recorder.recorded), recorder.replayed) == (1, REQUEST.steps)
    other = replace(REQUEST, prompt="another one", seed=5)
    assert torch.equal(latents(fast, other), latents(runner(model, COMPILE_NEVER), other))
    assert (len(recorder.recorded), recorder.replayed) == (1, 2 * REQUEST.steps)
    latents(fast, replace(REQUEST, video_length=1))
    assert len(recorder.recorded) == 2


@pytest.mark.slow
def test_loras_are_seen_by_what_was_recorded(
    model: HotshotModel,
    exact: Tensor,
    recorder: Recorder,
    kernels: Kernels,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tell, told = FusedUNet.tell, 0

    def count(*given: Any) -> Any:
        nonlocal told
        told += 1
        return tell(*given)

    monkeypatch.setattr(FusedUNet, "tell", count)
    fast = runner(model, COMPILE_ALWAYS, kernels, StepGraphs(recorder.record))
    assert difference(latents(fast), exact) < 1e-4
    assert told == 1  # the text's keys and values, once a request
    changed = replace(REQUEST, loras=(Lora(str(KOHYA)),))
    assert difference(latents(fast, changed), latents(runner(model, COMPILE_NEVER), changed)) < 1e-4
    assert difference(latents(fast), exact) < 1e-4
    assert len(recorder.recorded) == 1
    assert fast.runner.kernels is kernels  # nothing was given up


def test_what_cannot_be_compiled_is_said_once_and_the_plain_way_goes_on(
    model: HotshotModel, exact: Tensor, kernels: Kernels, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, ops: object) -> Tensor:
        raise RuntimeError("no compiler here\nand more of it")

    kernels = replace(kernels, _functions=replace(Functions(), spatial_block=broken))
    fast = runner(model, COMPILE_ALWAYS, kernels)
    assert torch.equal(latents(fast), exact)
    assert torch.equal(latents(fast), exact)
    said = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert said == [
        "The UNet's kernels can't be used here, so GIFs take the slower way (no compiler here)."
    ]
    assert not kernels.files.directory.exists()  # what is damaged isn't found again


def test_what_is_too_large_to_be_fast_is_made_the_plain_way_and_tried_once(
    model: HotshotModel, exact: Tensor, kernels: Kernels, caplog: pytest.LogCaptureFixture
) -> None:
    tried = 0

    def large(*_: object, ops: object) -> Tensor:
        nonlocal tried
        tried += 1
        return torch.empty(2**50, dtype=torch.uint8)  # a real refusal of the CPU's allocator

    caplog.set_level(logging.INFO, logger="generator.model.fused.runner")
    kernels = replace(kernels, _functions=replace(Functions(), spatial_block=large))
    fast = runner(model, COMPILE_ALWAYS, kernels)
    assert torch.equal(latents(fast), exact)
    assert torch.equal(latents(fast), exact)
    assert tried == 1
    assert len(caplog.messages) == 1
    assert fast.runner.kernels is kernels  # for what is smaller


def test_what_cannot_be_recorded_is_launched(
    model: HotshotModel, exact: Tensor, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> object:
        raise RuntimeError("operation not permitted when stream is capturing")

    assert torch.equal(latents(runner(model, COMPILE_AUTO, None, StepGraphs(refuse))), exact)
    said = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(said) == 1
    assert said[0].startswith("Steps can't be recorded here (operation not permitted")
