"""What a ControlNet is shown of a source's frames: their edges, lines, depth, or as they are.

An annotator takes all frames of a clip in one pass, uint8 (f, h, w, 3), and gives as many of the
same size. Everything but depth needs only OpenCV; torch is imported where a depth model is loaded,
not before. Knows no ControlNet.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from generator.contract.control_types import DEPTH_MODEL, annotator_name
from generator.media.clip import Frames

Annotator = Callable[[Frames], Frames]

_CANNY_LOW, _CANNY_HIGH = 100, 200
_TILE = 8  # a tile ControlNet paints the details into a picture that has lost them
_LINE_WIDTH = 1 / 64  # of the shorter edge: what is wider is an area, not a line


def keep_frames(frames: Frames) -> Frames:
    """Return the frames as they are: what the original did with every source."""
    return frames


def detect_canny_edges(frames: Frames) -> Frames:
    """Return white edges on black, one pixel wide."""
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    return _three_channels([cv2.Canny(gray, _CANNY_LOW, _CANNY_HIGH) for gray in grays])


def detect_lines(frames: Frames) -> Frames:
    """Return white lines on black, as a pencil draws them: darker than what is around them.

    The strongest line of the clip is white, so that brightness doesn't flicker.
    """
    spread = max(1.0, min(frames.shape[1:3]) * _LINE_WIDTH)
    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32) for frame in frames]
    lines = np.stack([cv2.GaussianBlur(gray, (0, 0), spread) - gray for gray in grays]).clip(0)
    return _three_channels(list((lines * (255 / max(1.0, lines.max()))).round().astype(np.uint8)))


def convert_to_gray(frames: Frames) -> Frames:
    """Return brightness alone, for ControlNets that colour a picture."""
    return _three_channels([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])


def remove_detail(frames: Frames) -> Frames:
    """Return the frames without their details, for ControlNets that paint them anew."""
    height, width = frames.shape[1:3]
    small = (max(1, width // _TILE), max(1, height // _TILE))
    shrunk = [cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in frames]
    return _stack(
        [cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC) for frame in shrunk]
    )


_WITHOUT_MODEL: dict[str, Annotator] = {
    "none": keep_frames,
    "canny": detect_canny_edges,
    "lineart": detect_lines,
    "gray": convert_to_gray,
    "tile": remove_detail,
}


def create_annotator(
    name: str, *, depth_model: str = DEPTH_MODEL, device: str = "cpu"
) -> Annotator:
    """Return the annotator of that name; ``depth_model`` is a directory or a hub id.

    Raises RequestError for a name there isn't, ModelError where the depth model can't be loaded.
    """
    known = annotator_name(name)
    if known == "depth":
        from generator.annotators.depth import DepthAnnotator

        return DepthAnnotator.load(depth_model, device)
    return _WITHOUT_MODEL[known]


def _three_channels(pictures: list[np.ndarray]) -> Frames:
    return _stack([np.repeat(picture[..., None], 3, axis=-1) for picture in pictures])


def _stack(pictures: list[np.ndarray]) -> Frames:
    return np.stack(pictures).astype(np.uint8, copy=False)
