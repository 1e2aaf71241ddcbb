"""The stages of frames, between decoding and the file. A model's networks have no part in them."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from einops import rearrange
from PIL import Image
from torch import Tensor

from generator.contract import stages
from generator.contract.progress import ProgressCallback
from generator.inference.stages.stage import Networks, PipelineState, Stage, needed
from generator.media.clip import Frames
from generator.sources.geometry import scale_to_fill


class ToFrames(Stage):
    """Turns decoded pictures into frames."""

    name: ClassVar[str] = stages.TO_FRAMES
    networks: ClassVar[Networks] = Networks.NONE

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``frames``, behind those that are kept; the pictures are needed no more."""
        frames = to_frames(needed(state.pictures))
        if state.request.kept_frames:
            frames = np.concatenate([needed(state.init_image), frames])
        report(self.name, 1, 1)
        return replace(state, frames=frames, pictures=None)


class Enlarge(Stage):
    """Scales the frames to the size of the pass that begins from them.

    What the pass before it followed is in the frames already. They are scaled as a source's would
    be, so a pass from a file that lost nothing makes the same GIF.
    """

    name: ClassVar[str] = stages.ENLARGE
    networks: ClassVar[Networks] = Networks.NONE

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``init_image``, in place of the frames and of the condition images."""
        size = state.request.width, state.request.height
        scaled = [
            np.asarray(scale_to_fill(Image.fromarray(frame), size))
            for frame in needed(state.frames)
        ]
        report(self.name, 1, 1)
        return replace(state, init_image=np.stack(scaled), condition_images=(), frames=None)


def to_frames(pictures: Tensor) -> Frames:
    """Turn pictures (f, 3, h, w) uint8 into frames (f, h, w, 3)."""
    frames: Frames = rearrange(pictures, "f c h w -> f h w c").cpu().contiguous().numpy()
    return frames
