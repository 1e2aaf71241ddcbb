"""The course of a training run, whatever its task is.

Puts together what the other modules are, in the order in which mistakes are cheapest: data first,
then the model, then the caches, then the loop. Knows neither temporal layers nor LoRAs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler
from torch import nn

from generator.contract.limits import ModelLimits, Size
from generator.contract.progress import ProgressCallback
from generator.model.loading import HotshotModel, load_model
from generator.model.unet import HotshotUNet
from generator.training import export
from generator.training.accelerator import freeze, open_accelerator, training_dtype
from generator.training.data.batches import Batches, CaptionEncoder, TrainingClip
from generator.training.data.buckets import BucketSampler
from generator.training.data.latent_cache import LatentEncoder
from generator.training.loop import Loop, Task
from generator.training.settings import TrainingSettings
from generator.training.trackers import Trackers
from generator.training.validation import Validation, move_encoders

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTask:
    """A task that is ready to train, and what a run needs around it.

    The first of ``batches`` decides how long an epoch is. ``needs_encoders`` is false where all
    that is to be encoded comes from caches. ``save_result`` writes what the run leaves behind.
    """

    task: Task
    model: HotshotModel
    batches: Sequence[Batches]
    validation: Validation
    needs_encoders: bool
    save_result: Callable[[Path], None]


def run_training(
    settings: TrainingSettings,
    prepare: Callable[[Accelerator], PreparedTask],
    progress: ProgressCallback,
) -> Path:
    """Train to the end and return the directory of the result. Raises HotshotError."""
    settings.check()
    run = settings.run
    with open_accelerator(run) as (accelerator, run_directory, checkpoint):
        prepared = prepare(accelerator)
        _fill_caches(prepared, accelerator, progress)
        steps = run.total_steps(
            prepared.batches[0].sampler.steps_per_epoch, default=settings.default_steps
        )
        trackers = Trackers(run, accelerator, prepared.validation, steps=steps, progress=progress)
        loop = Loop(prepared.task, run, accelerator, run_directory, trackers, steps=steps)
        if checkpoint is not None:
            loop.resume(checkpoint)
        if accelerator.is_main_process:
            trackers.begin(loop.done)
        loop.run()
        if accelerator.is_main_process:
            with loop.optimizer.ema_weights():
                prepared.save_result(run.output_dir)
    return run.output_dir


def load_frozen(
    settings: TrainingSettings,
    accelerator: Accelerator,
    frozen: Callable[[HotshotUNet], Iterable[nn.Parameter]],
    *,
    spatial_unet_base: str | None = None,
) -> tuple[HotshotModel, str]:
    """Load a model whose ``frozen`` parameters have the run's precision and learn nothing.

    All else is float32. Returns its fingerprint too, which is the same in every precision. The
    UNet is on the device, the encoders are on the CPU.
    """
    model = load_model(
        settings.model,
        spatial_unet_base=spatial_unet_base,
        device=CPU,
        dtype=torch.float32,
    )
    fingerprint = export.compute_fingerprint(model.unet)
    freeze(frozen(model.unet), training_dtype(accelerator))
    model.unet.to(accelerator.device)
    if settings.vae_b16:
        model.vae.to(torch.bfloat16)
    return model, fingerprint


def make_batches(
    settings: TrainingSettings,
    model: HotshotModel,
    clips: Sequence[TrainingClip],
    accelerator: Accelerator,
    *,
    latents: LatentEncoder,
    captions: CaptionEncoder,
    flip: bool = False,
) -> Batches:
    """Return the batches of a run over ``clips``, drawn from its seed."""
    run = settings.run
    return Batches(
        clips=clips,
        sampler=BucketSampler(
            [clip.shape for clip in clips], run.batch(accelerator.num_processes), run.seed
        ),
        schedule=DDPMScheduler.from_config(dict(model.scheduler_config)),
        latents=latents,
        captions=captions,
        seed=run.seed,
        device=accelerator.device,
        caption_dropout=settings.caption_dropout,
        noise_offset=settings.noise_offset,
        snr_gamma=settings.snr_gamma,
        flip=flip,
    )


def make_validation(
    settings: TrainingSettings,
    model: HotshotModel,
    accelerator: Accelerator,
    size: Size,
    frames: int,
) -> Validation:
    """Return the validation of a run, in GIFs of ``frames`` frames of ``size``."""
    limits = ModelLimits.of(settings.model)
    return Validation(model, accelerator, settings.run, limits, size, frames)


def _fill_caches(
    prepared: PreparedTask, accelerator: Accelerator, progress: ProgressCallback
) -> None:
    """Encode all clips and captions, each process its share, where there are caches."""
    move_encoders(prepared.model, accelerator.device)
    for batches in prepared.batches:
        indices = range(accelerator.process_index, len(batches.clips), accelerator.num_processes)
        for done, _ in enumerate(batches.prepare(indices), start=1):
            progress("encode", done, len(indices))
        accelerator.wait_for_everyone()
    if not prepared.needs_encoders:
        move_encoders(prepared.model, CPU)
