"""``python -m tools.nano.controlnets``: trains nano's ControlNets, canny and depth.

Each begins as a copy of the finished UNet's spatial half (Zhang et al., "Adding Conditional Control
to Text-to-Image Diffusion Models", 2023), or goes on from that of the version before, and the UNet
stays as it is. What is drawn as the source
goes its own way, whatever the caption says of shape and motion; colours are the caption's.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel
from einops import rearrange
from torch import Tensor

from generator.contract.limits import NANO_DIRECTORY, ModelLimits
from generator.model.conditioning import Conditioning
from generator.model.controlnet_loading import config_for
from generator.model.text_encoding import EncodedText
from generator.model.unet import ClipAttnProcessor, HotshotUNet
from generator.nano import world
from generator.training import step
from tools.nano import clips, growth, unet
from tools.nano.drawn_sources import Sources, draw_sources
from tools.nano.finished_model import encode_captions, load_finished
from tools.nano.geometries import Bucket
from tools.nano.machine import CPU, choose_training_device, make_executor, mixed_precision
from tools.nano.step_inputs import RandomInputs
from tools.nano.training_stage import TrainingStage, is_needed
from tools.nano.unet import ClipLoss

SEED = 0
VARIANTS = 8  # sources drawn for each shape and motion that a caption may say
LATENTS_IN_A_STEP = 32 * 16 * 16  # 32 frames of the native size
# Depth shows where the shape is, canny only its edge: so canny goes on from what depth has learnt.
STEPS = {"depth": 900, "canny": 900}
FURTHER_STEPS = {"depth": 300, "canny": 300}  # of those of the version before
PURE, MIDDLE = 0.25, 0.5  # with little noise left, there is nothing to be learnt of a source
EMBEDDING_CHANNELS = (8, 16, 32, 64)


def buckets(edge: int) -> dict[Bucket, float]:
    """Return how often sources of each length and size are drawn."""
    return {
        Bucket(8, edge, edge): 0.5,
        Bucket(8, edge * 3 // 2, edge * 5 // 8): 0.06,
        Bucket(8, edge * 5 // 8, edge * 3 // 2): 0.06,
        Bucket(8, 2 * edge, 2 * edge): 0.04,
        Bucket(16, edge, edge): 0.1,
        Bucket(4, edge, edge): 0.04,
        Bucket(1, edge, edge): 0.2,
    }


@dataclass(frozen=True, slots=True)
class Drawings:
    """Sources that an executor's processes are drawing, by kind and bucket."""

    parts: Mapping[str, Mapping[Bucket, Sequence[Future[Sources]]]]

    @classmethod
    def submit(
        cls, executor: Executor, lengths: Mapping[str, int], edge: int, variants: int = VARIANTS
    ) -> Drawings:
        """Begin to draw what each kind that has steps to learn needs."""
        return cls(
            {
                kind: {
                    bucket: [
                        executor.submit(draw_sources, kind, bucket, shape, variants)
                        for shape in world.SHAPES
                    ]
                    for bucket in buckets(edge)
                }
                for kind, steps in lengths.items()
                if steps
            }
        )


