"""A small model, clips to train it on, and command lines."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate.state import AcceleratorState
from PIL import Image

from generator.__main__ import main
from generator.media.clip import Frames
from generator.nano import world
from tests.generator.small_model import small_model

FRAMES = 4


@pytest.fixture(autouse=True)
def fresh_accelerator() -> Iterator[None]:
    """accelerate remembers its first settings for the whole process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six samples: five squares and a wide one."""
    directory = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    for index in range(6):
        attributes = world.draw_attributes(rng)
        width, height = (96, 40) if index == 3 else (64, 64)
        frames = world.render(world.draw_scene(rng, attributes), width, height, FRAMES)
        prompt = f"a {attributes.color} {attributes.shape} {attributes.motion}"
        write_sample(directory / f"sample_{index}", frames, prompt)
    return directory


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with two steps where nobody asks for more, as training doesn't."""
    directory = shutil.copytree(small_model(), tmp_path_factory.mktemp("hasty") / "model")
    (directory / "generation_config.json").write_text('{"steps": 2}')
    return directory


def write_sample(folder: Path, frames: Frames, prompt: str | None) -> None:
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index}.png")
    if prompt is not None:
        (folder / "prompt.txt").write_text(prompt + "\n")


def line(data: Path, output: Path, *more: str, model: Path | None = None) -> list[str]:
    """A short run, without trackers, of a small model where none is given."""
    directory = str(model or small_model())
    return [
        *("fine-tune", "--pretrained_model_name_or_path", directory, "--data_dir", str(data)),
        *("--output_dir", str(output), "--resolution=64", "--train_batch_size=2"),
        *("--learning_rate=1e-3", "--save_starting_step=0", "--report_to=none", *more),
    ]


def train(data: Path, output: Path, *more: str, model: Path | None = None) -> list[dict[str, Any]]:
    """Runs to the end; gives what each step was."""
    AcceleratorState._reset_state(reset_partial_state=True)
    assert main(line(data, output, *more, model=model)) == 0
    return metrics(output)


def metrics(output: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (output / "metrics.jsonl").read_text().splitlines()]


def losses(output: Path) -> list[float]:
    return [step["loss"] for step in metrics(output)]
