"""Clips and captions as the UNet takes them, kept on disk so that each is encoded once.

What a cache keeps is exact: the mean and the spread that a VAE gives, from which a step draws as
if it had just encoded. A clip is always encoded by itself, so a cached run computes the very
losses of one that isn't. A file that can't be read is made again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from generator.contract.errors import HotshotError
from generator.media.clip import Frames
from generator.media.output import write_whole
from generator.model.latents import scale_latents, without_autocast
from generator.model.text_encoding import EncodedText, TextEncoders
from generator.training.data.sample_rng import SampleRng
from generator.training.data.samples import BadSampleError

Tensors = dict[str, Tensor]
TOKENS = 77  # of a caption; what is longer is cut, so that captions fit into one batch
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cache:
    """Keeps tensors by key in ``directory``; None keeps nothing. A file is whole or not there."""

    directory: Path | None

    def get(self, key: str, make: Callable[[], Tensors]) -> Tensors:
        """Return what is kept under the key, made where it isn't there yet."""
        if self.directory is None:
            return make()
        path = self.directory / f"{key}.safetensors"
        if path.is_file():
            try:
                return load_file(path)
            except (SafetensorError, OSError):
                logger.info("%s is damaged and is made again.", path)
        made = make()
        self.directory.mkdir(parents=True, exist_ok=True)
        write_whole(path, save({name: value.contiguous() for name, value in made.items()}))
        return made


@dataclass(frozen=True, slots=True)
class LatentEncoder:
    """Encodes clips with a VAE, ``frames_per_call`` frames at a time (None: all).

    ``fingerprint`` tells this VAE and precision from others.
    """

    vae: Any
    cache: Cache
    fingerprint: str
    frames_per_call: int | None = None

    def moments(self, frames: Callable[[], Frames], key: str) -> Tensors:
        """Return a clip's ``mean`` and, of a VAE that draws, ``spread``: (f, 4, h/8, w/8) float32.

        Raises BadSampleError where they are no numbers.
        """
        return self.cache.get(digest(self.fingerprint, key), lambda: self._encode(frames()))

    @torch.no_grad()
    def _encode(self, frames: Frames) -> Tensors:
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 127.5 - 1
        parts = torch.split(pictures, self.frames_per_call or len(pictures))
        with without_autocast(self.vae.device):
            encoded = [
                self._encode_frames(part.to(self.vae.device, self.vae.dtype)) for part in parts
            ]
        moments = {
            name: torch.cat([part[name].float().cpu() for part in encoded]) for name in encoded[0]
        }
        if not all(bool(value.isfinite().all()) for value in moments.values()):
            raise BadSampleError(
                "the VAE's result for it isn't finite; try --vae-b16 or full precision"
            )
        return moments

    def _encode_frames(self, pictures: Tensor) -> Tensors:
        encoded = self.vae.encode(pictures)
        if hasattr(encoded, "latent_dist"):
            return {"mean": encoded.latent_dist.mean, "spread": encoded.latent_dist.std}
        return {"mean": encoded.latents}


def draw_latents(moments: Tensors, config: Mapping[str, Any], rng: SampleRng) -> Tensor:
    """Draw latents (4, f, h, w) as the UNet takes them from the VAE's moments."""
    latents = moments["mean"].float()
    if "spread" in moments:
        latents = latents + moments["spread"].float() * rng.normal(*latents.shape)
    return scale_latents(latents, config).transpose(0, 1)


@dataclass(frozen=True, slots=True)
class CachedCaptionEncoder:
    """Encodes captions one at a time, each of them once."""

    text: TextEncoders
    cache: Cache
    fingerprint: str

    def encode(self, caption: str) -> EncodedText:
        """Return a caption's ``hidden`` (1, 77, d) and ``pooled`` (1, p), float32, on the CPU."""
        cached = self.cache.get(digest(self.fingerprint, caption), lambda: self._encode(caption))
        return EncodedText(cached["hidden"], cached["pooled"])

    def encode_dropped(self) -> EncodedText:
        """Return what a dropped caption is encoded as: as at inference, zeros or an empty text."""
        encoded = self.encode("")
        return (
            EncodedText.zeros_like(encoded) if self.text.force_zeros_for_empty_prompt else encoded
        )

    @torch.no_grad()
    def _encode(self, caption: str) -> Tensors:
        with without_autocast(self.text.encoders[0].device):
            encoded = self.text.encode([caption])
        hidden = encoded.hidden[:, :TOKENS]
        return {"hidden": hidden.float().cpu(), "pooled": encoded.pooled.float().cpu()}


def digest(*parts: str) -> str:
    """Return a name for what these parts say."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def digest_files(files: Iterable[Path], *also: object) -> str:
    """Return a name for the content of files, in their order, and whatever else decides the result.

    Raises HotshotError for one that can't be read.
    """
    whole = hashlib.sha256(repr(also).encode())
    for file in files:
        try:
            with file.open("rb") as opened:
                whole.update(hashlib.file_digest(opened, "sha256").digest())
        except OSError as error:
            raise HotshotError(f"{file} can't be read ({error.strerror}).") from error
    return whole.hexdigest()[:32]
