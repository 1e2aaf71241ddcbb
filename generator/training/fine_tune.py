"""Fine-tunes a Hotshot-XL's temporal layers: ``accelerate launch -m generator.training.fine_tune``.

Puts together what the other modules are, in the order in which mistakes are cheapest: data first,
then the model, then the caches, then the loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler

from generator.checkpoints.resolve import model_directory
from generator.contract.limits import ModelLimits
from generator.contract.progress import ProgressCallback
from generator.model.loading import HotshotModel, load_model
from generator.training import export
from generator.training.accelerator import freeze, open_accelerator, training_dtype
from generator.training.data.batches import Batches, TrainingClip, make_clip
from generator.training.data.buckets import BucketSampler, choose_size
from generator.training.data.dataset import CUT_DIRECTORY, holds_films, recut_films
from generator.training.data.latent_cache import (
    Cache,
    CachedCaptionEncoder,
    LatentEncoder,
    digest_files,
)
from generator.training.data.samples import find_clips, is_sample_folder
from generator.training.loop import Loop
from generator.training.settings import DatasetSettings, FineTuneSettings
from generator.training.tasks.temporal import TemporalTask, checkpoint_gradients
from generator.training.trackers import Trackers
from generator.training.validation import Validation, move_encoders

CPU = torch.device("cpu")
TEXT_FOLDERS = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")


def fine_tune(settings: FineTuneSettings, progress: ProgressCallback) -> Path:
    """Runs to the end and gives the directory of the result. Raises HotshotError.

    ``progress`` is told (stage, step, steps).
    """
    settings.check()
    run = settings.run
    with open_accelerator(run) as (accelerator, run_directory):
        checkpoint = run_directory.resolve_resume(
            run.resume, weights_only=run.disable_optimizer_restore
        )
        clips = _clips(settings, accelerator, progress)
        source = model_directory(settings.model)
        model, base = _load(settings, accelerator)
        batches = _batches(settings, model, source, clips, accelerator)
        task = TemporalTask(model.unet, batches, base)
        move_encoders(model, accelerator.device)
        fill_caches(batches, accelerator, progress)
        if settings.cache_latents and settings.cache_text:
            move_encoders(model, CPU)
        steps = run.total_steps(batches.sampler.steps_per_epoch)
        look = _validation(settings, model, clips, accelerator)
        journal = Trackers(run, accelerator, look, steps=steps, progress=progress)
        loop = Loop(task, run, accelerator, run_directory, journal, steps=steps)
        if checkpoint is not None:
            loop.resume(checkpoint)
        if accelerator.is_main_process:
            journal.open(loop.done)
        loop.run()
        if accelerator.is_main_process:
            with loop.ema_weights():
                task.save(run.output_dir)
                export.save_model(model.unet, source, run.output_dir)
    return run.output_dir


def _clips(
    settings: FineTuneSettings, accelerator: Accelerator, progress: ProgressCallback
) -> list[TrainingClip]:
    directories = [settings.data_dir]
    if holds_films(settings.data_dir):
        cut = settings.run.output_dir / CUT_DIRECTORY
        if accelerator.is_main_process:
            recut_films(_cutting(settings, cut), progress)
        accelerator.wait_for_everyone()
        has_folders = any(map(is_sample_folder, settings.data_dir.iterdir()))
        directories = [settings.data_dir, cut] if has_folders else [cut]
    clips = []
    for directory in directories:
        found = find_clips(
            directory, video_length=settings.video_length, bad_samples=settings.bad_samples
        )
        found.print_summary("clip")
        clips += [
            make_clip(sample, choose_size(*sample.size, settings.resolution, settings.aspect_ratio))
            for sample in found.epoch_samples
        ]
    return clips


def _cutting(settings: FineTuneSettings, directory: Path) -> DatasetSettings:
    return DatasetSettings(
        data_dir=settings.data_dir,
        output_dir=directory,
        resolution=settings.resolution,
        aspect_ratio=settings.aspect_ratio,
        frames=settings.video_length or 8,
        bad_samples=settings.bad_samples,
    )


def _load(settings: FineTuneSettings, accelerator: Accelerator) -> tuple[HotshotModel, str]:
    """The model ready to train: on the device, its temporal layers alone in float32 and free.

    And its fingerprint, the same whatever precision it is trained in.
    """
    model = load_model(settings.model, device=CPU, dtype=torch.float32)
    base = export.fingerprint(model.unet)
    freeze(model.unet.spatial_parameters(), training_dtype(accelerator))
    for parameter in model.unet.temporal_parameters():
        parameter.requires_grad_()
    model.unet.to(accelerator.device)
    model.unet.train()
    if settings.run.gradient_checkpointing:
        checkpoint_gradients(model.unet)
    if settings.vae_b16:
        model.vae.to(torch.bfloat16)
    return model, base


def _batches(
    settings: FineTuneSettings,
    model: HotshotModel,
    source: Path,
    clips: Sequence[TrainingClip],
    accelerator: Accelerator,
) -> Batches:
    return Batches(
        clips=clips,
        sampler=BucketSampler(
            [clip.shape for clip in clips],
            settings.run.batch(accelerator.num_processes),
            settings.run.seed,
        ),
        schedule=DDPMScheduler.from_config(dict(model.scheduler_config)),
        latents=LatentEncoder(
            model.vae,
            Cache(settings.cache_directory / "latents" if settings.cache_latents else None),
            digest_files(files_in(source, ("vae",)), str(model.vae.dtype)),
            settings.max_vae_encode,
        ),
        captions=CachedCaptionEncoder(
            model.text,
            Cache(settings.cache_directory / "text" if settings.cache_text else None),
            digest_files(files_in(source, TEXT_FOLDERS)),
        ),
        seed=settings.run.seed,
        device=accelerator.device,
        caption_dropout=settings.caption_dropout,
        noise_offset=settings.noise_offset,
        snr_gamma=settings.snr_gamma,
    )


def fill_caches(batches: Batches, accelerator: Accelerator, progress: ProgressCallback) -> None:
    """Each process its share."""
    mine = range(accelerator.process_index, len(batches.clips), accelerator.num_processes)
    for done, _ in enumerate(batches.prepare(mine), start=1):
        progress("encode", done, len(mine))
    accelerator.wait_for_everyone()


def _validation(
    settings: FineTuneSettings,
    model: HotshotModel,
    clips: Sequence[TrainingClip],
    accelerator: Accelerator,
) -> Validation:
    """In the shape that most clips have."""
    ((size, frames), _), *_ = Counter(
        (clip.size, len(clip.sample.files)) for clip in clips
    ).most_common()
    limits = ModelLimits.of(settings.model)
    return Validation(model, accelerator, settings.run, limits, size, frames)


def files_in(source: Path, folders: Sequence[str]) -> list[Path]:
    found = (path for folder in folders for path in (source / folder).rglob("*"))
    return sorted(path for path in found if path.is_file())


if __name__ == "__main__":  # accelerate and torchrun start this module as a program
    import runpy
    import sys

    # By the command line's name, not by an import: training knows nothing of who calls it.
    sys.argv.insert(1, "fine-tune")
    runpy.run_module("generator", run_name="__main__", alter_sys=True)
