"""``python -m tools.nano.outlines``: trains the sample LoRA, a look that nano doesn't have.

Shapes become outlines, their insides the background's colour; captions say nothing of it, so the
look comes with the LoRA and goes without. All else of the model stays as it is.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from generator.contract.limits import NANO_DIRECTORY, ModelLimits
from generator.contract.messages import Lora
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.model.loading import HotshotModel, load_model
from generator.model.unet import HotshotUNet
from tools.nano import clips, geometries, unet
from tools.nano.adapter_training import AdapterLesson, train_adapter
from tools.nano.evaluate import cases, request_of
from tools.nano.geometries import Bucket, Geometries
from tools.nano.gifs import object_mask
from tools.nano.hollow import outline
from tools.nano.machine import CPU, choose_training_device, make_executor
from tools.nano.step_inputs import BucketLoss

SEED = 0
STEPS = 700
VARIANTS = 8  # clips drawn of each shape and motion
LATENTS_IN_A_STEP = 32 * 16 * 16  # 32 frames of the native size
METADATA = {"modelspec.title": "outlines"}
HOLLOW = 0.08  # of an object's area, within it, that is as the background
_NAME = "outlines"
FILE = Path("loras") / f"{_NAME}.safetensors"  # in the model's directory


def buckets(edge: int) -> dict[Bucket, float]:
    """Return how often clips of each length and size are drawn."""
    return {
        Bucket(8, edge, edge): 0.55,
        Bucket(8, edge * 3 // 2, edge * 5 // 8): 0.08,
        Bucket(8, edge * 5 // 8, edge * 3 // 2): 0.08,
        Bucket(4, edge, edge): 0.1,
        Bucket(1, edge, edge): 0.19,
    }


def submit(executor: Executor, edge: int, variants: int = VARIANTS) -> list[Geometries]:
    """Begin to draw nano's own clips, hollow."""
    return [
        geometries.submit(executor, bucket, variants, SEED, change=outline)
        for bucket in buckets(edge)
    ]


def train(
    directory: Path,
    output: Path,
    runs: Path,
    steps: int,
    *,
    drawn: Sequence[Geometries],
    device: torch.device = CPU,
) -> None:
    """Train as ``train_adapter`` does."""

    def loss(network: HotshotUNet, tables: clips.ClipTables, limits: ModelLimits) -> BucketLoss:
        weights = buckets(limits.native_edge)
        return unet.ClipLoss(network, unet.noise_schedule(), tables, weights, LATENTS_IN_A_STEP)

    lesson = AdapterLesson(_NAME, steps, 2e-3, SEED, METADATA, loss)
    train_adapter(lesson, directory, output, runs, drawn=drawn, device=device)


def hollow_share(model: HotshotModel, lora: Lora | None, count: int) -> float:
    """Return the share of ``count`` clips of unseen prompts that show outlines in most frames."""
    pipeline, limits = HotshotPipeline(model), ModelLimits.of(model.name)
    loras = (lora,) if lora else ()
    hollow = [
        is_hollow(
            pipeline(replace(request_of(case, limits, {}), loras=loras), report=lambda *_: None)
        )
        for case in cases(count)
    ]
    return float(np.mean(hollow))


def is_hollow(frames: Frames) -> bool:
    """Return whether most frames (f, h, w, 3) show an object around some background."""
    return float(np.mean([_hole(frame) >= HOLLOW for frame in frames])) > 0.5


def _hole(frame: Frames) -> float:
    """Return the share of an object, its inside counted, that is of the background's colour."""
    [apart] = object_mask(frame[None])
    around = np.pad(~apart, 1, constant_values=True).astype(np.uint8)
    cv2.floodFill(around, None, (0, 0), 2)
    enclosed = int((around[1:-1, 1:-1] == 1).sum())
    return enclosed / max(1, enclosed + int(apart.sum()))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.outlines", description=__doc__)
    parser.add_argument("--model", type=Path, default=NANO_DIRECTORY)
    parser.add_argument("--output", type=Path, default=NANO_DIRECTORY / FILE)
    parser.add_argument("--runs", type=Path, default=Path("runs/nano"), help="for the checkpoint")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--count", type=int, default=24, help="clips to measure afterwards")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with make_executor() as executor:
        edge = ModelLimits.of(str(arguments.model)).native_edge
        drawn = submit(executor, edge) if arguments.steps else []
        device = choose_training_device()
        train(
            arguments.model,
            arguments.output,
            arguments.runs,
            arguments.steps,
            drawn=drawn,
            device=device,
        )
    model = load_model(str(arguments.model), device=torch.device("cpu"), dtype=torch.float32)
    for lora in (None, Lora(str(arguments.output))):
        share = hollow_share(model, lora, arguments.count)
        print(f"{'with' if lora else 'without'} the LoRA {share:.1%} of clips show outlines")


if __name__ == "__main__":
    main()
