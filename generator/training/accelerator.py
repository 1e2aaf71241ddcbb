"""What a run needs before its first step: processes, precision, output directory and trackers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator, InitProcessGroupKwargs
from safetensors import SafetensorError
from torch import nn

from generator.contract.errors import TrainingError
from generator.model.library_logging import quiet_libraries
from generator.training.run_directory import RunDirectory
from generator.training.settings import AUTO, RunSettings
from generator.training.trackers import start_trackers, tracker_names

_DTYPES = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@contextmanager
def open_accelerator(
    settings: RunSettings,
) -> Iterator[tuple[Accelerator, RunDirectory, Path | None]]:
    """Start accelerate and the trackers, and keep other runs out of the output directory.

    Yields the checkpoint or model to go on from as well, if any. Raises TrainingError, also for
    whatever the operating system refuses meanwhile, a full disk above all.
    """
    quiet_libraries()
    log_with = tracker_names(settings)
    accelerator = _accelerator(settings, log_with)
    run_directory = RunDirectory(settings.output_dir)
    with _translate_errors(run_directory), _lock(run_directory, accelerator):
        weights_only = settings.disable_optimizer_restore
        checkpoint = run_directory.resolve_resume(
            settings.resume, weights_only=weights_only
        )  # before anything is written
        if log_with:
            is_resumed = checkpoint is not None and run_directory.has_checkpoint(checkpoint)
            start_trackers(settings, accelerator, is_resumed=is_resumed)
        try:
            yield accelerator, run_directory, checkpoint
        finally:
            for tracker in accelerator.trackers:
                tracker.finish()


@contextmanager
def _lock(run_directory: RunDirectory, accelerator: Accelerator) -> Iterator[None]:
    """Lock the output directory meanwhile; the first process does it for all."""
    if not accelerator.is_main_process:
        yield
        return
    with run_directory.locked():
        yield


@contextmanager
def _translate_errors(run_directory: RunDirectory) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as error:
        where, why = getattr(error, "filename", None), getattr(error, "strerror", None)
        about = f"{where or run_directory.directory}: {why or error}"
        raise TrainingError(
            f"Training can't continue ({about}); {run_directory.recovery_hint()}"
        ) from error


def training_dtype(accelerator: Accelerator) -> torch.dtype:
    """Return the dtype of the weights that stay as they are; those that learn are float32 always.

    A CPU has them all in float32: its norms take no mixture.
    """
    if accelerator.device.type == "cpu":
        return torch.float32
    return _DTYPES[accelerator.mixed_precision]


def freeze(parameters: Iterable[nn.Parameter], dtype: torch.dtype) -> None:
    """Freeze the parameters, held in the precision that they are computed in."""
    for parameter in parameters:
        parameter.requires_grad = False
        parameter.data = parameter.data.to(dtype)


def _precision(asked: str) -> str:
    if asked != AUTO:
        return asked
    if not torch.cuda.is_available():
        return "no"
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def _accelerator(settings: RunSettings, log_with: list[str]) -> Accelerator:
    timeout = InitProcessGroupKwargs(timeout=timedelta(seconds=settings.nccl_timeout))
    try:
        return Accelerator(
            mixed_precision=_precision(settings.mixed_precision),
            log_with=log_with or None,
            project_dir=str(settings.log_directory),
            kwargs_handlers=[timeout],
        )
    except ValueError as error:
        raise TrainingError(
            f"--mixed-precision {settings.mixed_precision} can't be computed here ({error}); "
            "use bf16 or no."
        ) from error
