"""What a run tells: a line a step in ``metrics.jsonl``, TensorBoard, Weights & Biases, the report.

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
from generator.training.console import tell
from generator.training.loop import Update
from generator.training.settings import RunSettings

METRICS, PICTURES, REPORT = "metrics.jsonl", "validation", "report.html"
WANDB_RUN = "wandb_run_id.txt"
Look = Callable[[Path], Sequence[tuple[str, Path]]]  # directory -> (prompt, GIF in it)
_REDRAWN_EVERY = 10.0  # seconds


class Trackers:
    """A ``Watcher`` that writes everything down.

    ``look`` makes the validation GIFs in a directory.
    """

    def __init__(
        self,
        settings: RunSettings,
        accelerator: Accelerator,
        look: Look,
        *,
        steps: int,
        progress: ProgressCallback,
    ) -> None:
        self._settings, self._accelerator, self._look = settings, accelerator, look
        self._steps, self._progress = steps, progress
        self._directory = settings.output_dir
        self._metrics = self._directory / METRICS
        self._lines: list[dict[str, Any]] = []
        self._before = self._drawn = time.monotonic()

    def open(self, done: int) -> None:
        """Begins after ``done`` steps.

        Later lines are dropped: they are of a run that ended before it could save, and come again.
        """
        self._lines = [line for line in read_metrics(self._metrics) if line["done"] <= done]
        self._metrics.write_text("".join(json.dumps(line) + "\n" for line in self._lines))
        self._before = self._drawn = time.monotonic()

    def updated(self, update: Update) -> None:
        now = time.monotonic()
        line = asdict(update) | {"seconds": round(now - self._before, 3)}
        self._before = now
        self._lines.append(line)
        with self._metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        values = {f"train/{name}": value for name, value in line.items() if name != "done"}
        self._accelerator.log(values, step=update.done)
        self._progress("train", update.done, self._steps)
        if now - self._drawn > _REDRAWN_EVERY or update.done == self._steps:
            self._draw()

    def saved(self, checkpoint: Path) -> None:
        self._draw()
        losses = [line["loss"] for line in self._lines[-100:]]
        mean = f", recent mean loss {sum(losses) / len(losses):.4f}" if losses else ""
        print(f"step {self._lines[-1]['done'] if self._lines else 0} of {self._steps}{mean}: "
              f"{checkpoint}", flush=True)  # fmt: skip

    def look(self, done: int) -> None:
        directory = self._directory / PICTURES / f"step-{done:06d}"
        directory.mkdir(parents=True, exist_ok=True)
        made = self._made(directory, done)
        if not made:
            shutil.rmtree(directory)
            return
        (directory / "prompts.json").write_text(
            json.dumps({path.name: prompt for prompt, path in made}, indent=2), encoding="utf-8"
        )
        for tracker in self._accelerator.trackers:
            _SHOWN[tracker.name](tracker, made, done)
        self._draw()
        self._before = time.monotonic()

    def _made(self, directory: Path, done: int) -> Sequence[tuple[str, Path]]:
        """None where it fails: what was trained so far is worth more than a look at it."""
        try:
            return self._look(directory)
        except HotshotError as error:
            tell(f"There are no validation GIFs of step {done}: {error}")
            return ()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        page = report.page(
            f"{self._settings.project_name}: {self._settings.run_name}",
            self._lines,
            report.pictures(self._directory / PICTURES),
            steps=self._steps,
        )
        (self._directory / REPORT).write_text(page, encoding="utf-8")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a run so far; a last one that breaks off is left out."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def trackers(settings: RunSettings) -> list[str]:
    """The names accelerate knows them by. Raises TrainingError for one that isn't installed."""
    from accelerate.utils import is_wandb_available

    wanted = {"none": [], "all": ["tensorboard"]}.get(settings.report_to, [settings.report_to])
    if settings.report_to == "all" and is_wandb_available():
        wanted = [*wanted, "wandb"]
    if settings.report_to == "wandb" and not is_wandb_available():
        raise TrainingError(
            "--report-to wandb needs Weights & Biases; run 'pip install wandb', or report to "
            "tensorboard, which is there."
        )
    return wanted


def start_trackers(settings: RunSettings, accelerator: Accelerator, *, goes_on: bool) -> None:
    """Opens them, with all settings noted; the run's name is its name there as well.

    A run that ``goes_on`` in its output directory goes on as one run of Weights & Biases too.
    """
    told = {
        name: value if isinstance(value, int | float | str | bool) else str(value)
        for name, value in asdict(settings).items()
        if value is not None
    }
    settings.logs.mkdir(parents=True, exist_ok=True)
    wandb = {"name": settings.run_name, "dir": str(settings.logs)}
    if accelerator.is_main_process and "wandb" in trackers(settings):
        wandb |= {"id": wandb_id(settings.output_dir, goes_on=goes_on), "resume": "allow"}
    accelerator.init_trackers(settings.project_name, config=told, init_kwargs={"wandb": wandb})


def wandb_id(directory: Path, *, goes_on: bool) -> str:
    """The name by which Weights & Biases knows a run, kept in its directory.

    A new one for a run that begins, and for one that went on without. WANDB_RUN_ID is obeyed.
    """
    path = directory / WANDB_RUN
    kept = path.read_text(encoding="utf-8").strip() if goes_on and path.is_file() else ""
    name = os.environ.get("WANDB_RUN_ID") or kept or secrets.token_hex(4)
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(name + "\n", encoding="utf-8")
    return name


def _to_tensorboard(tracker: Any, made: Sequence[tuple[str, Path]], done: int) -> None:
    """As GIFs, which its own way of adding films would need another library for."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer = tracker.writer._get_file_writer()
    for index, (_, path) in enumerate(made):
        with Image.open(path) as picture:
            width, height = picture.size
        image = Summary.Image(
            height=height, width=width, colorspace=3, encoded_image_string=path.read_bytes()
        )
        value = Summary.Value(tag=f"validation/{index}", image=image)
        writer.add_summary(Summary(value=[value]), done)
    tracker.writer.flush()


def _to_wandb(tracker: Any, made: Sequence[tuple[str, Path]], done: int) -> None:
    import wandb

    films = [wandb.Video(str(path), caption=prompt, format="gif") for prompt, path in made]
    tracker.run.log({"validation": films}, step=done)


_SHOWN: dict[str, Callable[[Any, Sequence[tuple[str, Path]], int], None]] = {
    "tensorboard": _to_tensorboard,
    "wandb": _to_wandb,
}
