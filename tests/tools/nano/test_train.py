"""nano's training in small: every stage runs, goes on where it stopped; what it leaves loads."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from generator.contract.limits import NANO_DIRECTORY, ModelLimits
from generator.contract.messages import Control, Lora, Request
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import load_model
from tools.nano import clips, train, training_stage

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
KINDS = ("canny", "depth")


def _request(limits: ModelLimits) -> Request:
    return Request(
        prompt="a red ball bouncing on a black background",
        seed=3,
        width=limits.native_edge,
        height=limits.native_edge,
        steps=2,
        guidance_scale=limits.guidance_scale,
        scheduler=limits.scheduler,
    )


def test_two_steps_of_each_stage_leave_a_model_that_makes_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "GEOMETRIES", 3)
    monkeypatch.setattr(train, "CAPTIONS", 16)
    monkeypatch.setattr("tools.nano.vae.POOL", 8)
    monkeypatch.setattr("tools.nano.finished_model.CAPTIONS", 16)
    monkeypatch.setattr("tools.nano.controlnets.LENGTHS_OF_CLIPS", (2,))
    lengths = train.StageSteps(**{field.name: 2 for field in fields(train.StageSteps)})
    train.train(tmp_path / "model", tmp_path / "runs", lengths)
    limits = ModelLimits.of(str(tmp_path / "model"))
    model = load_model(str(tmp_path / "model"), device=CPU, dtype=torch.float32)
    lora = Lora(str(tmp_path / "model" / "loras" / "outlines.safetensors"))
    asked: list[dict[str, Any]] = [{}, {"loras": (lora,)}]
    for changes in (*asked, *({"controls": (Control(kind),)} for kind in KINDS)):
        request = replace(_request(limits), **changes)
        pictures = [np.zeros((8, 128, 128, 3), np.uint8) for _ in request.controls]
        frames = HotshotPipeline(model)(request, report=lambda *_: None, condition_images=pictures)
        assert frames.shape == (8, 128, 128, 3)
        assert frames.dtype == np.uint8
    train.train(tmp_path / "snapshot", tmp_path / "runs", train.StageSteps.none())
    weights = [path.relative_to(tmp_path / "model") for path in (tmp_path / "model").rglob("*.*")]
    assert weights
    for path in weights:
        assert (tmp_path / "snapshot" / path).read_bytes() == (
            tmp_path / "model" / path
        ).read_bytes()


def _run(
    directory: Path, steps: int, *, matrix_rate: float = 0.0, stop_at: int | None = None
) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Linear(4, 4)

    def loss(step: int, step_rng: training_stage.StepRng) -> torch.Tensor:
        if step == stop_at:
            raise KeyboardInterrupt
        answers: torch.Tensor = model(torch.randn(8, 4, generator=step_rng.torch))
        return (answers - 1).square().mean()

    run = training_stage.TrainingStage(
        name="test", model=model, parameters=list(model.parameters()), steps=steps,
        learning_rate=0.1, matrix_rate=matrix_rate, seed=0, directory=directory,
    )  # fmt: skip
    run.run(loss)
    return model.state_dict()


@pytest.mark.parametrize("matrix_rate", [0.0, 0.05])
def test_an_interrupted_stage_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, matrix_rate: float
) -> None:
    monkeypatch.setattr(training_stage, "CHECKPOINT_SECONDS", -1.0)
    unbroken = _run(tmp_path / "unbroken", 30, matrix_rate=matrix_rate)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "broken", 30, matrix_rate=matrix_rate, stop_at=17)
    resumed = _run(tmp_path / "broken", 30, matrix_rate=matrix_rate)
    for name, tensor in unbroken.items():
        assert torch.equal(tensor, resumed[name])


def test_the_weights_that_ship_are_small() -> None:
    sizes = {
        file.relative_to(NANO_DIRECTORY).as_posix(): file.stat().st_size
        for file in NANO_DIRECTORY.rglob("*.safetensors")
    }
    added = {name for name in sizes if name.startswith(("controlnet/", "loras/"))}
    assert len(sizes.keys() - added) == 4
    assert sum(sizes[name] for name in sizes.keys() - added) < 40e6
    assert sum(sizes[name] for name in added) < 15e6
