"""Trains the consistency LoRA: four passes without guidance, where the model takes seven guided.

Latent consistency distillation (Luo et al., "Latent Consistency Models", 2023; as a LoRA,
"LCM-LoRA", 2023) from the model itself: what is predicted of the clean clip shall be the same from
any two noisy clips that lie on one way of the guided model, and near its end it shall be the clip
that was drawn. The guidance is then part of the LoRA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path

import torch
from torch import Tensor

from generator.contract.few_steps import METADATA_KEY
from generator.contract.limits import ModelLimits
from generator.model.unet import HotshotUNet
from generator.training import step
from tools.nano import clips, geometries, unet
from tools.nano.adapter_training import AdapterLesson, train_adapter
from tools.nano.adapters import without_adapter
from tools.nano.geometries import Bucket, Geometries
from tools.nano.machine import CPU, mixed_precision
from tools.nano.step_inputs import BucketLoss, RandomInputs

SEED = 0
STEPS = 300
VARIANTS = 8  # clips drawn of each shape and motion
LATENTS_IN_A_STEP = 32 * 16 * 16  # 32 frames of the native size
GRID = 20  # timesteps between neighbours: the sampler's own are of these
JUMP = 2 * GRID  # timesteps that the guided model goes in one step
# Below it, the drawn clip itself is the answer, and no prediction.
ANCHORED = 300  # of 1000 timesteps; the last of 4 passes begins at 259
LEARNING_RATE = 1e-4  # its gradients are mostly noise: at 1e-3 the LoRA walks away from the model
HUBER = 0.03  # differences far below it count by their square
METADATA = {METADATA_KEY: "lcm-4"}  # the passes that it is measured with
_NAME = "lcm"
FILE = Path("loras") / f"{_NAME}.safetensors"  # in the model's directory


def buckets(edge: int) -> dict[Bucket, float]:
    """Return how often clips of each length and size are drawn."""
    return {
        Bucket(8, edge, edge): 0.6,
        Bucket(8, edge * 3 // 2, edge * 5 // 8): 0.07,
        Bucket(8, edge * 5 // 8, edge * 3 // 2): 0.07,
        Bucket(8, 2 * edge, 2 * edge): 0.06,
        Bucket(16, edge, edge): 0.1,
        Bucket(24, edge, edge): 0.05,
        Bucket(1, edge, edge): 0.05,
    }


def submit(executor: Executor, edge: int, variants: int = VARIANTS) -> list[Geometries]:
    """Begin to draw nano's own clips."""
    return [geometries.submit(executor, bucket, variants, SEED) for bucket in buckets(edge)]


class ConsistencyLoss(unet.ClipLoss):
    """How far two predictions of one clip are apart: a ``BucketLoss``.

    The network has an adapter, which learns; without it it is the teacher, guided as the model is
    by default.
    """

    def __init__(
        self,
        network: HotshotUNet,
        tables: clips.ClipTables,
        weights: Mapping[Bucket, float],
        limits: ModelLimits,
    ) -> None:
        super().__init__(network, unet.noise_schedule(), tables, weights, LATENTS_IN_A_STEP)
        self._scale, self._rescale = limits.guidance_scale, limits.guidance_rescale
        self._kept = self.schedule.alphas_cumprod.to(tables.device)

    def __call__(self, bucket: Bucket, inputs: RandomInputs) -> Tensor:
        chances = inputs.even[:, : clips.CHANCES].clone()
        chances[:, clips.DROPS] = 1.0  # no caption is dropped: the LoRA is asked without guidance
        sample = self.tables.batch(bucket, chances)
        count = 1000 // GRID
        drawn = (inputs.even[:, clips.CHANCES] * count).long().clamp(max=count - 1)
        begin = (drawn + 1) * GRID - 1
        noisy = self.schedule.add_noise(sample.latents, inputs.normal, begin)
        asked = unet.add_noise(sample, inputs.normal, begin)
        with torch.no_grad():
            clean, noise = self._split(noisy, self._taught(noisy, asked), begin)
            end = (begin - JUMP).clamp(min=0)
            nearer = self._mixed(clean, noise, end)
            agreed = self._predict(nearer, asked, end)
            anchored = (begin < ANCHORED)[:, None, None, None, None]
            agreed = torch.where(anchored, sample.latents, agreed)
        off = self._predict(noisy, asked, begin) - agreed
        loss: Tensor = ((off.square() + HUBER**2).sqrt() - HUBER).mean()
        return loss

    def _predict(self, noisy: Tensor, asked: step.Batch, timesteps: Tensor) -> Tensor:
        """Return the clean clip (b, 4, f, h, w) that the network with its LoRA sees."""
        return self._split(noisy, self._velocity(noisy, asked, timesteps), timesteps)[0]

    def _taught(self, noisy: Tensor, asked: step.Batch) -> Tensor:
        """Return what the guided model predicts, some of its spread given back as by default."""
        nothing = step.Batch(
            latents=asked.latents,
            noise=asked.noise,
            timesteps=asked.timesteps,
            prompt_embeds=torch.zeros_like(asked.prompt_embeds),
            text_embeds=torch.zeros_like(asked.text_embeds),
            time_ids=asked.time_ids,
        )
        with without_adapter(self.network):
            told = self._velocity(noisy, asked, asked.timesteps)
            untold = self._velocity(noisy, nothing, asked.timesteps)
        guided = untold + self._scale * (told - untold)
        every = tuple(range(1, guided.ndim))
        spread = told.std(every, keepdim=True) / guided.std(every, keepdim=True)
        return self._rescale * guided * spread + (1 - self._rescale) * guided

    def _velocity(self, noisy: Tensor, asked: step.Batch, timesteps: Tensor) -> Tensor:
        conditions = {"text_embeds": asked.text_embeds, "time_ids": asked.time_ids}
        with mixed_precision(noisy.device):
            (velocity,) = self.network(
                noisy,
                timesteps,
                asked.prompt_embeds,
                added_cond_kwargs=conditions,
                return_dict=False,
            )
        predicted: Tensor = velocity.float()
        return predicted

    def _shares(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return how much of the clip and of noise is in a noisy clip, each (b, 1, 1, 1, 1)."""
        kept = self._kept[timesteps][:, None, None, None, None]
        return kept.sqrt(), (1 - kept).sqrt()

    def _split(self, noisy: Tensor, velocity: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the clean clip and the noise that a velocity means."""
        clip, noise = self._shares(timesteps)
        return clip * noisy - noise * velocity, noise * noisy + clip * velocity

    def _mixed(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        clip, noisy = self._shares(timesteps)
        return clip * clean + noisy * noise


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
        return ConsistencyLoss(network, tables, buckets(limits.native_edge), limits)

    lesson = AdapterLesson(_NAME, steps, LEARNING_RATE, SEED, METADATA, loss)
    train_adapter(lesson, directory, output, runs, drawn=drawn, device=device)
