"""Depth of a clip's frames by any depth-estimation model of transformers: near is white.

Imports torch. As many frames as a window may have go through the model at once, and one scale
serves the whole clip: with a scale for each frame, the depth would pump whenever something comes or
goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoModelForDepthEstimation

from generator.checkpoints.file_selection import TRANSFORMERS_STEM
from generator.checkpoints.resolve import fetch_root
from generator.checkpoints.weights import align, find_weights
from generator.contract.bounds import MAX_FRAMES
from generator.contract.errors import ModelError
from generator.contract.paths import existing_path, parse_hub_id
from generator.media.clip import Frames

# What transformers raises for a directory that it can't use: of a file that is missing or damaged,
# of a configuration that it doesn't know (ValueError, KeyError), of weights in another shape.
_LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, SafetensorError)


@dataclass(frozen=True, slots=True)
class DepthAnnotator:
    """A loaded model; call it with frames (f, h, w, 3)."""

    processor: Any
    model: Any

    @classmethod
    def load(cls, model: str, device: str) -> Self:
        """Load a depth model, given by directory or hub id. Raises ModelError.

        Weights are read as safetensors only.
        """
        directory = str(find_depth_model(model))
        try:
            # Pillow's preparation is there with every installation, torchvision's isn't.
            processor = AutoImageProcessor.from_pretrained(
                directory, backend="pil", local_files_only=True
            )
            loaded = AutoModelForDepthEstimation.from_pretrained(
                directory, use_safetensors=True, local_files_only=True
            )
        except _LOAD_ERRORS as error:
            raise _unusable(model, error) from error
        loaded.to(device)
        align(loaded)
        return cls(processor, loaded.eval())

    @torch.inference_mode()
    def __call__(self, frames: Frames) -> Frames:
        """Return depth as gray in RGB, uint8 of the frames' shape; the nearest point is white."""
        parts = (frames[at : at + MAX_FRAMES] for at in range(0, len(frames), MAX_FRAMES))
        fitted = torch.cat([self._depth(part) for part in parts])
        low, high = fitted.min(), fitted.max()
        spread = (high - low).clamp(min=torch.finfo().tiny)
        levels = ((fitted - low) / spread * 255).round().to(torch.uint8)
        pictures: Frames = levels[:, 0, :, :, None].expand(-1, -1, -1, 3).cpu().numpy().copy()
        return pictures

    def _depth(self, frames: Frames) -> Tensor:
        """Return what grows as things come near, (f, 1, h, w)."""
        prepared = self.processor(images=list(frames), return_tensors="pt")
        depth = self.model(**prepared.to(self.model.device)).predicted_depth.float()
        if _grows_with_distance(self.model.config):
            depth = 1 / depth.clamp(min=1e-3)
        return torch.nn.functional.interpolate(
            depth[:, None], size=frames.shape[1:3], mode="bicubic", align_corners=False
        )


def find_depth_model(model: str) -> Path:
    """Return the directory of a depth model, fetched where it isn't cached. Raises ModelError."""
    # Fetched here, since transformers asks a hub that is gone again and again for minutes.
    return existing_path(model) or _fetched(model)


def check_depth_model(directory: Path, model: str) -> None:
    """Raise ModelError where ``load`` would for all but the weights themselves, unread here."""
    try:
        config = AutoConfig.from_pretrained(str(directory), local_files_only=True)
        with torch.device("meta"):
            AutoModelForDepthEstimation.from_config(config)
    except Exception as error:
        raise _unusable(model, error) from error
    find_weights(directory, TRANSFORMERS_STEM)


def _unusable(model: str, error: Exception) -> ModelError:
    return ModelError(
        "The depth model {model} can't be loaded ({reason}); give the directory or hub id of a "
        "depth-estimation model of transformers.",
        model=model,
        reason=_first_line(error),
    )


def _fetched(model: str) -> Path:
    repository, inner = parse_hub_id(model) or ("", "")
    if not repository or inner:
        raise ModelError(
            f"There is no depth model at {model}; give the directory or hub id of a "
            "depth-estimation model of transformers."
        )
    return fetch_root(repository, TRANSFORMERS_STEM)


def _grows_with_distance(config: Any) -> bool:
    """Return whether the model tells metres; others tell what grows as things come near."""
    metric = getattr(config, "depth_estimation_type", "relative") == "metric"
    return metric or config.model_type in ("zoedepth", "depth_pro")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
