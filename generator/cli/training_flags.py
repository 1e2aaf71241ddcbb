"""The flags that all training has in common, and what becomes of them."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from generator.cli.progress_bar import ProgressBar
from generator.contract.command_line import Parser, number, whole_number
from generator.contract.extras import require_modules
from generator.contract.limits import ModelLimits, local_directory
from generator.contract.progress import ProgressCallback
from generator.training.console import warn
from generator.training.settings import (
    ASPECT_RATIOS,
    AUTO,
    LATEST,
    PRECISIONS,
    SCHEDULES,
    SKIP,
    STOP,
    TRACKERS,
    RunSettings,
    TrainingSettings,
)

_S = TypeVar("_S")
_T = TypeVar("_T", bound=TrainingSettings)
Task = Callable[[_T, ProgressCallback], Path]
Group = argparse._ArgumentGroup


def add_run(parser: Parser, defaults: RunSettings, *, steps: int | None = None) -> None:
    """Declares the flags of ``RunSettings``; ``defaults`` are this sub-command's.

    ``steps``: how long it trains where nothing else is asked for; None is once through the data.
    """
    _add_output(parser.add_argument_group("the run"), defaults)
    _add_length(parser.add_argument_group("how long"), defaults, steps)
    _add_optimizer(parser.add_argument_group("the optimiser"), defaults)
    _add_memory(parser.add_argument_group("memory and speed"), defaults)
    _add_tracking(parser.add_argument_group("reports"), defaults)


def run_settings(arguments: Namespace) -> RunSettings:
    """Return the flags as settings, not checked yet."""
    prompts = tuple(part.strip() for part in arguments.test_prompts.split("|") if part.strip())
    return settings_of(
        RunSettings, arguments, test_prompts=prompts, resume=arguments.unet_resume_path
    )


def training_settings(kind: type[_T], arguments: Namespace) -> _T:
    """Return the flags as the settings of a run and its task, not checked yet."""
    return settings_of(
        kind,
        arguments,
        run=run_settings(arguments),
        model=arguments.pretrained_model_name_or_path,
        resolution=resolution_of(arguments),
    )


def train(settings: _T, import_task: Callable[[], Task[_T]], arguments: Namespace) -> Path:
    """Check the settings, then train; return the directory of the result. Raises HotshotError.

    ``import_task`` loads torch: it is called once the settings are known to be good.
    """
    settings.check()
    local_directory(settings.model)
    if arguments.xformers:
        warn("--xformers has no effect: PyTorch's own attention (SDPA) replaces it.")
    require_modules("accelerate", "diffusers", "torch", extra="train")
    task = import_task()
    with closing(ProgressBar()) as progress:
        return task(settings, progress)


def settings_of(kind: type[_S], arguments: Namespace, **given: Any) -> _S:
    """Return a dataclass of settings: each field from the flag of its name, or given here."""
    names = [field.name for field in fields(kind) if field.name not in given]  # type: ignore[arg-type]
    return kind(**{name: getattr(arguments, name) for name in names}, **given)


def add_number(
    group: Group, flag: str, default: float | None, meaning: str, *, whole: bool = False
) -> None:
    """Declare a flag with a number; ``meaning`` says the default where that is None."""
    default_note = " (default: %(default)s)" if default is not None else ""
    group.add_argument(
        flag,
        type=whole_number if whole else number,
        default=default,
        metavar="N" if whole else "X",
        help=meaning + default_note,
    )


def add_switch(group: Group, flag: str, meaning: str, *, default: bool = False) -> None:
    """Declare a switch; one that is on by default is turned off by --no-FLAG."""
    action = argparse.BooleanOptionalAction if default else "store_true"
    group.add_argument(flag, action=action, default=default, help=meaning)


def add_model(group: Group) -> None:
    group.add_argument(
        "--pretrained-model-name-or-path",
        default="hotshotco/Hotshot-XL",
        metavar="MODEL",
        help="nano, a directory in Hotshot-XL's layout, or a hub id (default: %(default)s)",
    )


def add_data_dir(group: Group, what: str) -> None:
    group.add_argument("--data-dir", type=Path, required=True, metavar="DIR", help=what)


def add_bad_samples(group: Group, default: str) -> None:
    group.add_argument(
        "--bad-samples",
        choices=(STOP, SKIP),
        default=default,
        help="what to do about a sample that can't be used, after naming it (default: %(default)s)",
    )


def add_resolution(group: Group) -> None:
    group.add_argument(
        "--resolution",
        type=whole_number,
        metavar="N",
        help="edge of a square sample, a multiple of 64; the seven aspect ratios scale with it "
        "(default: the model's; 512, and 128 for nano)",
    )


def add_aspect_ratio(group: Group, what: str) -> None:
    group.add_argument(
        "--aspect-ratio",
        type=_aspect_ratio,
        choices=ASPECT_RATIOS,
        default=AUTO,
        help=f"for all {what}; {AUTO}: for each the nearest (default: %(default)s)",
    )


def resolution_of(arguments: Namespace) -> int:
    """Return the resolution that was asked for, or the model's own."""
    asked: int | None = arguments.resolution
    if asked is not None:
        return asked
    return ModelLimits.of(arguments.pretrained_model_name_or_path).native_edge


