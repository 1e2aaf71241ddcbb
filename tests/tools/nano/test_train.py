"""nano's training in small: every stage runs, goes on where it stopped; what it leaves loads."""

from __future__ import annotations

import functools
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from torch import nn

from generator.cli.gif_loras import few_steps_of
from generator.contract.limits import NANO_DIRECTORY, ModelLimits
from generator.contract.messages import Control, Lora, Request
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import load_model
from tools.nano import growth, run_log, step_inputs, text, train, training_stage, unet, vae
from tools.nano.geometries import Bucket
from tools.nano.parts import PartOverError
from tools.nano.published import save

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
KINDS = ("canny", "depth")


BUCKETS = {Bucket(1, 32, 32): 1.0, Bucket(3, 32, 48): 1.0}
SMALL_UNET = {
    "attention_head_dim": [2, 4],
    "block_out_channels": [32, 64],
    "down_block_types": ["DownBlock3D", "CrossAttnDownBlock3D"],
    "transformer_layers_per_block": [1, 1],
    "up_block_types": ["CrossAttnUpBlock3D", "UpBlock3D"],
}
SMALL_VAE = {
    "encoder_block_out_channels": (16, 16, 16, 16),
    "decoder_block_out_channels": (16, 16, 16, 16),
    "num_encoder_blocks": (0, 1, 1, 1),
    "num_decoder_blocks": (1, 1, 1, 1),
}