class ControlLoss(ClipLoss):
    """The loss of the UNet, which is frozen, with what the ControlNet adds: a ``BucketLoss``."""

    def __init__(
        self,
        controlnet: ControlNetModel,
        network: HotshotUNet,
        tables: clips.ClipTables,
        drawn: Mapping[Bucket, Sequence[Future[Sources]]],
        weights: Mapping[Bucket, float],
    ) -> None:
        super().__init__(
            network, unet.noise_schedule(), tables, weights, LATENTS_IN_A_STEP, PURE, MIDDLE
        )
        self.controlnet = controlnet
        self._pictures = {}
        for bucket, parts in drawn.items():
            geometries, pictures = zip(*(part.result() for part in parts), strict=True)
            tables.add(bucket, np.concatenate(geometries, axis=1))
            stacked = np.concatenate(pictures, axis=1)[0]
            self._pictures[bucket] = torch.from_numpy(stacked).to(tables.device)

    def pictures(self, bucket: Bucket, chances: Tensor) -> Tensor:
        """Return what the ControlNet sees (b, f, 3, h, w), from 0 to 1."""
        _, shape, motion, *_ = self.tables.shown(chances).unbind(1)
        every = self._pictures[bucket]
        seen = every[shape, motion, clips.index_of(chances[:, 2], every.shape[2])]
        return (seen.float() / 255)[:, :, None].expand(-1, -1, 3, -1, -1)

    def __call__(self, bucket: Bucket, inputs: RandomInputs) -> Tensor:
        batch = self.batch(bucket, inputs, with_means=False)
        pictures = self.pictures(bucket, inputs.even)
        text = EncodedText(batch.prompt_embeds, batch.text_embeds)
        conditioning = Conditioning(text, batch.time_ids)
        noisy = self.schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
        with mixed_precision(inputs.even.device):
            down, mid = self.controlnet(
                rearrange(noisy, "b c f h w -> (b f) c h w"),
                batch.timesteps.repeat_interleave(bucket.frames),
                encoder_hidden_states=batch.prompt_embeds,
                controlnet_cond=pictures.flatten(0, 1),
                added_cond_kwargs=conditioning.added_cond_kwargs_per_frame(bucket.frames),
                return_dict=False,
            )
            prediction = self.network(
                noisy,
                batch.timesteps,
                batch.prompt_embeds,
                added_cond_kwargs=conditioning.added_cond_kwargs,
                down_block_additional_residuals=tuple(down),
                mid_block_additional_residual=mid,
                return_dict=False,
            )[0]
        return step.loss(prediction, self.schedule, batch)


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


def train(
    directory: Path,
    runs: Path,
    lengths: Mapping[str, int],
    drawings: Drawings,
    *,
    device: torch.device = CPU,
    base: Path | None = None,
) -> None:
    """Train ``controlnet/canny`` and ``controlnet/depth`` into a finished model's directory.

    They begin as those of the model ``base``, where it has them. Goes on from checkpoints in
    ``runs``; one that has learnt nothing and isn't to is left out.
    """
    lengths = {kind: steps for kind, steps in lengths.items() if is_needed(runs, kind, steps)}
    if not lengths:
        return
    torch.manual_seed(SEED)
    model = load_finished(directory, device)
    controlnet = build(model.unet).to(device)
    for kind, steps in lengths.items():
        earlier = base and growth.load_controlnet(base, kind)
        if earlier:
            controlnet.load_state_dict(earlier.state_dict())
        stage = TrainingStage(
            name=kind, model=controlnet, parameters=list(controlnet.parameters()), steps=steps,
            learning_rate=1e-3, matrix_rate=2e-3, seed=SEED, directory=runs, average_decay=0.99,
        )  # fmt: skip
        learnt = stage.load_average()
        if learnt < steps:
            pool = encode_captions(model).of_one_object()
            tables = clips.ClipTables(pool, SEED, device)
            weights = buckets(ModelLimits.of(str(directory)).native_edge)
            stage.run_buckets(
                ControlLoss(controlnet, model.unet, tables, drawings.parts[kind], weights)
            )
        if learnt or steps:
            save(controlnet, directory / "controlnet" / kind)


def save(controlnet: ControlNetModel, directory: Path) -> None:
    """Write a ControlNet as float16 safetensors, in diffusers' layout."""
    half = ControlNetModel.from_config(controlnet.config)
    half.load_state_dict(controlnet.state_dict())
    half.half().cpu().save_pretrained(directory)


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
    with make_executor() as executor:
        edge = ModelLimits.of(str(arguments.model)).native_edge
        drawings = Drawings.submit(executor, lengths, edge)
        train(arguments.model, arguments.runs, lengths, drawings, device=choose_training_device())


if __name__ == "__main__":
    main()