def add_snr_gamma(group: Group) -> None:
    group.add_argument(
        "--snr-gamma",
        type=number,
        nargs="?",
        const=5.0,
        metavar="X",
        help="weight the loss by Min-SNR with this gamma, which is 5 if you give none "
        "(default: no weights)",
    )


def _aspect_ratio(text: str) -> str:
    """Spell a number as ASPECT_RATIOS do; an argparse type."""
    try:
        return f"{float(text):.2f}"
    except ValueError:
        return text


def _add_output(group: Group, defaults: RunSettings) -> None:
    group.add_argument(
        "--output-dir",
        type=Path,
        default=defaults.output_dir,
        metavar="DIR",
        help="result, checkpoints, logs and the report (default: %(default)s)",
    )
    group.add_argument(
        "--unet-resume-path",
        "--resume-from-checkpoint",
        metavar="DIR",
        help=f"resume from a checkpoint ('{LATEST}': the last in the output directory), or begin "
        "with the weights of a model directory",
    )
    add_switch(
        group,
        "--disable-optimizer-restore",
        "use only the checkpoint's weights, and count steps from 0",
    )
    add_number(group, "--seed", defaults.seed, "decides everything that is random", whole=True)
    for flag, default, meaning in (
        ("--save-n-steps", defaults.save_n_steps, "steps between two checkpoints"),
        (
            "--save-starting-step",
            defaults.save_starting_step,
            "the step of the first checkpoint; 0: only at the end",
        ),
        ("--checkpoints-total-limit", None, "keep only the newest N checkpoints (default: all)"),
    ):
        add_number(group, flag, default, meaning, whole=True)


def _add_length(group: Group, defaults: RunSettings, steps: int | None) -> None:
    epochs, updates = (
        "number of passes through the data",
        "number of updates in total, instead of epochs",
    )
    if steps is None:
        epochs += " (default: 1)"
    else:
        updates += f" (default: {steps})"
    for flag, default, meaning in (
        ("--num-train-epochs", None, epochs),
        ("--max-train-steps", None, updates),
        ("--train-batch-size", defaults.train_batch_size, "samples at once, per process"),
        (
            "--gradient-accumulation-steps",
            defaults.gradient_accumulation_steps,
            "batches before an update",
        ),
    ):
        add_number(group, flag, default, meaning, whole=True)


def _add_optimizer(group: Group, defaults: RunSettings) -> None:
    add_number(group, "--learning-rate", defaults.learning_rate, "the peak learning rate")
    add_switch(
        group, "--scale-lr", "multiply the learning rate by the number of samples per update"
    )
    group.add_argument(
        "--lr-scheduler",
        choices=SCHEDULES,
        default=defaults.lr_scheduler,
        help="how the learning rate changes (default: %(default)s)",
    )
    add_number(
        group,
        "--lr-warmup-steps",
        defaults.lr_warmup_steps,
        "steps until the learning rate reaches its peak",
        whole=True,
    )
    add_switch(group, "--use-8bit-adam", "less memory; needs bitsandbytes and a GPU")
    for flag, default, meaning in (
        ("--adam-beta1", defaults.adam_beta1, "AdamW's first decay"),
        ("--adam-beta2", defaults.adam_beta2, "AdamW's second decay"),
        ("--adam-weight-decay", defaults.adam_weight_decay, "AdamW's weight decay"),
        ("--adam-epsilon", defaults.adam_epsilon, "AdamW's epsilon"),
        ("--max-grad-norm", defaults.max_grad_norm, "clip the gradient's norm; 0: don't"),
    ):
        add_number(group, flag, default, meaning)
    add_switch(group, "--use-ema", "use the moving average of the weights")
    add_number(
        group, "--ema-decay", defaults.ema_decay, "how much of the average is kept at each step"
    )


def _add_memory(group: Group, defaults: RunSettings) -> None:
    group.add_argument(
        "--mixed-precision",
        choices=PRECISIONS,
        default=defaults.mixed_precision,
        help="compute in half precision; the weights that learn stay in float32 (default: "
        "%(default)s)",
    )
    group.add_argument(
        "--gradient-checkpointing",
        action=argparse.BooleanOptionalAction,
        default=defaults.gradient_checkpointing,
        help="less memory, a third more time",
    )
    add_number(
        group,
        "--nccl-timeout",
        defaults.nccl_timeout,
        "seconds that processes wait for each other",
        whole=True,
    )
    add_switch(group, "--xformers", "has no effect: PyTorch's own attention replaces it")


def _add_tracking(group: Group, defaults: RunSettings) -> None:
    group.add_argument(
        "--report-to",
        choices=TRACKERS,
        default=defaults.report_to,
        help="in addition to report.html, which is always written (default: %(default)s)",
    )
    group.add_argument(
        "--test-prompts", default="", metavar="A|B", help="prompts of the validation GIFs"
    )
    add_number(
        group,
        "--validate-every-steps",
        defaults.validate_every_steps,
        "steps between two validations",
        whole=True,
    )
    add_switch(group, "--run-validation-at-start", "validate before the first step too")
    group.add_argument(
        "--project-name", default=defaults.project_name, help="(default: %(default)s)"
    )
    group.add_argument("--run-name", default=defaults.run_name, help="(default: %(default)s)")
    group.add_argument(
        "--logging-dir", type=Path, metavar="DIR", help="(default: logs in the output directory)"
    )
