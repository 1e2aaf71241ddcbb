"""Experiment trackers: ``metrics.jsonl``, TensorBoard, Weights & Biases and the HTML report.

Called on the main process alone. The lines are the record; the report is drawn from them.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from PIL import Image

from generator.contract.errors import HotshotError, TrainingError
from generator.contract.progress import ProgressCallback
from generator.training import report
from generator.training.console import warn
from generator.training.loop import StepResult
from generator.training.settings import RunSettings

METRICS_FILE, VALIDATION_DIRECTORY, REPORT_FILE = "metrics.jsonl", "validation", "report.html"
WANDB_RUN_FILE = "wandb_run_id.txt"
MakeGifs = Callable[[Path], Sequence[tuple[str, Path]]]  # directory -> (prompt, GIF in it)

_REPORT_INTERVAL = 10.0  # seconds


class Trackers:
    """The ``TrainingCallbacks`` that write everything down.

    ``make_gifs`` makes the validation GIFs in a directory.
    """

    def __init__(
        self,
        settings: RunSettings,
        accelerator: Accelerator,
        make_gifs: MakeGifs,
        *,
        steps: int,
        progress: ProgressCallback,
    ) -> None:
        self._settings, self._accelerator, self._make_gifs = settings, accelerator, make_gifs
        self._steps, self._progress = steps, progress
        self._directory = settings.output_dir
        self._metrics = self._directory / METRICS_FILE
        self._lines: list[dict[str, Any]] = []
        self._last_step_at = self._report_written_at = time.monotonic()

    def begin(self, done: int) -> None:
        """Begin after ``done`` steps.

        Later lines are dropped: they are of a run that ended before it could save, and come again.
        """
        self._lines = [line for line in read_metrics(self._metrics) if line["done"] <= done]
        self._metrics.write_text("".join(json.dumps(line) + "\n" for line in self._lines))
        self._last_step_at = self._report_written_at = time.monotonic()

    def on_step(self, result: StepResult) -> None:
        now = time.monotonic()
        line = asdict(result) | {"seconds": round(now - self._last_step_at, 3)}
        self._last_step_at = now
        self._lines.append(line)
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        values = {f"train/{name}": value for name, value in line.items() if name != "done"}
        self._accelerator.log(values, step=result.done)
        self._progress("train", result.done, self._steps)
        if now - self._report_written_at > _REPORT_INTERVAL or result.done == self._steps:
            self._write_report()

    def on_checkpoint(self, checkpoint: Path) -> None:
        self._write_report()
        losses = [line["loss"] for line in self._lines[-100:]]
        mean = f", recent mean loss {sum(losses) / len(losses):.4f}" if losses else ""
        print(f"step {self._lines[-1]['done'] if self._lines else 0} of {self._steps}{mean}: "
              f"{checkpoint}", flush=True)  # fmt: skip

    def on_validation(self, done: int) -> None:
        directory = self._directory / VALIDATION_DIRECTORY / f"step-{done:06d}"
        directory.mkdir(parents=True, exist_ok=True)
        gifs = self._validation_gifs(directory, done)
        if not gifs:
            shutil.rmtree(directory)
            return
        (directory / "prompts.json").write_text(
            json.dumps({path.name: prompt for prompt, path in gifs}, indent=2), encoding="utf-8"
        )
        for tracker in self._accelerator.trackers:
            _LOG_GIFS[tracker.name](tracker, gifs, done)
        self._write_report()
        self._last_step_at = time.monotonic()

    def _validation_gifs(self, directory: Path, done: int) -> Sequence[tuple[str, Path]]:
        """Make the GIFs; none where that fails: training is worth more than a look at it."""
        try:
            return self._make_gifs(directory)
        except HotshotError as error:
            warn(f"There are no validation GIFs of step {done}: {error}")
            return ()

    def _write_report(self) -> None:
        self._report_written_at = time.monotonic()
        page = report.page(
            f"{self._settings.project_name}: {self._settings.run_name}",
            self._lines,
            report.read_validations(self._directory / VALIDATION_DIRECTORY),
            steps=self._steps,
        )
        (self._directory / REPORT_FILE).write_text(page, encoding="utf-8")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a run so far; a last one that breaks off is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def tracker_names(settings: RunSettings) -> list[str]:
    """Return trackers' names in accelerate. Raises TrainingError for one that isn't installed."""
    from accelerate.utils import is_tensorboard_available, is_wandb_available

    names = {"none": [], "all": ["tensorboard"]}.get(settings.report_to, [settings.report_to])
    if settings.report_to == "all" and is_wandb_available():
        names = [*names, "wandb"]
    if "wandb" in names and not is_wandb_available():
        raise TrainingError(
            "--report-to wandb needs Weights & Biases; run 'pip install "
            '"hotshot-bot[wandb]"\', or report to tensorboard or none.'
        )
    if "tensorboard" in names and not is_tensorboard_available():
        raise TrainingError(
            "--report-to tensorboard, the default, needs TensorBoard; run 'pip install "
            '"hotshot-bot[train]"\', or give --report-to none.'
        )
    return names


def start_trackers(settings: RunSettings, accelerator: Accelerator, *, is_resumed: bool) -> None:
    """Start the trackers, with all settings noted; the run's name is its name there as well.

    A run that ``is_resumed`` in its output directory goes on as one run of Weights & Biases too.
    """
    values = {
        name: value if isinstance(value, int | float | str | bool) else str(value)
        for name, value in asdict(settings).items()
        if value is not None
    }
    settings.log_directory.mkdir(parents=True, exist_ok=True)
    wandb = {"name": settings.run_name, "dir": str(settings.log_directory)}
    if accelerator.is_main_process and "wandb" in tracker_names(settings):
        wandb |= {"id": wandb_run_id(settings.output_dir, is_resumed=is_resumed), "resume": "allow"}
    accelerator.init_trackers(settings.project_name, config=values, init_kwargs={"wandb": wandb})


def wandb_run_id(directory: Path, *, is_resumed: bool) -> str:
    """Return the name by which Weights & Biases knows a run, kept in its directory.

    A new one for a run that begins, and for one that went on without. WANDB_RUN_ID is obeyed.
    """
    path = directory / WANDB_RUN_FILE
    kept = path.read_text(encoding="utf-8").strip() if is_resumed and path.is_file() else ""
    name = os.environ.get("WANDB_RUN_ID") or kept or secrets.token_hex(4)
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(name + "\n", encoding="utf-8")
    return name


def _log_to_tensorboard(tracker: Any, gifs: Sequence[tuple[str, Path]], done: int) -> None:
    """Log GIFs as images, which TensorBoard's own films would need another library for."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer = tracker.writer._get_file_writer()
    for index, (_, path) in enumerate(gifs):
        with Image.open(path) as picture:
            width, height = picture.size
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=path.read_bytes()
        )
        value = Summary.Value(tag=f"validation/{index}", image=image)
        writer.add_summary(Summary(value=[value]), done)
    tracker.writer.flush()


def _log_to_wandb(tracker: Any, gifs: Sequence[tuple[str, Path]], done: int) -> None:
    import wandb

    films = [wandb.Video(str(path), caption=prompt, format="gif") for prompt, path in gifs]
    tracker.run.log({"validation": films}, step=done)


_LOG_GIFS: dict[str, Callable[[Any, Sequence[tuple[str, Path]], int], None]] = {
    "tensorboard": _log_to_tensorboard,
    "wandb": _log_to_wandb,
}
