"""What a model says that it can be asked for, as it travels between a worker and the bot.

How that is read from a model's directory, and what a request is held to by it, stands in
``generator.contract.limits``. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass

from generator.contract.bounds import MAX_FRAMES, MAX_STEPS, USUAL_CLIP_FRAMES

PUBLISHED_EDGE = 512  # pixels, of the original Hotshot-XL
IMAGE_STRENGTH = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredLimits:
    """Limits and defaults of one model, by default the original Hotshot-XL's. Edges are in pixels.

    The networks see at most ``max_frames`` at once; a clip of up to ``max_clip_frames`` is made in
    windows. ``image_strength`` leaves a picture's look and lets it move, ``upscale_strength`` a
    clip's own motion as well: how much noise that takes differs with a model's schedule and size.
    ``upscale_steps`` and ``upscale_scheduler`` are those of a second pass, for a model whose usual
    steps are too few to take a share of; with 0 and "" it has those of the first pass.
    """

    native_edge: int = PUBLISHED_EDGE
    max_frames: int = MAX_FRAMES
    max_clip_frames: int = USUAL_CLIP_FRAMES
    max_steps: int = MAX_STEPS
    steps: int = 30
    guidance_scale: float = 5.0
    guidance_rescale: float = 0.0
    scheduler: str = "euler_a"
    controlnet_conditioning_scale: float = 0.7
    image_strength: float = IMAGE_STRENGTH
    upscale_strength: float = 0.4
    upscale_steps: int = 0
    upscale_scheduler: str = ""

    @property
    def min_edge(self) -> int:
        return max(32, self.native_edge // 8)

    @property
    def max_edge(self) -> int:
        return self.native_edge * 4

    @property
    def max_pixels(self) -> int:
        """The most pixels of a frame: four times the native picture."""
        return (self.native_edge * 2) ** 2
