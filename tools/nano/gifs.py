"""GIFs that are made to be measured: the pipeline, its requests, where the object is, a sheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.model.devices import choose_device
from generator.model.loading import load_model

_FAR = 48.0  # RGB distance from the background at which a pixel belongs to the object


def load_pipeline(model: str) -> HotshotPipeline:
    """Load the pipeline of a model, on the best device that is there."""
    device = choose_device("auto", "auto")
    return HotshotPipeline(load_model(model, device=device.device, dtype=device.dtype))


def make_request(prompt: str, seed: int, limits: ModelLimits, **changes: Any) -> Request:
    """Return a request at the model's own size and settings, but for ``changes`` of its fields."""
    settings: dict[str, Any] = {
        "width": limits.native_edge,
        "height": limits.native_edge,
        "steps": limits.steps,
        "guidance_scale": limits.guidance_scale,
        "guidance_rescale": limits.guidance_rescale,
        "scheduler": limits.scheduler,
    }
    return Request(prompt=prompt, seed=seed, **(settings | changes))


def object_mask(frames: Frames) -> npt.NDArray[np.bool_]:
    """Return a clip's (f, h, w, 3) object, (f, h, w): all that is not as its corners are."""
    corners = frames[:, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(-1, 3)
    background = np.median(corners, axis=0)
    return np.asarray(np.linalg.norm(frames - background, axis=-1) > _FAR)


def draw_sheet(clips: Iterable[Frames]) -> Image.Image:
    """Draw a contact sheet, one clip a row."""
    return Image.fromarray(np.concatenate([np.concatenate(list(clip), axis=1) for clip in clips]))
