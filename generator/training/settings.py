"""What a training run is asked to do: frozen values, checked before anything heavy is imported.

Free of torch. The names are those of the flags.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from generator.contract.bounds import MAX_FRAMES, MAX_SEED
from generator.contract.errors import TrainingError

LATEST = "latest"
SCHEDULES = (
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
)
TRACKERS = ("tensorboard", "wandb", "all", "none")
AUTO = "auto"
PRECISIONS = ("no", "fp16", "bf16", AUTO)
ASPECT_RATIOS = (AUTO, "0.42", "0.57", "0.68", "1.00", "1.46", "1.75", "2.40")
STOP, SKIP = "stop", "skip"
DEFAULT_LORA_STEPS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """One run of the loop, whatever it trains. Steps are updates of the weights.

    ``train_batch_size`` is per process. ``resume`` is a checkpoint's directory or ``latest``.
    ``max_train_steps`` goes before ``num_train_epochs``; see ``total_steps``.
    """

    output_dir: Path
    seed: int = 111
    resume: str | None = None
    disable_optimizer_restore: bool = False
    # length
    num_train_epochs: int | None = None
    max_train_steps: int | None = None
    train_batch_size: int = 8
    gradient_accumulation_steps: int = 1
    # optimiser
    learning_rate: float = 5e-6
    scale_lr: bool = False
    lr_scheduler: str = "constant"
    lr_warmup_steps: int = 500
    use_8bit_adam: bool = False
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_weight_decay: float = 1e-2
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    use_ema: bool = False
    ema_decay: float = 0.999
    # memory and speed
    mixed_precision: str = "no"
    gradient_checkpointing: bool = False
    nccl_timeout: int = 3600  # seconds
    # checkpoints, validation and trackers
    save_n_steps: int = 100
    save_starting_step: int = 100
    checkpoints_total_limit: int | None = None
    validate_every_steps: int = 100
    run_validation_at_start: bool = False
    test_prompts: tuple[str, ...] = ()
    report_to: str = "tensorboard"
    project_name: str = "fine-tune-hotshot-xl"
    run_name: str = "run-01"
    logging_dir: Path | None = None

    def check(self) -> None:
        """Raises TrainingError, one sentence about the first value that can't be."""
        for name, least in self._integers():
            _at_least(name, getattr(self, name), least)
        for name in ("learning_rate", "adam_epsilon"):
            _positive(name, getattr(self, name))
        for name in ("adam_beta1", "adam_beta2", "ema_decay"):
            _share(name, getattr(self, name), below_one=True)
        for name in ("adam_weight_decay", "max_grad_norm"):
            _at_least(name, getattr(self, name), 0)
        if self.seed > MAX_SEED:
            raise TrainingError(f"--seed must be at most {MAX_SEED}, not {self.seed}.")
        self._check_combinations()

    def total_steps(self, steps_per_epoch: int, *, default: int | None = None) -> int:
        """Return the steps of a run; where nothing was asked for, ``default`` or one epoch."""
        if self.max_train_steps is not None:
            return self.max_train_steps
        if self.num_train_epochs is not None or default is None:
            return (self.num_train_epochs or 1) * steps_per_epoch
        return default

    def _integers(self) -> Iterator[tuple[str, int]]:
        yield from (
            ("seed", 0),
            ("train_batch_size", 1),
            ("gradient_accumulation_steps", 1),
            ("lr_warmup_steps", 0),
            ("nccl_timeout", 1),
            ("save_n_steps", 1),
            ("validate_every_steps", 1),
        )
        for name in ("num_train_epochs", "max_train_steps", "checkpoints_total_limit"):
            if getattr(self, name) is not None:
                yield name, 1

    def _check_combinations(self) -> None:
        if self.output_dir.exists() and not self.output_dir.is_dir():
            raise TrainingError(f"{self.output_dir} is a file; give --output-dir a directory.")
        if self.disable_optimizer_restore and self.resume is None:
            raise TrainingError(
                "--disable-optimizer-restore applies only to a resumed run; name its checkpoint "
                "with --unet-resume-path."
            )

    def batch(self, processes: int) -> int:
        """Return how many samples a step has, over all processes."""
        return self.train_batch_size * self.gradient_accumulation_steps * processes

    @property
    def log_directory(self) -> Path:
        return self.logging_dir or self.output_dir / "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What every task needs beside a run.

    ``snr_gamma`` is Min-SNR's, or None. ``default_steps`` is how long it trains where nothing is
    asked for; None is once through the data.
    """

    run: RunSettings
    model: str
    data_dir: Path
    resolution: int = 512
    bad_samples: str = STOP
    caption_dropout: float = 0.0
    noise_offset: float = 0.0
    snr_gamma: float | None = None
    vae_b16: bool = False
    cache_latents: bool = True
    default_steps: ClassVar[int | None] = None

    def check(self) -> None:
        """Raises TrainingError, one sentence about the first value that can't be."""
        self.run.check()
        check_resolution(self.resolution)
        _share("caption_dropout", self.caption_dropout)
        _at_least("noise_offset", self.noise_offset, 0)
        if self.snr_gamma is not None:
            _positive("snr_gamma", self.snr_gamma)
        self._check_task()
        check_data_dir(self.data_dir)

    def _check_task(self) -> None:
        """Raises TrainingError for a value of this task alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuneSettings(TrainingSettings):
    """What fine-tuning the temporal layers needs beside a run.

    ``video_length`` of None takes every frame of a sample.
    """

    caption_dropout: float = 0.1
    noise_offset: float = 0.05
    aspect_ratio: str = AUTO
    video_length: int | None = None
    max_vae_encode: int | None = None
    latent_nan_checking: bool = False
    cache_text: bool = True
    cache_dir: Path | None = None

    @property
    def cache_directory(self) -> Path:
        return self.cache_dir or self.run.output_dir / "cache"

    def _check_task(self) -> None:
        if self.max_vae_encode is not None:
            _at_least("max_vae_encode", self.max_vae_encode, 1)
        if self.video_length is not None and not 2 <= self.video_length <= MAX_FRAMES:
            raise TrainingError(
                f"--video-length must be from 2 to {MAX_FRAMES} frames, not {self.video_length}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSettings:
    """How films and GIFs are cut into clips of ``frames`` frames in ``duration_ms``.

    ``stillness`` is the mean change of a pixel, in levels of 255, below which a clip counts as
    still; ``cut`` the share of
    colours that change at once, from 0 to 1, at which a new scene begins.
    ``max_clips`` is of each film. ``captions`` is a JSONL file.
    """

    data_dir: Path
    output_dir: Path
    resolution: int = 512
    aspect_ratio: str = AUTO
    frames: int = 8
    duration_ms: int = 1000
    stillness: float = 0.5
    cut: float = 0.5
    max_clips: int | None = None
    captions: Path | None = None
    bad_samples: str = SKIP

    def check(self) -> None:
        """Raises TrainingError, one sentence about the first value that can't be."""
        check_resolution(self.resolution)
        if not 2 <= self.frames <= MAX_FRAMES:
            raise TrainingError(f"--frames must be from 2 to {MAX_FRAMES}, not {self.frames}.")
        if not 100 <= self.duration_ms <= 60_000:
            raise TrainingError(
                f"--video-duration must be from 100 to 60,000 milliseconds, not {self.duration_ms}."
            )
        _at_least("stillness", self.stillness, 0)
        _share("cut", self.cut)
        if self.max_clips is not None:
            _at_least("max_clips", self.max_clips, 1)
        check_data_dir(self.data_dir)
        if self.captions is not None and not self.captions.is_file():
            raise TrainingError(f"There is no file of captions at {self.captions}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraSettings(TrainingSettings):
    """What training a LoRA needs beside a run.

    ``trigger`` is the caption of every picture without one of its own. Prior preservation is on
    with a ``class_prompt``: ``num_class_images`` pictures of it are made first, or taken from
    ``class_data_dir``, and the LoRA learns to leave them as they are.
    """

    default_steps: ClassVar[int | None] = DEFAULT_LORA_STEPS
    trigger: str | None = None
    rank: int = 16
    alpha: float | None = None
    dropout: float = 0.0
    spatial_unet_base: str | None = None
    target: str = "attention"
    use_dora: bool = False
    use_rslora: bool = False
    train_text_encoder: bool = False
    text_encoder_lr: float | None = None
    class_prompt: str | None = None
    class_data_dir: Path | None = None
    num_class_images: int = 50
    prior_loss_weight: float = 1.0
    flip: bool = False
    crops: int = 1
    video_length: int = 1  # more: clips, in which the view moves over the picture

    def _check_task(self) -> None:
        for name, least in (
            ("rank", 1),
            ("crops", 1),
            ("num_class_images", 1),
        ):
            _at_least(name, getattr(self, name), least)
        for name in ("alpha", "text_encoder_lr"):
            if getattr(self, name) is not None:
                _positive(name, getattr(self, name))
        _share("dropout", self.dropout, below_one=True)
        _at_least("prior_loss_weight", self.prior_loss_weight, 0)
        if not 1 <= self.video_length <= MAX_FRAMES:
            raise TrainingError(
                f"--video-length must be from 1 to {MAX_FRAMES}, not {self.video_length}."
            )
        if self.video_length > 1 and self.crops == 1:
            raise TrainingError(
                "--video-length moves the view over each picture; say in how many ways, with "
                "--crops: 14 is every motion twice."
            )
        if self.class_data_dir is not None and not self.class_prompt:
            raise TrainingError(
                "--class-data-dir holds pictures of something; say what, with --class-prompt."
            )


def check_resolution(resolution: int) -> None:
    """Raises TrainingError unless it is a multiple of 64, from 64 to 2048."""
    if resolution % 64 or not 64 <= resolution <= 2048:
        raise TrainingError(
            f"--resolution must be a multiple of 64, from 64 to 2048, not {resolution}."
        )


def check_data_dir(directory: Path) -> None:
    """Raises TrainingError where there is no such directory, or nothing in it."""
    if not directory.is_dir():
        raise TrainingError(f"There is no data directory at {directory}.")
    if next(directory.iterdir(), None) is None:
        raise TrainingError(
            f"The data directory {directory} is empty; put samples in it, each a folder of "
            "numbered frames with a prompt.txt."
        )


def _at_least(name: str, value: float, least: float) -> None:
    if not least <= value < math.inf:  # also refuses nan
        raise TrainingError(f"{_flag(name)} must be at least {least:g}, not {value:g}.")


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise TrainingError(f"{_flag(name)} must be more than 0, not {value:g}.")


def _share(name: str, value: float, *, below_one: bool = False) -> None:
    if not 0 <= value <= 1 or (below_one and value == 1):
        raise TrainingError(f"{_flag(name)} must be from 0 to 1, not {value:g}.")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
