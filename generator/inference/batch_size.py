"""How much of several clips a device computes together, by what it has and what it gains."""

from __future__ import annotations

from generator.model import devices
from generator.model.latents import LATENT_SCALE
from generator.model.loading import HotshotModel

# A CPU is no sooner done with clips together than one after the other, unless they are so small
# that most of a step is what each call costs anyhow: four pictures of nano, not four of its clips.
_CPU_PIXELS = 4 * 128 * 128
# Of the first block's channels, this many are there at a time for each latent of a guided clip:
# 0.49 GiB a megapixel, as an H200 took for 8 and 24 frames of 512 x 512, and for 8 of 1024 x 1024.
_LIVE_TENSORS = 52


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


def pixels_that_fit(model: HotshotModel, free_bytes: int) -> int:
    """Return how many pixels of guided clips the UNet computes in half of so much memory."""
    channels: int = model.unet.config.block_out_channels[0]
    a_latent = _LIVE_TENSORS * channels * model.dtype.itemsize
    return free_bytes // 2 * LATENT_SCALE**2 // a_latent
