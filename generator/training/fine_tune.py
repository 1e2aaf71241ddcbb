"""Fine-tunes a Hotshot-XL's temporal layers: ``accelerate launch -m generator.training.fine_tune``.

Reads the clips, loads the model, and hands both to the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from accelerate import Accelerator

from generator.checkpoints.resolve import resolve_model_directory
from generator.contract.progress import ProgressCallback
from generator.model.loading import HotshotModel
from generator.model.unet import HotshotUNet
from generator.training import export
from generator.training.data.batches import Batches, TrainingClip, make_clip
from generator.training.data.buckets import choose_size
from generator.training.data.dataset import CUT_DIRECTORY, holds_films, recut_films
from generator.training.data.latent_cache import (
    Cache,
    CachedCaptionEncoder,
    LatentEncoder,
    digest_files,
)
from generator.training.data.samples import find_clips, is_sample_folder
from generator.training.run import (
    PreparedTask,
    load_frozen,
    make_batches,
    make_validation,
    run_training,
)
from generator.training.settings import DatasetSettings, FineTuneSettings
from generator.training.tasks.temporal import TemporalTask, checkpoint_gradients
from generator.training.validation import Validation

TEXT_FOLDERS = ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")


def fine_tune(settings: FineTuneSettings, progress: ProgressCallback) -> Path:
    """Train to the end and return the directory of the result. Raises HotshotError."""
    return run_training(settings, partial(_prepare, settings, progress), progress)


def _prepare(
    settings: FineTuneSettings, progress: ProgressCallback, accelerator: Accelerator
) -> PreparedTask:
    clips = _clips(settings, accelerator, progress)
    source = resolve_model_directory(settings.model)
    model, fingerprint = _load(settings, accelerator)
    batches = _batches(settings, model, source, clips, accelerator)
    task = TemporalTask(model.unet, batches, fingerprint)

    def save_result(directory: Path) -> None:
        task.save(directory)
        export.save_model(model.unet, source, directory)

    return PreparedTask(
        task=task,
        model=model,
        batches=[batches],
        validation=_validation(settings, model, clips, accelerator),
        needs_encoders=not (settings.cache_latents and settings.cache_text),
        save_result=save_result,
    )


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
    """Load the model with its temporal layers free to learn, and its fingerprint."""
    model, fingerprint = load_frozen(settings, accelerator, HotshotUNet.spatial_parameters)
    for parameter in model.unet.temporal_parameters():
        parameter.requires_grad_()
    model.unet.train()
    if settings.run.gradient_checkpointing:
        checkpoint_gradients(model.unet)
    return model, fingerprint


def _batches(
    settings: FineTuneSettings,
    model: HotshotModel,
    source: Path,
    clips: Sequence[TrainingClip],
    accelerator: Accelerator,
) -> Batches:
    return make_batches(
        settings,
        model,
        clips,
        accelerator,
        latents=LatentEncoder(
            model.vae,
            Cache(settings.cache_directory / "latents" if settings.cache_latents else None),
            digest_files(_files_in(source, ("vae",)), str(model.vae.dtype)),
            settings.max_vae_encode,
        ),
        captions=CachedCaptionEncoder(
            model.text,
            Cache(settings.cache_directory / "text" if settings.cache_text else None),
            digest_files(_files_in(source, TEXT_FOLDERS)),
        ),
    )


def _validation(
    settings: FineTuneSettings,
    model: HotshotModel,
    clips: Sequence[TrainingClip],
    accelerator: Accelerator,
) -> Validation:
    """Return a validation in the shape that most clips have."""
    ((size, frames), _), *_ = Counter(
        (clip.size, len(clip.sample.files)) for clip in clips
    ).most_common()
    return make_validation(settings, model, accelerator, size, frames)


def _files_in(source: Path, folders: Sequence[str]) -> list[Path]:
    found = (path for folder in folders for path in (source / folder).rglob("*"))
    return sorted(path for path in found if path.is_file())


if __name__ == "__main__":  # accelerate and torchrun start this module as a program
    import runpy
    import sys

    # By the command line's name, not by an import: training knows nothing of who calls it.
    sys.argv.insert(1, "fine-tune")
    runpy.run_module("generator", run_name="__main__", alter_sys=True)
