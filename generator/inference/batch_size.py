"""How much is made together: of several clips at a time, and of one clip until it is a file."""

from __future__ import annotations

from generator.contract.bounds import MAX_FRAMES
from generator.contract.limits import ModelLimits
from generator.model import devices, memory
from generator.model.latents import LATENT_SCALE
from generator.model.loading import HotshotModel

# A CPU is no sooner done with clips together than one after the other, unless they are so small
# that most of a step is what each call costs anyhow: four pictures of nano, not four of its clips.
_CPU_PIXELS = 4 * 128 * 128
# Of the first block's channels, this many are there at a time for each latent of a guided clip:
# 0.49 GiB a megapixel, as an H200 took for 8 and 24 frames of 512 x 512, and for 8 of 1024 x 1024.
_LIVE_TENSORS = 52
# Of RAM, for each pixel of all frames: as they are decoded, as an array, in the memory that an
# encoder shares (3 each), and in the encoder itself (GIF 0.8, WebP 3.4, MP4 6.0, as measured).
_CLIP_BYTES = 16


def batch_pixels(model: HotshotModel) -> int:
    """Return how many pixels of all frames of clips fit together: 0 for one clip at a time.

    On a GPU half of the memory that is free now is left alone.
    """
    if model.offloader.is_enabled:
        return 0
    match model.device.type:
        case "cpu":
            return _CPU_PIXELS
        case "cuda":
            return pixels_that_fit(model, devices.free_bytes(model.device))
        case _:
            return 0


def clip_pixels(limits: ModelLimits) -> int:
    """Return how many pixels of all frames of a clip fit into the RAM that is free; 0 for unknown.

    Whatever is free, a clip that its model makes at once in its own size is tried.
    """
    free = memory.available_bytes()
    if free is None:
        return 0
    return max(free // _CLIP_BYTES, MAX_FRAMES * limits.native_edge**2)


def pixels_that_fit(model: HotshotModel, free_bytes: int) -> int:
    """Return how many pixels of guided clips the UNet computes in half of so much memory."""
    channels: int = model.unet.config.block_out_channels[0]
    a_latent = _LIVE_TENSORS * channels * model.dtype.itemsize
    return free_bytes // 2 * LATENT_SCALE**2 // a_latent
