"""How every LoRA of nano learns: beside the finished model, on clips that were drawn for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from generator.contract.limits import ModelLimits
from generator.model.unet import HotshotUNet
from tools.nano.adapters import add_adapter, save_adapter
from tools.nano.clips import ClipTables
from tools.nano.finished_model import encode_captions, load_finished
from tools.nano.geometries import Geometries
from tools.nano.step_inputs import BucketLoss
from tools.nano.training_stage import TrainingStage, is_needed


@dataclass(frozen=True, slots=True)
class AdapterLesson:
    """What a LoRA learns: its ``loss`` is of the network with the LoRA, the clips, and what the
    model can be asked for.
    """

    name: str
    steps: int
    learning_rate: float
    seed: int
    metadata: Mapping[str, str]
    loss: Callable[[HotshotUNet, ClipTables, ModelLimits], BucketLoss]


def train_adapter(
    lesson: AdapterLesson,
    directory: Path,
    output: Path,
    runs: Path,
    *,
    drawn: Sequence[Geometries],
    device: torch.device,
) -> None:
    """Train on the finished model in ``directory``; goes on from a checkpoint in ``runs``.

    Writes nothing where nothing was learnt and nothing is to be.
    """
    if not is_needed(runs, lesson.name, lesson.steps):
        return
    torch.manual_seed(lesson.seed)
    model = load_finished(directory, device)
    add_adapter(model.unet)
    learnt = [value for value in model.unet.parameters() if value.requires_grad]
    stage = TrainingStage(
        name=lesson.name, model=model.unet, parameters=learnt, steps=lesson.steps,
        learning_rate=lesson.learning_rate, seed=lesson.seed, directory=runs, average_decay=0.99,
    )  # fmt: skip
    begun = stage.load_average()
    if begun < lesson.steps:
        tables = ClipTables(encode_captions(model), lesson.seed, device)
        for each in drawn:
            tables.add(each.bucket, each.collect())
        stage.run_buckets(lesson.loss(model.unet, tables, ModelLimits.of(str(directory))))
    if begun or lesson.steps:
        save_adapter(model.unet, output, lesson.metadata)
