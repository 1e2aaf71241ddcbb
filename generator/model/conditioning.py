"""What the UNet and the ControlNets are told of a request, and during which of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.model.text_encoding import EncodedText


@dataclass(frozen=True, slots=True)
class StepRange:
    """A part of all steps, as fractions of them."""

    start: float
    end: float

    def covers(self, step: int, steps: int) -> bool:
        """Return whether the whole of ``step``, counted from 0, lies within."""
        return self.start <= step / steps and (step + 1) / steps <= self.end


@dataclass(frozen=True, slots=True)
class TextTrack:
    """Texts that change along a clip: each frame's is a mix of those encoded (k, t, d).

    ``shares`` is (b, f, k), of the frames of each text of the batch; a text that is absent, as
    models know it that were trained so, has none of any.
    """

    encoded: EncodedText
    shares: Tensor

    def of(self, frames: Sequence[int]) -> EncodedText:
        """Return the texts of these frames; what is told of a clip as a whole is their mean."""
        shares = self.shares[:, list(frames)]
        hidden = torch.einsum("b f k, k t d -> b f t d", shares, self.encoded.hidden)
        return EncodedText(hidden.flatten(0, 1), shares.mean(1) @ self.encoded.pooled)


@dataclass(frozen=True, slots=True)
class Conditioning:
    """What the networks are told, for a batch of one, or of two where it is guided.

    ``text`` is as encoded; ``time_ids`` (b, 6) are original size, crop's corner and target size.
    Where the text changes along a clip that is longer than a window, ``track`` has each frame's.
    """

    text: EncodedText
    time_ids: Tensor
    track: TextTrack | None = None

    @property
    def is_guided(self) -> bool:
        return self.time_ids.shape[0] == 2

    @property
    def conditional(self) -> Conditioning:
        """Return the conditioning of the prompt alone, for steps that aren't guided."""
        track = self.track and TextTrack(self.track.encoded, self.track.shares[-1:])
        return Conditioning(self.text.last_only, self.time_ids[-1:], track)

    def window(self, frames: Sequence[int]) -> Conditioning:
        """Return what is told of these frames of a clip."""
        if self.track is None:
            return self
        return Conditioning(self.track.of(frames), self.time_ids)

    @property
    def clips(self) -> tuple[Conditioning, ...]:
        """Return what each clip of the batch is told, apart."""
        return tuple(
            Conditioning(self.text.alone(at), self.time_ids[at : at + 1])
            for at in range(self.time_ids.shape[0])
        )

    @property
    def added_cond_kwargs(self) -> dict[str, Tensor]:
        """Return what SDXL's networks call ``added_cond_kwargs``, once for each clip."""
        return {"text_embeds": self.text.pooled, "time_ids": self.time_ids}

    def added_cond_kwargs_per_frame(self, frames: int) -> dict[str, Tensor]:
        """Return these once for each frame, clip by clip, for networks that know no clips."""
        return {
            name: value.repeat_interleave(frames, dim=0)
            for name, value in self.added_cond_kwargs.items()
        }
