"""A run's output directory: one run at a time, and checkpoints that are whole or not there.

A checkpoint is the directory ``checkpoints/step-000100``, written under another name and then
renamed; no run ever writes over one. Knows files, and nothing of what they hold.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from generator.contract.errors import TrainingError
from generator.training.settings import LATEST

STATE, FACTS = "state.pt", "run.json"
_NAME = re.compile(r"step-(\d{6,})")


class RunDirectory:
    """One run's output directory, and the checkpoints in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.checkpoints = directory / "checkpoints"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out meanwhile. Raises TrainingError where one is in already."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = (self.directory / ".lock").open("w")
        except OSError as error:
            raise TrainingError(
                f"{self.directory} can't be written ({error.strerror}); give another --output-dir."
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TrainingError(
                    f"Another run is writing to {self.directory}; give this one another "
                    "--output-dir."
                ) from None
            yield

    def checkpoint_paths(self) -> list[Path]:
        """Return the checkpoints, all of them whole, the oldest first."""
        if not self.checkpoints.is_dir():
            return []
        named = (path for path in self.checkpoints.iterdir() if _NAME.fullmatch(path.name))
        return sorted(named, key=step_of)

    def has_checkpoint(self, checkpoint: Path) -> bool:
        """Return whether a checkpoint is one of this directory's own."""
        return checkpoint.resolve() in (path.resolve() for path in self.checkpoint_paths())

    def latest_checkpoint(self) -> Path | None:
        return self.checkpoint_paths()[-1] if self.checkpoint_paths() else None

    def resolve_resume(self, given: str | None, *, weights_only: bool = False) -> Path | None:
        """Return the checkpoint or model to go on from. Raises TrainingError for one that can't be.

        ``weights_only``: its weights alone are taken, and steps are counted from 0.

        Never lets a run begin where another one's checkpoints would be in its way.
        """
        newest = self.latest_checkpoint()
        if given is None:
            if newest is not None:
                raise TrainingError(
                    f"{self.directory} already holds a run, up to step {step_of(newest)}; resume "
                    f"with --unet-resume-path {LATEST}, or give another --output-dir."
                )
            if (self.directory / "unet").exists():
                raise TrainingError(
                    f"{self.directory} already holds a model; give another --output-dir."
                )
            return None
        if weights_only and newest is not None:
            raise TrainingError(
                f"{self.directory} holds the run up to step {step_of(newest)}, which a new run "
                "would overwrite; give another --output-dir, and name the checkpoint."
            )
        if given == LATEST:
            if newest is None:
                raise TrainingError(f"{self.directory} holds no checkpoint to resume from.")
            return newest
        path = Path(given).expanduser()
        if not path.is_dir():
            raise TrainingError(f"There is no checkpoint at {given}.")
        if newest is not None and path.resolve() != newest.resolve():
            raise TrainingError(
                f"{self.directory} holds the run up to step {step_of(newest)}, which resuming "
                f"from {path.name} would overwrite; give another --output-dir."
            )
        return path

    def write_checkpoint(
        self, step: int, fill: Callable[[Path], None], keep: int | None = None
    ) -> Path:
        """Write a new checkpoint, filled by ``fill``; of all, the newest ``keep`` stay.

        Raises TrainingError where it can't be written; then nothing of it is left behind.
        """
        path = self.checkpoints / f"step-{step:06d}"
        write_directory(path, fill, hint=self.recovery_hint())
        for old in self.checkpoint_paths()[: -keep if keep else 0]:
            shutil.rmtree(old)
        return path

    def recovery_hint(self) -> str:
        """Return what a person can do when something couldn't be written."""
        newest = self.latest_checkpoint()
        if newest is None:
            return "nothing was saved before; make room and start again."
        return (
            f"the last good checkpoint is {newest.name}; make room, and resume from it with "
            f"--unet-resume-path {LATEST}."
        )


def write_directory(path: Path, fill: Callable[[Path], None], *, hint: str) -> None:
    """Fill a new directory and give it its name when all of it is on disk.

    One that has the name already is replaced. Raises TrainingError, ending in ``hint``.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        fill(scratch)
        for file in scratch.rglob("*"):
            if file.is_file():
                _sync(file)
        _swap(scratch, path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} can't be written ({_reason(error)}); {hint}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises TrainingError where it can't be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} can't be read ({error}); resume from another.") from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path} is damaged; resume from another checkpoint.")
    return values


def step_of(checkpoint: Path) -> int:
    found = _NAME.fullmatch(checkpoint.name)
    return int(found[1]) if found else 0


def _swap(scratch: Path, path: Path) -> None:
    old = path.with_name(f".{path.name}.old")
    if path.exists():
        path.rename(old)
    scratch.rename(path)
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(str(reason).split())[:120]
