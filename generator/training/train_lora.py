"""Trains a LoRA of a subject or a style: ``accelerate launch -m generator.training.train_lora``.

Reads the pictures, loads the model, and hands both to the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from accelerate import Accelerator

from generator.checkpoints.resolve import resolve_model_directory
from generator.contract.progress import ProgressCallback
from generator.model.loading import HotshotModel
from generator.model.unet import HotshotUNet
from generator.training.class_images import prepare_class_images
from generator.training.data.batches import (
    Batches,
    CaptionEncoder,
    TrainingClip,
    make_clip,
    make_crop_clips,
)
from generator.training.data.buckets import choose_size
from generator.training.data.latent_cache import Cache, CachedCaptionEncoder, LatentEncoder
from generator.training.data.samples import Sample
from generator.training.data.subject_pictures import find_pictures
from generator.training.run import (
    PreparedTask,
    load_frozen,
    make_batches,
    make_validation,
    run_training,
)
from generator.training.settings import LoraSettings
from generator.training.tasks.lora import Adapter, LiveCaptionEncoder, LoraTask
from generator.training.validation import move_encoders

VALIDATION_FRAMES = 8


def train_lora(settings: LoraSettings, progress: ProgressCallback) -> Path:
    """Train to the end and return the directory of the result. Raises HotshotError."""
    return run_training(settings, partial(_prepare, settings, progress), progress)


def _prepare(
    settings: LoraSettings, progress: ProgressCallback, accelerator: Accelerator
) -> PreparedTask:
    pictures = find_pictures(
        settings.data_dir, trigger=settings.trigger, bad_samples=settings.bad_samples
    )
    pictures.print_summary("picture")
    resolve_model_directory(settings.model)  # says in a sentence where there is none
    model, fingerprint = load_frozen(
        settings, accelerator, HotshotUNet.parameters, spatial_unet_base=settings.spatial_unet_base
    )
    # Before the adapter: its layers are drawn where the layers are that they belong to.
    move_encoders(model, accelerator.device)
    class_images = prepare_class_images(model, settings, accelerator, progress)
    adapter = Adapter(model, settings, fingerprint)
    model.unet.train()
    if settings.run.gradient_checkpointing:
        model.unet.enable_gradient_checkpointing()
    batches = [
        _batches(settings, model, samples, accelerator, fingerprint, crops=crops)
        for samples, crops in ((pictures.epoch_samples, settings.crops), (class_images, 1))
        if samples
    ]
    task = LoraTask(model, adapter, batches[0], batches[1] if class_images else None, settings)
    return PreparedTask(
        task=task,
        model=model,
        batches=batches,
        validation=make_validation(
            settings, model, accelerator, choose_size(1, 1, settings.resolution), VALIDATION_FRAMES
        ),
        needs_encoders=settings.train_text_encoder or not settings.cache_latents,
        save_result=task.save,
    )


def _batches(
    settings: LoraSettings,
    model: HotshotModel,
    samples: Sequence[Sample],
    accelerator: Accelerator,
    fingerprint: str,
    *,
    crops: int,
) -> Batches:
    rng = np.random.default_rng(settings.run.seed)
    directory = settings.run.output_dir / "cache"
    captions: CaptionEncoder = (
        LiveCaptionEncoder(model.text)
        if settings.train_text_encoder
        else CachedCaptionEncoder(model.text, Cache(directory), f"text {fingerprint}")
    )
    return make_batches(
        settings,
        model,
        [clip for sample in samples for clip in _clips(settings, sample, crops, rng)],
        accelerator,
        latents=LatentEncoder(
            model.vae,
            Cache(directory if settings.cache_latents else None),
            f"vae {fingerprint} {model.vae.dtype}",
        ),
        captions=captions,
        flip=settings.flip,
    )


def _clips(
    settings: LoraSettings, sample: Sample, crops: int, rng: np.random.Generator
) -> list[TrainingClip]:
    size = choose_size(*sample.size, settings.resolution)
    if len(sample.files) > 1:  # one that the model made
        return [make_clip(sample, size)]
    return make_crop_clips(sample, size, crops, rng, video_length=settings.video_length)


if __name__ == "__main__":  # accelerate and torchrun start this module as a program
    import runpy
    import sys

    # By the command line's name, not by an import: training knows nothing of who calls it.
    sys.argv.insert(1, "train-lora")
    runpy.run_module("generator", run_name="__main__", alter_sys=True)
