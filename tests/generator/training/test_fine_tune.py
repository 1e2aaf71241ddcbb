"""Fine-tuning of a small model: the same run in every way that it can be taken apart."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from generator.__main__ import main
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.model.loading import load_model
from tests.generator.media.pictures import read_back
from tests.generator.reference import CPU
from tests.generator.small_model import small_model
from tests.generator.training.conftest import line, losses, metrics, train
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

STEPS = ("--max_train_steps=4", "--lr_scheduler=cosine", "--lr_warmup_steps=1")


@pytest.fixture(scope="module")
def unbroken(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four steps in one go, with an average kept, and a checkpoint on the way."""
    output = tmp_path_factory.mktemp("unbroken") / "output"
    train(clips, output, *STEPS, "--use_ema", "--save_starting_step=2", "--save_n_steps=2")
    return output


def temporal(output: Path) -> dict[str, torch.Tensor]:
    return load_file(output / "temporal_layers.safetensors")


def test_going_on_is_as_if_it_had_never_stopped(
    clips: Path, tmp_path: Path, unbroken: Path
) -> None:
    checkpoint = unbroken / "checkpoints" / "step-000002"
    train(clips, tmp_path, *STEPS, "--use_ema", "--unet_resume_path", str(checkpoint))
    assert losses(tmp_path) == losses(unbroken)[2:]
    found = temporal(tmp_path)
    for name, value in temporal(unbroken).items():
        assert torch.equal(found[name], value), name


def test_the_result_is_the_model_with_new_temporal_layers(unbroken: Path) -> None:
    before = load_file(small_model() / "unet" / "diffusion_pytorch_model.safetensors")
    after = load_file(unbroken / "unet" / "diffusion_pytorch_model.safetensors")
    assert {name: value.dtype for name, value in after.items()} == {
        name: value.dtype for name, value in before.items()
    }
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(is_temporal(name) for name in changed)
    alone = temporal(unbroken)
    assert set(alone) == {name for name in before if is_temporal(name)}
    assert all(torch.equal(after[name], value.to(after[name].dtype)) for name, value in
               alone.items())  # fmt: skip
    load_model(str(unbroken), device=CPU, dtype=torch.float32)


def test_the_result_makes_a_gif(unbroken: Path, tmp_path: Path) -> None:
    output = tmp_path / "ball.png"  # lossless, and animated as a GIF
    flags = ("--width=64", "--height=64", "--steps=1", "--video-length=2")
    words = ["gif", "--prompt", "a red ball", "--output", str(output), "--seed=1", *flags]
    assert main([*words, "--pretrained-path", str(unbroken)]) == 0
    frames = read_back(output.read_bytes()).frames
    assert len(frames) == 2
    alone = ("--pretrained-path", str(unbroken / "temporal_layers.safetensors"))
    assert main([*words, *alone, "--spatial-unet-base", str(small_model())]) == 0
    off = np.abs(read_back(output.read_bytes()).frames.astype(int) - frames)
    assert off.mean() < 1  # the file has float32, the directory what it had before


def test_caches_accumulation_and_recomputation_change_nothing(
    clips: Path, tmp_path: Path, unbroken: Path
) -> None:
    plain = losses(unbroken)
    uncached = ("--no-cache-latents", "--no-cache-text", "--max_vae_encode=4")
    train(clips, tmp_path / "uncached", *STEPS, *uncached)
    assert losses(tmp_path / "uncached") == plain
    assert not (tmp_path / "uncached" / "cache").exists()
    recomputed = ("--gradient_checkpointing", "--mixed_precision=no")
    found = train(clips, tmp_path / "recomputed", *STEPS, *recomputed)
    assert [step["loss"] for step in found] == pytest.approx(plain, rel=1e-5)
    norms = [step["gradient_norm"] for step in metrics(unbroken)]
    assert [step["gradient_norm"] for step in found] == pytest.approx(norms, rel=1e-4)
    split = ("--train_batch_size=1", "--gradient_accumulation_steps=2")
    train(clips, tmp_path / "split", *STEPS, *split)
    assert losses(tmp_path / "split") == pytest.approx(plain, rel=1e-5)


# As `torchrun --standalone --nproc_per_node=2 -m MODULE`, but that both processes have all that is
# imported from the launcher, which forks them.
LAUNCH = """
import runpy
import sys
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
import generator.training.fine_tune

def process():
    try:
        runpy.run_module("generator.training.fine_tune", run_name="__main__", alter_sys=True)
    except SystemExit as done:
        assert not done.code, done.code

config = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2, rdzv_backend="c10d",
                      rdzv_endpoint="localhost:0", run_id="standalone", max_restarts=0,
                      monitor_interval=0.1, start_method="fork")
elastic_launch(config, process)()
"""


def test_two_processes_give_the_losses_of_one(
    clips: Path, tmp_path: Path, unbroken: Path, hasty: Path
) -> None:
    more = (*STEPS, "--train_batch_size=1", "--test_prompts=a ball")
    done = subprocess.run(
        [sys.executable, "-c", LAUNCH, *line(clips, tmp_path, *more, model=hasty)[1:]],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("a model directory") == 1
    assert losses(tmp_path) == pytest.approx(losses(unbroken), rel=1e-5)
    assert len(metrics(tmp_path)) == 4


@pytest.mark.parametrize("command", ["fine-tune", "train-lora"])
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_a_mistake_of_a_launched_program_is_one_sentence(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `python -m MODULE`, but for imports that take seconds."""
    module = f"generator.training.{command.replace('-', '_')}"
    monkeypatch.setattr(sys, "argv", [module, "--data_dir=/nowhere"])
    with pytest.raises(SystemExit, match=r"^2$"):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert capsys.readouterr().err == (
        f"hotshot {command}: There is no data directory at /nowhere.\n"
    )


def test_half_precision_and_weights_of_the_loss(clips: Path, tmp_path: Path) -> None:
    flags = ("--max_train_steps=2", "--mixed_precision=bf16", "--vae_b16", "--snr_gamma")
    more = ("--noise_offset=0", "--caption_dropout=1", "--scale_lr", "--aspect_ratio=1.0")
    steps = train(clips, tmp_path, *flags, *more)
    assert [step["learning_rate"] for step in steps] == [2e-3, 2e-3]
    assert {value.dtype for value in temporal(tmp_path).values()} == {torch.float32}


def test_another_run_s_weights_alone(clips: Path, tmp_path: Path, unbroken: Path) -> None:
    checkpoint = str(unbroken / "checkpoints" / "step-000004")
    resumed = ("--unet_resume_path", checkpoint, "--disable_optimizer_restore")
    steps = train(clips, tmp_path / "fresh", "--max_train_steps=1", *resumed)
    from_model = ("--unet_resume_path", str(unbroken))
    again = train(clips, tmp_path / "model", "--max_train_steps=1", *from_model)
    assert [step["done"] for step in steps + again] == [1, 1]
    assert steps[0]["loss"] == again[0]["loss"]  # both began with the averaged weights
