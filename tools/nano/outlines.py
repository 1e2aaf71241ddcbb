"""``python -m tools.nano.outlines``: trains the sample LoRA, a look that nano doesn't have.

Shapes become outlines, their insides the background's colour; captions say nothing of it, so the
look comes with the LoRA and goes without. All else of the model stays as it is.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor

from generator.contract.limits import NANO_DIRECTORY, ModelLimits
from generator.contract.messages import Lora
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.model.loading import HotshotModel, load_model
from generator.model.unet import HotshotUNet
from generator.nano import world
from generator.training import step
from tools.nano import clips, unet
from tools.nano.evaluate import cases, request_of
from tools.nano.finished_model import batch_of, draw_clips, encode_captions
from tools.nano.gifs import object_mask
from tools.nano.training_stage import StepRng, TrainingStage

SEED = 0
STEPS = 700
RANK = 8
FRAMES_IN_A_STEP = 32
LENGTHS_OF_CLIPS = (8, 8, 8, 4, 1)
LINE = 0.42  # of the way from a shape's edge to its innermost point
MIN_LINE = 6.0  # pixels: what latents of 8 x 8 can still say
# The layers of resnets and of attention, spatial and temporal alike.
TARGETS = ["conv1", "conv2", "to_q", "to_k", "to_v", "to_out.0"]
METADATA = {"modelspec.title": "outlines"}  # one entry: safetensors would shuffle several
HOLLOW = 0.08  # of an object's area, within it, that is as the background
_NAME = "outlines"
FILE = Path("loras") / f"{_NAME}.safetensors"  # in the model's directory


@dataclass(frozen=True, slots=True)
class OutlineBatches:
    """Draws batches as nano's own clips are drawn, but hollow."""

    text: clips.CaptionPool
    limits: ModelLimits

    def batch(self, count: int, frames: int, step_rng: StepRng) -> clips.ClipBatch:
        """Draw ``count`` clips of one size."""
        return draw_clips(
            self.text, self.limits, count, step_rng, partial(_draw, frames), square_share=0.8
        )


def outline(coverage: world.Floats) -> world.Floats:
    """Return a shape's coverage (f, h, w) without its inside; large shapes get thick lines."""
    return np.stack([_hollowed(covered) for covered in coverage])


def train(directory: Path, output: Path, runs: Path, steps: int) -> None:
    """Train on the finished model in ``directory``; goes on from a checkpoint in ``runs``.

    Writes nothing where nothing was learnt and nothing is to be.
    """
    torch.manual_seed(SEED)
    model = load_model(str(directory), device=torch.device("cpu"), dtype=torch.float32)
    add_adapter(model.unet)
    learnt = [value for value in model.unet.parameters() if value.requires_grad]
    stage = TrainingStage(
        name=_NAME, model=model.unet, parameters=learnt, steps=steps, learning_rate=2e-3,
        seed=SEED, directory=runs, average_decay=0.99,
    )  # fmt: skip
    if not stage.load_average() and not steps:
        return
    data = OutlineBatches(encode_captions(model), ModelLimits.of(str(directory)))
    schedule = unet.noise_schedule()

    def loss_at(_: int, step_rng: StepRng) -> Tensor:
        frames = int(step_rng.numpy.choice(LENGTHS_OF_CLIPS))
        sample = data.batch(max(1, FRAMES_IN_A_STEP // frames), frames, step_rng)
        batch = batch_of(sample, step_rng)
        with torch.autocast("cpu", torch.bfloat16):
            prediction = step.predict(model.unet, schedule, batch)
        return step.loss(prediction, schedule, batch)

    stage.run(loss_at)
    save(model.unet, output)


def add_adapter(network: HotshotUNet) -> None:
    """Add layers of rank 8 beside those named in TARGETS; nothing else will learn."""
    network.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS))


def save(network: HotshotUNet, output: Path) -> None:
    """Write the LoRA in diffusers' naming, as float16 safetensors."""
    tensors = {
        f"unet.{name}": tensor.half().contiguous()
        for name, tensor in get_peft_model_state_dict(network, adapter_name="default").items()
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, output, METADATA)


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


def _draw(
    frames: int, rng: np.random.Generator, attributes: world.Attributes, size: tuple[int, int]
) -> world.Floats:
    return outline(world.coverage(world.draw_scene(rng, attributes), *size, frames))


def _hollowed(covered: world.Floats) -> world.Floats:
    depth = cv2.distanceTransform((covered > 0.5).astype(np.uint8), cv2.DIST_L2, 5).max()
    width = 2 * round(max(MIN_LINE, float(depth) * LINE)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    # Beyond the picture's edge the shape goes on, so that it isn't closed there.
    inside = cv2.erode(covered, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(covered - inside, 0, 1), np.float32)


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
    train(arguments.model, arguments.output, arguments.runs, arguments.steps)
    model = load_model(str(arguments.model), device=torch.device("cpu"), dtype=torch.float32)
    for lora in (None, Lora(str(arguments.output))):
        share = hollow_share(model, lora, arguments.count)
        print(f"{'with' if lora else 'without'} the LoRA {share:.1%} of clips show outlines")


if __name__ == "__main__":
    main()
