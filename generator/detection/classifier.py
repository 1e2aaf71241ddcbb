"""Any image-classification model of transformers as a detector. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from transformers import AutoImageProcessor, AutoModelForImageClassification

from generator.checkpoints.file_selection import TRANSFORMERS_STEM
from generator.checkpoints.resolve import fetch_root, without_fetching
from generator.contract.paths import existing_path, parse_hub_id
from generator.detection.detector import unusable
from generator.media.clip import Frames

_AT_ONCE = 8  # pictures in one call: memory grows with them, and a CPU gains nothing by more
# What transformers raises for a directory that it can't use: of a file that is missing or damaged,
# of a configuration that it doesn't know (ValueError, KeyError), of weights in another shape.
_LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, TypeError, SafetensorError)
_MULTI_LABEL = "multi_label_classification"


@dataclass(frozen=True, slots=True)
class Classifier:
    """A loaded model; its scores are probabilities, of each class by itself or of all together."""

    processor: Any
    model: Any
    classes: tuple[str, ...]

    @classmethod
    def load(cls, model: str, *, may_fetch: bool = True) -> Self:
        """Load a model, given by directory or hub id. Raises ModelError.

        Weights are read as safetensors only.
        """
        found = existing_path(model) or _fetched(model, may_fetch=may_fetch)
        if not (found / "config.json").is_file():
            raise unusable(model, "it has no config.json")
        directory = str(found)
        try:
            # Pillow's preparation is there with every installation, torchvision's isn't.
            processor = AutoImageProcessor.from_pretrained(
                directory, backend="pil", local_files_only=True
            )
            loaded, facts = AutoModelForImageClassification.from_pretrained(
                directory, use_safetensors=True, local_files_only=True, output_loading_info=True
            )
        except _LOAD_ERRORS as error:
            raise unusable(model, _first_line(error)) from error
        # transformers draws at random what a file lacks, and such a head sees anything anywhere
        if facts["missing_keys"] or facts["mismatched_keys"]:
            raise unusable(model, "it has no trained classes")
        labels = loaded.config.id2label
        return cls(processor, loaded.eval(), tuple(str(labels[key]) for key in sorted(labels)))

    @torch.inference_mode()
    def look(self, frames: Frames) -> Mapping[str, float]:
        """Return the highest score of each class in these frames."""
        parts = (frames[at : at + _AT_ONCE] for at in range(0, len(frames), _AT_ONCE))
        highest = torch.cat([self._scores(part) for part in parts]).amax(dim=0)
        return dict(zip(self.classes, highest.tolist(), strict=True))

    def _scores(self, frames: Frames) -> torch.Tensor:
        """Return the scores (f, classes)."""
        prepared = self.processor(images=list(frames), return_tensors="pt")
        logits: torch.Tensor = self.model(**prepared).logits.float()
        if not torch.isfinite(logits).all():  # what compares with nothing would pass everywhere
            raise FloatingPointError("the detector's scores are not finite")
        if self.model.config.problem_type == _MULTI_LABEL:
            return logits.sigmoid()
        return logits.softmax(dim=-1)


def _fetched(model: str, *, may_fetch: bool) -> Path:
    repository, inner = parse_hub_id(model) or ("", "")
    if not repository or inner:
        raise unusable(model, "there is nothing of that name")
    with nullcontext() if may_fetch else without_fetching():
        return fetch_root(repository, TRANSFORMERS_STEM)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