def _make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have small networks, few captions, and few small clips."""
    monkeypatch.setattr(train, "make_executor", lambda: ThreadPoolExecutor(1))
    config = unet.config() | SMALL_UNET
    monkeypatch.setattr(unet, "config", lambda: config)
    monkeypatch.setattr(vae, "build", lambda: AutoencoderTiny(**SMALL_VAE))
    monkeypatch.setattr(text, "loss", functools.partial(text.loss, batch=16))
    monkeypatch.setattr("tools.nano.growth.PIN_BATCH", 8)
    for name, count in (("VARIANTS", 1), ("CAPTIONS", 16), ("TEXT_CAPTIONS", 64)):
        monkeypatch.setattr(train, name, count)
    monkeypatch.setattr(text, "READ", 2000)
    monkeypatch.setattr(text, "MERGES", 300)
    monkeypatch.setattr("tools.nano.vae.POOL", 8)
    monkeypatch.setattr("tools.nano.finished_model.CAPTIONS", 16)
    monkeypatch.setattr(train, "buckets_of_stills", lambda: {Bucket(1, 32, 32): 1.0})
    monkeypatch.setattr(train, "buckets_of_clips", lambda: BUCKETS)
    monkeypatch.setattr("tools.nano.growth.PINNED", 16)
    monkeypatch.setattr("tools.nano.leftovers.CLIPS", 2)
    monkeypatch.setattr("tools.nano.leftovers.sizes", lambda _: {(32, 48): 1.0})
    for module in ("train", "controlnets", "outlines", "consistency", "leftovers"):
        monkeypatch.setattr(f"tools.nano.{module}.LATENTS_IN_A_STEP", 48)
    for module in ("controlnets", "outlines", "consistency"):
        monkeypatch.setattr(f"tools.nano.{module}.buckets", lambda _: BUCKETS)


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
    _make_small(monkeypatch)
    lengths = train.StageSteps(**{field.name: 2 for field in fields(train.StageSteps)})
    train.train(tmp_path / "model", tmp_path / "runs", lengths)
    limits = ModelLimits.of(str(tmp_path / "model"))
    model = load_model(str(tmp_path / "model"), device=CPU, dtype=torch.float32)
    outlined, few_steps = (
        (Lora(str(tmp_path / "model" / "loras" / f"{name}.safetensors")),)
        for name in ("outlines", "lcm")
    )
    found = few_steps_of(few_steps)
    assert found is not None
    assert found.scheduler == "lcm"
    few: dict[str, Any] = {"scheduler": "lcm", "guidance_scale": 1.0, "loras": few_steps}
    asked: list[dict[str, Any]] = [{}, {"loras": outlined}, few]
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


class _KilledError(Exception):
    """Raised where a process would be killed: nothing is saved any more."""


def _write_base(directory: Path) -> Path:
    """A version to go on from, with the tokenizers that ship: learning others takes seconds."""
    for name in ("tokenizer", "tokenizer_2"):
        shutil.copytree(NANO_DIRECTORY / name, directory / name)
    vocabulary = len(text.load_tokenizers(directory)[0])
    save(directory, text.TextEncoders(vocabulary), vae.build(), train.new_unet())
    return directory


def _train_further(
    runs: Path, base: Path, monkeypatch: pytest.MonkeyPatch, kill_after: int | None = None
) -> bytes:
    """Train text, stills and clips further in small; be killed after so many steps of the UNet."""
    left = [kill_after if kill_after is not None else 10_000]
    batch = unet.ClipLoss.batch

    def killing_batch(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise _KilledError
        return batch(*arguments, **named)

    for name in ("tokenizer", "tokenizer_2"):
        shutil.copytree(base / name, runs / name, dirs_exist_ok=True)
    monkeypatch.setattr(unet.ClipLoss, "batch", killing_batch)
    lengths = replace(train.StageSteps.none(), text=2, stills=2, clips=6)
    try:
        train.train(runs / "model", runs, lengths, base)
    finally:
        monkeypatch.setattr(unet.ClipLoss, "batch", batch)
    return (runs / "model" / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()


def _log(runs: Path) -> list[dict[str, Any]]:
    lines = run_log.read(runs)
    assert all(line.pop("seconds") >= 0 for line in lines)
    return lines


def test_training_killed_twice_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_small(monkeypatch)
    monkeypatch.setattr(training_stage, "LOG_STEPS", 2)
    monkeypatch.setattr(training_stage, "CHECKPOINT_SECONDS", -1.0)
    save = training_stage.TrainingStage._save

    def save_seldom(stage: Any, step: int, trainer: Any, *, is_finished: bool = False) -> None:
        if step % 2 == 1 or is_finished:  # amidst what makes a line of the log
            save(stage, step, trainer, is_finished=is_finished)

    monkeypatch.setattr(training_stage.TrainingStage, "_save", save_seldom)
    base = _write_base(tmp_path / "base")
    unbroken = _train_further(tmp_path / "unbroken", base, monkeypatch)
    for steps in (1, 5):  # in the stills, then in the clips with a line that is taken back
        with pytest.raises(_KilledError):
            _train_further(tmp_path / "broken", base, monkeypatch, kill_after=steps)
    assert _train_further(tmp_path / "broken", base, monkeypatch) == unbroken
    expected = _log(tmp_path / "unbroken")
    assert _log(tmp_path / "broken") == expected
    assert [line["step"] for line in expected] == [2, 2, 2, 2, 2, 4, 6, 6]
    assert run_log.sums(tmp_path / "broken")


@pytest.mark.parametrize("matrix_rate", [0.0, 0.05])
def test_an_interrupted_stage_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, matrix_rate: float
) -> None:
    monkeypatch.setattr(training_stage, "CHECKPOINT_SECONDS", -1.0)

    def run(
        directory: Path, stop_at: int | None = None, steps: int = 12
    ) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model = nn.Linear(4, 4)

        def loss(step: int, step_rng: step_inputs.StepRng) -> torch.Tensor:
            if step == stop_at:
                raise KeyboardInterrupt
            answers: torch.Tensor = model(torch.randn(8, 4, generator=step_rng.torch))
            return (answers - 1).square().mean()

        training_stage.TrainingStage(
            name="test", model=model, parameters=list(model.parameters()), steps=steps,
            learning_rate=0.1, matrix_rate=matrix_rate, seed=0, directory=directory,
        ).run(loss)  # fmt: skip
        return model.state_dict()

    unbroken = run(tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", stop_at=7)
    with pytest.raises(ValueError, match="give --steps test=12"):
        run(tmp_path / "broken", steps=40)
    resumed = run(tmp_path / "broken")
    for name, tensor in unbroken.items():
        assert torch.equal(tensor, resumed[name])
    monkeypatch.setattr(training_stage, "is_part_over", lambda: True)
    for step in range(12):
        with pytest.raises(PartOverError, match=f"{step + 1} of 12"):
            run(tmp_path / "parts")
    monkeypatch.setattr(training_stage, "is_part_over", lambda: False)
    in_parts = run(tmp_path / "parts")
    assert all(torch.equal(tensor, in_parts[name]) for name, tensor in unbroken.items())


def test_a_grown_version_says_what_the_base_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = text.read_merges(NANO_DIRECTORY)
    monkeypatch.setattr(text, "READ", 400)
    monkeypatch.setattr(text, "RARE", 1)  # words that the base doesn't know
    monkeypatch.setattr(text, "MERGES", len(known) + 8)
    monkeypatch.setattr(growth, "PINNED", 16)
    text.save_tokenizers(tmp_path, 0, NANO_DIRECTORY)
    tokenizers = text.load_tokenizers(tmp_path)
    vocabulary, old = tokenizers[0].get_vocab(), text.load_tokenizers(NANO_DIRECTORY)[0].get_vocab()
    assert len(vocabulary) == len(old) + 8
    ends = {text.START, text.END}
    assert all(vocabulary[token] == at for token, at in old.items() if token not in ends)
    encoders = growth.load_encoders(NANO_DIRECTORY, vocabulary).eval()
    base = load_model(str(NANO_DIRECTORY), device=CPU, dtype=torch.float32)
    prompts = ["a red ball bouncing on a black background", "violet star, growing"]
    with torch.no_grad():
        hidden, pooled = encoders(*(text.tokenize(one, prompts) for one in tokenizers))
    expected = base.text.encode(prompts)
    torch.testing.assert_close(hidden, expected.hidden, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pooled, expected.pooled, atol=1e-4, rtol=1e-4)
    pinned = growth.PinnedCaptions.of(encoders, tokenizers, NANO_DIRECTORY, 0, CPU)
    assert pinned.loss(encoders, torch.rand(4)).item() < 1e-5


def test_the_weights_that_ship_are_small() -> None:
    sizes = {
        file.relative_to(NANO_DIRECTORY).as_posix(): file.stat().st_size
        for file in NANO_DIRECTORY.rglob("*.safetensors")
    }
    added = {name for name in sizes if name.startswith(("controlnet/", "loras/"))}
    assert len(sizes.keys() - added) == 4
    assert sum(sizes.values()) < 25e6
