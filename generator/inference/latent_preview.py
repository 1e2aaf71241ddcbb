"""A first look at a clip while it is made: what the network believes by now, cheaply decoded.

A small VAE decodes it as it is. For a large one a linear map stands, a pixel for each latent,
fitted once to what the VAE itself makes of smooth noise. A look that fails costs nobody the clip.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from generator.contract.raw_clip import RawClip
from generator.media.clip import Frames
from generator.model.latents import LATENT_SCALE, unscale_latents
from generator.model.loading import HotshotModel

# (sample, step, steps): the clean latents (1, 4, f, h/8, w/8) that ``step`` of ``steps`` promises.
PreviewCallback = Callable[[Tensor, int, int], None]

logger = logging.getLogger(__name__)

_EDGE = 192  # pixels, of the longer edge
_AT_ONCE = 8  # frames decoded together: a long clip's take no more memory than a window's
_SMALL_VAE = 10_000_000  # parameters; a larger one takes longer to decode than a look is worth
_FIRST_SECONDS, _EVERY_SECONDS = 2.0, 4.0  # a clip that is made sooner needs no look
_FROM = 0.2  # of all steps; before, there is nothing to see
_QUALITY = 60
_SAMPLES, _SAMPLE_EDGE = 16, 8  # smooth latents that the linear map is fitted to


def predict_original_sample(
    scheduler: Any, model_input: Tensor, predicted: Tensor, timestep: Tensor
) -> Tensor:
    """Return the clean latents that a prediction means, in the scheduler's own parametrization.

    ``model_input`` is what the network was shown at ``timestep``, of variance one.
    """
    alphas = scheduler.alphas_cumprod
    index = int(timestep.round().clamp(0, len(alphas) - 1))
    signal: float = float(alphas[index]) ** 0.5
    noise: float = (1 - signal**2) ** 0.5
    match scheduler.config.prediction_type:
        case "sample":
            return predicted
        case "v_prediction":
            return model_input * signal - predicted * noise
        case _:
            return (model_input - predicted * noise) / max(signal, 1e-3)


@dataclass(slots=True)
class PreviewDecoder:
    """Decodes latents of one model to small frames."""

    model: HotshotModel
    _map: Tensor | None = field(default=None)

    @torch.inference_mode()
    def __call__(self, latents: Tensor) -> Frames:
        """Decode (1, 4, f, h/8, w/8) to (f, height, width, 3), with ``_EDGE`` the longer edge."""
        frames = rearrange(unscale_latents(latents, self.model.vae.config), "1 c f h w -> f c h w")
        levels = torch.cat([self._levels(part) for part in torch.split(frames, _AT_ONCE)])
        drawn: Frames = rearrange(levels, "f c h w -> f h w c").cpu().contiguous().numpy()
        return drawn

    def _levels(self, frames: Tensor) -> Tensor:
        pictures = self._decoded(frames) if self._is_small else self._mapped(frames)
        scale = _EDGE / max(pictures.shape[-2:])
        size = [max(1, round(edge * scale)) for edge in pictures.shape[-2:]]
        small = interpolate(pictures.float(), size=size, mode="bicubic", antialias=True)
        return ((small / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)

    @property
    def _is_small(self) -> bool:
        size: int = sum(one.numel() for one in self.model.vae.parameters())
        return size <= _SMALL_VAE

    def _decoded(self, frames: Tensor) -> Tensor:
        vae = self.model.vae
        decoded: Tensor = vae.decode(frames.to(vae.dtype), return_dict=False)[0]
        return decoded

    def _mapped(self, frames: Tensor) -> Tensor:
        if self._map is None:
            self._map = self._fitted(frames.shape[1], frames.device)
        mapped: Tensor = torch.einsum("fchw,cd->fdhw", _with_one(frames.float()), self._map)
        return mapped

    def _fitted(self, channels: int, device: torch.device) -> Tensor:
        """Return the map (channels + 1, 3) that comes nearest to the VAE, by least squares."""
        generator = torch.Generator().manual_seed(0)
        drawn = torch.randn((_SAMPLES, channels, 2, 2), generator=generator).to(device)
        smooth = interpolate(drawn, size=(_SAMPLE_EDGE, _SAMPLE_EDGE), mode="bicubic")
        latents = unscale_latents(smooth[:, :, None], self.model.vae.config)[:, :, 0]
        pictures = avg_pool2d(self._decoded(latents).float(), LATENT_SCALE)
        given = rearrange(_with_one(latents.float()), "b c h w -> (b h w) c")
        wanted = rearrange(pictures, "b d h w -> (b h w) d")
        # The normal equations: every device can solve five.
        square = given.T @ given + 1e-4 * torch.eye(channels + 1, device=device)
        solved: Tensor = torch.linalg.solve(square, given.T @ wanted)
        return solved


class PreviewMaker:
    """A PreviewCallback that decodes what it sees now and then, for whoever ``take``s it."""

    def __init__(self, preview_decoder: Callable[[Tensor], Frames], duration_ms: int) -> None:
        self._decoder, self._duration_ms = preview_decoder, duration_ms
        self._clip: RawClip | None = None
        self._due = time.monotonic() + _FIRST_SECONDS

    def __call__(self, sample: Tensor, step: int, steps: int) -> None:
        """Make a preview where one is due."""
        if not _FROM * steps <= step < steps or time.monotonic() < self._due:
            return
        try:
            if torch.isfinite(sample).all():  # else it would be black, and the clip ends anyhow
                frames = self._decoder(sample)
                self._clip = RawClip(frames.data, self._duration_ms, quality=_QUALITY)
        except Exception:  # whatever it is, the clip itself goes on
            logger.warning("no preview could be made", exc_info=True)
        self._due = time.monotonic() + _EVERY_SECONDS

    def take(self) -> RawClip | None:
        """Return the newest preview, once."""
        clip, self._clip = self._clip, None
        return clip


def _with_one(latents: Tensor) -> Tensor:
    """Return latents with a further channel of ones, which the map's constant part is for."""
    return torch.cat([latents, torch.ones_like(latents[:, :1])], dim=1)
