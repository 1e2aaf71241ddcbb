"""Class images: what a LoRA is to leave as it is, made by the model itself before training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from accelerate import Accelerator

from generator.contract.errors import TrainingError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.model.loading import HotshotModel
from generator.training.data.buckets import choose_size
from generator.training.data.samples import (
    PROMPT_FILE,
    Sample,
    find_clips,
    list_images,
    write_sample,
)
from generator.training.data.subject_pictures import find_pictures
from generator.training.settings import STOP, LoraSettings
from generator.training.validation import evaluation_mode

_STAMP_FILE = "made.json"


def prepare_class_images(
    model: HotshotModel,
    settings: LoraSettings,
    accelerator: Accelerator,
    progress: ProgressCallback,
) -> list[Sample]:
    """Return the class images; none without a class prompt.

    Those that aren't there yet are made, by turns of each prompt of ``class_prompt`` ("a ball|a
    star"); clips, where clips are trained on.
    """
    if not settings.class_prompt:
        return []
    given_directory = settings.class_data_dir
    directory = given_directory or settings.run.output_dir / "class_pictures"
    prompts = [part.strip() for part in settings.class_prompt.split("|") if part.strip()]
    if given_directory is None and accelerator.is_main_process:
        directory.mkdir(parents=True, exist_ok=True)
        _remove_stale(directory, _settings_key(settings, prompts))
        with evaluation_mode(model, accelerator.device) as ready, accelerator.autocast():
            _generate(HotshotPipeline(ready), settings, directory, prompts, progress)
    accelerator.wait_for_everyone()
    if settings.video_length > 1:
        found = find_clips(directory, video_length=settings.video_length, bad_samples=STOP)
    else:
        trigger = None if given_directory is None else prompts[0]
        found = find_pictures(directory, trigger=trigger, bad_samples=STOP)
    return found.epoch_samples


def _settings_key(settings: LoraSettings, prompts: list[str]) -> str:
    return json.dumps([prompts, settings.resolution, settings.run.seed, settings.video_length])


def _remove_stale(directory: Path, settings_key: str) -> None:
    """Remove what was made for other settings. Raises TrainingError for files of another origin."""
    stamp = directory / _STAMP_FILE
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == settings_key:
        return
    if not stamp.is_file() and next(directory.iterdir(), None):
        raise TrainingError(
            f"{directory} holds files that weren't made here; name it with --class-data-dir to use "
            "them, or give another --output-dir."
        )
    for stale in (*list_images(directory), *directory.glob("*.txt")):
        stale.unlink()
    for stale in directory.glob("[0-9]" * 4):
        shutil.rmtree(stale)
    stamp.write_text(settings_key, encoding="utf-8")


def _generate(
    pipeline: HotshotPipeline,
    settings: LoraSettings,
    directory: Path,
    prompts: list[str],
    progress: ProgressCallback,
) -> None:
    for index in range(settings.num_class_images):
        if any((directory / f"{index:04d}{suffix}").exists() for suffix in ("", ".png")):
            continue
        prompt = prompts[index % len(prompts)]
        frames = pipeline(_request(settings, prompt, index), report=lambda *_: None)
        _save_image(frames, prompt, directory / f"{index:04d}")
        progress("class pictures", index + 1, settings.num_class_images)


def _save_image(frames: Frames, prompt: str, path: Path) -> None:
    """Write NAME.png and NAME.txt, or a folder of frames, whole or not at all."""
    part = path.with_name(f".{path.name}")
    shutil.rmtree(part, ignore_errors=True)
    write_sample(part, frames, prompt)
    if len(frames) > 1:
        part.rename(path)
        return
    (part / PROMPT_FILE).rename(path.with_suffix(".txt"))
    (part / "0.png").rename(path.with_suffix(".png"))
    part.rmdir()


def _request(settings: LoraSettings, prompt: str, index: int) -> Request:
    limits = ModelLimits.of(settings.model)
    size = choose_size(1, 1, settings.resolution)
    return Request(
        prompt=prompt,
        seed=settings.run.seed + index,
        width=size.width,
        height=size.height,
        steps=limits.steps,
        guidance_scale=limits.guidance_scale,
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
        video_length=settings.video_length,
    )
