"""A step of fine-tuning: seconds and peak memory, at nano's size and at a mid size.

Each row runs in a process of its own, so that its peak is its own. The weights are random: what is
measured doesn't depend on them.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from diffusers import AutoencoderKL, DDPMScheduler
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from benchmarks.table import print_table
from generator.model.unet import HotshotUNet
from generator.training import step
from generator.training.tasks.temporal import checkpoint_gradients
from tools.nano import unet as nano

FRAMES, ROUNDS = 8, 5


@dataclass(frozen=True, slots=True)
class Case:
    """One row. Without caches, clips and captions are encoded in each step."""

    size: str
    checkpointing: bool
    cached: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """What a size means: edges in latents, samples at once, widths of text and pooled text."""

    config: dict[str, Any]
    edge: int
    batch: int
    text: int
    pooled: int
    vae: tuple[int, ...]


def _shapes() -> dict[str, Shape]:
    from benchmarks import midsize  # what it loads would count in a child's peak

    return {
        "nano": Shape(nano.config(), 16, 4, 160, 96, (16, 32, 32, 32)),
        "mid-size": Shape(midsize.UNET, 32, 1, 512, 256, (64, 128, 128, 128)),
    }


def run() -> None:
    shapes = _shapes()
    cases = [
        Case(size, checkpointing, cached)
        for size in shapes
        for checkpointing, cached in ((False, True), (True, True), (False, False))
    ]
    print_table(
        "a step of fine-tuning (AdamW, float32)",
        ("", "checkpointing", "caches", "seconds (median)", "lowest", "highest", "peak memory, MB"),
        (_row(case, shapes[case.size]) for case in cases),
    )


def _row(case: Case, shape: Shape) -> list[str]:
    given = [asdict(case), asdict(shape)]
    told = json.loads(
        subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-m", "benchmarks.training", json.dumps(given)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]
    )
    seconds = told["seconds"]
    figures = (statistics.median(seconds), min(seconds), max(seconds))
    pixels = shape.edge * 8
    return [
        f"{case.size}, {shape.batch} x {FRAMES} frames of {pixels} x {pixels}",
        "on" if case.checkpointing else "off",
        "on" if case.cached else "off",
        *(f"{value:.2f}" for value in figures),
        f"{told['peak']:.0f}",
    ]


def _measure(case: Case, shape: Shape) -> None:
    """Runs in the child; says its figures as JSON."""
    torch.manual_seed(0)
    unet = HotshotUNet(shape.config).train().requires_grad_(requires_grad=False)
    temporal = [parameter.requires_grad_() for parameter in unet.temporal_parameters()]
    if case.checkpointing:
        checkpoint_gradients(unet)
    optimizer = torch.optim.AdamW(temporal, lr=1e-5)
    schedule = DDPMScheduler(beta_schedule="scaled_linear", beta_end=0.012)
    batch = _batch(shape)
    encode = None if case.cached else _encoders(shape)

    def one() -> None:
        if encode is not None:
            encode()
        loss = step.loss(step.predict(unet, schedule, batch), schedule, batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    one()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        one()
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


def _batch(shape: Shape) -> step.Batch:
    clips = torch.randn(shape.batch, 4, FRAMES, shape.edge, shape.edge)
    return step.Batch(
        latents=clips,
        noise=torch.randn_like(clips),
        timesteps=torch.full((shape.batch,), 500),
        prompt_embeds=torch.randn(shape.batch, 77, shape.text),
        text_embeds=torch.randn(shape.batch, shape.pooled),
        time_ids=torch.ones(shape.batch, 6),
    )


def _encoders(shape: Shape) -> Callable[[], None]:
    """Encodes as many frames and captions as a step takes, with networks of a fitting size."""
    vae = AutoencoderKL(
        block_out_channels=shape.vae,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=4,
        norm_num_groups=8,
    ).eval()
    text = CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=4096,
            hidden_size=shape.text,
            intermediate_size=4 * shape.text,
            num_hidden_layers=8,
            num_attention_heads=8,
        )
    ).eval()
    pixels = torch.rand(FRAMES, 3, shape.edge * 8, shape.edge * 8)
    tokens = torch.ones(1, 77, dtype=torch.long)

    @torch.no_grad()
    def encode() -> None:
        for _ in range(shape.batch):
            vae.encode(pixels)
            text(tokens)

    return encode


if __name__ == "__main__":
    if len(sys.argv) > 1:
        about, form = json.loads(sys.argv[1])
        _measure(Case(**about), Shape(**form))
    else:
        run()
