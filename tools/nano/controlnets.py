"""``python -m tools.nano.controlnets``: trains nano's ControlNets, canny and depth.

Each begins as a copy of the finished UNet's spatial half (Zhang et al., "Adding Conditional Control
to Text-to-Image Diffusion Models", 2023), and the UNet stays as it is. What is drawn as the source
goes its own way, whatever the caption says of shape and motion; colours are the caption's.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel, DDPMScheduler
from einops import rearrange
from torch import Tensor

from generator.contract.limits import NANO_DIRECTORY, ModelLimits
from generator.model.conditioning import Conditioning
from generator.model.controlnet_loading import config_for
from generator.model.loading import load_model
from generator.model.text_encoding import EncodedText
from generator.model.unet import ClipAttnProcessor, HotshotUNet
from generator.nano import world
from generator.training import step
from tools.nano import clips, source_paths, unet
from tools.nano.finished_model import batch_of, draw_clips, encode_captions
from tools.nano.training_stage import StepRng, TrainingStage

SEED = 0
FRAMES_IN_A_STEP = 32
LENGTHS_OF_CLIPS = (8, 8, 8, 1, 1, 1, 16, 4)
OWN_SHAPE_SHARE = 0.4  # sources of another shape than the caption's
# Depth shows where the shape is, canny only its edge: so canny goes on from what depth has learnt.
STEPS = {"depth": 900, "canny": 900}
PURE, MIDDLE = 0.25, 0.5  # with little noise left, there is nothing to be learnt of a source
EMBEDDING_CHANNELS = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class ControlBatch:
    """A batch of clips, and what the ControlNet sees of them."""

    clips: clips.ClipBatch
    pictures: Tensor  # (b, f, 3, h, w) from 0 to 1


@dataclass(frozen=True, slots=True)
class ControlBatches:
    """Draws batches: captions from a pool, paths anew each time."""

    text: clips.CaptionPool
    limits: ModelLimits

    def batch(self, kind: str, count: int, frames: int, step_rng: StepRng) -> ControlBatch:
        """Draw ``count`` clips of one size, seen as ``kind`` sees them."""
        pictures = []

        def draw(
            rng: np.random.Generator, attributes: world.Attributes, size: tuple[int, int]
        ) -> world.Floats:
            coverage = _draw(rng, attributes, size, frames)
            pictures.append(torch.from_numpy(source_paths.ANNOTATORS[kind](rng, coverage)))
            return coverage

        batch = draw_clips(self.text, self.limits, count, step_rng, draw, square_share=0.7)
        shown = rearrange(torch.stack(pictures), "b f h w c -> b f c h w")
        return ControlBatch(batch, shown.float() / 255)


def build(network: HotshotUNet) -> ControlNetModel:
    """Make a ControlNet whose spatial weights are the UNet's, and which changes nothing yet."""
    config = config_for(network.published_config)
    controlnet = ControlNetModel.from_config(
        config | {"conditioning_embedding_out_channels": EMBEDDING_CHANNELS}
    )
    wanted = controlnet.state_dict()
    spatial = {name: value for name, value in network.state_dict().items() if name in wanted}
    controlnet.load_state_dict(wanted | spatial)
    controlnet.set_attn_processor(ClipAttnProcessor())
    return controlnet


def loss(
    controlnet: ControlNetModel,
    network: HotshotUNet,
    schedule: DDPMScheduler,
    sample: ControlBatch,
    step_rng: StepRng,
) -> Tensor:
    """Return the loss of the UNet, which is frozen, with what the ControlNet adds."""
    drawn = sample.clips
    frames = drawn.latents.shape[2]
    batch = batch_of(drawn, step_rng, pure=PURE, middle=MIDDLE)
    conditioning = Conditioning(EncodedText(drawn.prompt_embeds, drawn.text_embeds), drawn.time_ids)
    noisy = schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
    with torch.autocast("cpu", torch.bfloat16):
        down, mid = controlnet(
            rearrange(noisy, "b c f h w -> (b f) c h w"),
            batch.timesteps.repeat_interleave(frames),
            encoder_hidden_states=drawn.prompt_embeds,
            controlnet_cond=sample.pictures.flatten(0, 1),
            added_cond_kwargs=conditioning.added_cond_kwargs_per_frame(frames),
            return_dict=False,
        )
        prediction = network(
            noisy,
            batch.timesteps,
            drawn.prompt_embeds,
            added_cond_kwargs=conditioning.added_cond_kwargs,
            down_block_additional_residuals=tuple(down),
            mid_block_additional_residual=mid,
            return_dict=False,
        )[0]
    return step.loss(prediction, schedule, batch)


def train(directory: Path, runs: Path, lengths: Mapping[str, int] = STEPS) -> None:
    """Train ``controlnet/canny`` and ``controlnet/depth`` into a finished model's directory.

    Goes on from checkpoints in ``runs``; one that has learnt nothing and isn't to is left out.
    """
    torch.manual_seed(SEED)
    model = load_model(str(directory), device=torch.device("cpu"), dtype=torch.float32)
    control_batches = ControlBatches(encode_captions(model), ModelLimits.of(str(directory)))
    controlnet = build(model.unet)
    for kind, steps in lengths.items():
        stage = TrainingStage(
            name=kind, model=controlnet, parameters=list(controlnet.parameters()), steps=steps,
            learning_rate=1e-3, matrix_rate=2e-3, seed=SEED, directory=runs, average_decay=0.99,
        )  # fmt: skip
        if stage.load_average() or steps:
            stage.run(_loss_of(kind, controlnet, model.unet, control_batches))
            save(controlnet, directory / "controlnet" / kind)


def save(controlnet: ControlNetModel, directory: Path) -> None:
    """Write a ControlNet as float16 safetensors, in diffusers' layout."""
    half = ControlNetModel.from_config(controlnet.config)
    half.load_state_dict(controlnet.state_dict())
    half.half().save_pretrained(directory)


def _loss_of(
    kind: str, controlnet: ControlNetModel, network: HotshotUNet, control_batches: ControlBatches
) -> Callable[[int, StepRng], Tensor]:
    schedule = unet.noise_schedule()

    def loss_at(_: int, step_rng: StepRng) -> Tensor:
        frames = int(step_rng.numpy.choice(LENGTHS_OF_CLIPS))
        sample = control_batches.batch(kind, max(1, FRAMES_IN_A_STEP // frames), frames, step_rng)
        return loss(controlnet, network, schedule, sample, step_rng)

    return loss_at


def _draw(
    rng: np.random.Generator, attributes: world.Attributes, size: tuple[int, int], frames: int
) -> world.Floats:
    """Draw a shape's coverage on a path of its own; now and then as the world moves it."""
    if rng.random() < 0.3:
        return world.coverage(world.draw_scene(rng, attributes), *size, frames)
    shape = attributes.shape
    if rng.random() < OWN_SHAPE_SHARE:
        shape = world.SHAPES[int(rng.integers(len(world.SHAPES)))]
    return source_paths.draw_coverage(rng, shape, size, frames)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.controlnets", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=NANO_DIRECTORY, help="the finished model's directory"
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/nano"), help="for checkpoints")
    for kind, steps in STEPS.items():
        parser.add_argument(f"--{kind}-steps", type=int, default=steps)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    lengths = {kind: getattr(arguments, f"{kind}_steps") for kind in STEPS}
    train(arguments.model, arguments.runs, lengths)


if __name__ == "__main__":
    main()
