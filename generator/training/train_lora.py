"""Trains a LoRA of a subject or a style: ``accelerate launch -m generator.training.train_lora``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler

from generator.checkpoints.resolve import model_directory
from generator.contract.limits import ModelLimits
from generator.contract.progress import ProgressCallback
from generator.model.loading import HotshotModel, load_model
from generator.training import export
from generator.training.accelerator import freeze, open_accelerator, training_dtype
from generator.training.class_images import prepare_class_images
from generator.training.data.batches import (
    Batches,
    CaptionEncoder,
    TrainingClip,
    make_clip,
    make_crop_clips,
)
from generator.training.data.buckets import BucketSampler, choose_size
from generator.training.data.latent_cache import Cache, CachedCaptionEncoder, LatentEncoder
from generator.training.data.samples import Sample
from generator.training.data.subject_pictures import find_pictures
from generator.training.fine_tune import CPU, fill_caches
from generator.training.loop import Loop
from generator.training.settings import DEFAULT_LORA_STEPS, LoraSettings
from generator.training.tasks.lora import Adapter, LiveCaptionEncoder, LoraTask
from generator.training.trackers import Trackers
from generator.training.validation import Validation, move_encoders

FRAMES = 8  # of a validation GIF


def train_lora(settings: LoraSettings, progress: ProgressCallback) -> Path:
    """Runs to the end and gives the directory of the result. Raises HotshotError.

    ``progress`` is told (stage, step, steps).
    """
    settings.check()
    run = settings.run
    with open_accelerator(run) as (accelerator, run_directory):
        checkpoint = run_directory.resolve_resume(
            run.resume, weights_only=run.disable_optimizer_restore
        )
        pictures = find_pictures(
            settings.data_dir, trigger=settings.trigger, bad_samples=settings.bad_samples
        )
        pictures.print_summary("picture")
        model, base = _load(settings, accelerator)
        move_encoders(model, accelerator.device)
        others = prepare_class_images(model, settings, accelerator, progress)
        adapter = Adapter(model, settings, base)
        model.unet.train()
        if run.gradient_checkpointing:
            model.unet.enable_gradient_checkpointing()
        seen = pictures.epoch_samples
        batches = _batches(settings, model, seen, accelerator, base, crops=settings.crops)
        prior = _batches(settings, model, others, accelerator, base) if others else None
        for some in filter(None, (batches, prior)):
            fill_caches(some, accelerator, progress)
        if settings.cache_latents and not settings.train_text_encoder:
            move_encoders(model, CPU)
        task = LoraTask(model, adapter, batches, prior, settings)
        steps = run.total_steps(batches.sampler.steps_per_epoch, default=DEFAULT_LORA_STEPS)
        journal = Trackers(
            run, accelerator, _validation(settings, model, accelerator), steps=steps,
            progress=progress,
        )  # fmt: skip
        loop = Loop(task, run, accelerator, run_directory, journal, steps=steps)
        if checkpoint is not None:
            loop.resume(checkpoint)
        if accelerator.is_main_process:
            journal.open(loop.done)
        loop.run()
        if accelerator.is_main_process:
            with loop.ema_weights():
                task.save(run.output_dir)
    return run.output_dir


def _load(settings: LoraSettings, accelerator: Accelerator) -> tuple[HotshotModel, str]:
    """All frozen; what stays as it is has the run's precision. And its fingerprint before that."""
    model_directory(settings.model)
    model = load_model(
        settings.model,
        spatial_unet_base=settings.spatial_unet_base,
        device=CPU,
        dtype=torch.float32,
    )
    base = export.fingerprint(model.unet)
    freeze(model.unet.parameters(), training_dtype(accelerator))
    model.unet.to(accelerator.device)
    if settings.vae_b16:
        model.vae.to(torch.bfloat16)
    return model, base


def _batches(
    settings: LoraSettings,
    model: HotshotModel,
    samples: Sequence[Sample],
    accelerator: Accelerator,
    base: str,
    *,
    crops: int = 1,
) -> Batches:
    run = settings.run
    rng = np.random.default_rng(run.seed)
    clips = [clip for sample in samples for clip in _clips(settings, sample, crops, rng)]
    kept = Cache(run.output_dir / "cache" if settings.cache_latents else None)
    text = Cache(run.output_dir / "cache")
    captions: CaptionEncoder = (
        LiveCaptionEncoder(model.text)
        if settings.train_text_encoder
        else CachedCaptionEncoder(model.text, text, f"text {base}")
    )
    return Batches(
        clips=clips,
        sampler=BucketSampler(
            [clip.shape for clip in clips], run.batch(accelerator.num_processes), run.seed
        ),
        schedule=DDPMScheduler.from_config(dict(model.scheduler_config)),
        latents=LatentEncoder(model.vae, kept, f"vae {base} {model.vae.dtype}"),
        captions=captions,
        seed=run.seed,
        device=accelerator.device,
        caption_dropout=settings.caption_dropout,
        noise_offset=settings.noise_offset,
        snr_gamma=settings.snr_gamma,
        flip=settings.flip,
    )


def _clips(
    settings: LoraSettings, sample: Sample, crops: int, rng: np.random.Generator
) -> list[TrainingClip]:
    size = choose_size(*sample.size, settings.resolution)
    if len(sample.files) > 1:  # one that the model made
        return [make_clip(sample, size)]
    return make_crop_clips(sample, size, crops, rng, video_length=settings.video_length)


def _validation(
    settings: LoraSettings, model: HotshotModel, accelerator: Accelerator
) -> Validation:
    size = choose_size(1, 1, settings.resolution)
    limits = ModelLimits.of(settings.model)
    return Validation(model, accelerator, settings.run, limits, size, FRAMES)


if __name__ == "__main__":  # accelerate and torchrun start this module as a program
    import runpy
    import sys

    # By the command line's name, not by an import: training knows nothing of who calls it.
    sys.argv.insert(1, "train-lora")
    runpy.run_module("generator", run_name="__main__", alter_sys=True)
