"""What the UNet and the ControlNets are told of a request, and during which of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
    """What the networks are told, by one text, or by two where it is guided.

    ``text`` is as encoded; ``time_ids`` (b, 6) are original size, crop's corner and target size.
    Where the text changes along a clip that is longer than a window, ``track`` has each frame's.
    Each text is told of ``clips`` clips, which stand behind each other in the networks' batch: all
    of the first text, then all of the second. So its keys and values are computed once.
    """

    text: EncodedText
    time_ids: Tensor
    track: TextTrack | None = None
    clips: int = 1

    @property
    def is_guided(self) -> bool:
        return self.time_ids.shape[0] == 2

    @property
    def conditional(self) -> Conditioning:
        """Return the conditioning of the prompt alone, for steps that aren't guided."""
        track = self.track and TextTrack(self.track.encoded, self.track.shares[-1:])
        return Conditioning(self.text.last_only, self.time_ids[-1:], track, self.clips)

    def window(self, frames: Sequence[int]) -> Conditioning:
        """Return what is told of these frames of a clip."""
        if self.track is None:
            return self
        return Conditioning(self.track.of(frames), self.time_ids, clips=self.clips)

    @property
    def by_text(self) -> tuple[Conditioning, ...]:
        """Return what is told by each text, apart."""
        return tuple(
            Conditioning(self.text.alone(at), self.time_ids[at : at + 1], clips=self.clips)
            for at in range(self.time_ids.shape[0])
        )

    def of(self, clips: int) -> Conditioning:
        """Return what is told of so many clips."""
        return self if clips == self.clips else replace(self, clips=clips)

    @property
    def hidden(self) -> Tensor:
        """Return the texts as the networks take them, which share each among what follows it.

        Where each frame has a text of its own, that is once for each clip.
        """
        hidden, texts = self.text.hidden, self.time_ids.shape[0]
        if self.clips == 1 or hidden.shape[0] == texts:
            return hidden
        of_texts = hidden.reshape(texts, -1, *hidden.shape[1:])
        return of_texts.repeat_interleave(self.clips, 0).flatten(0, 1)

    @property
    def added_cond_kwargs(self) -> dict[str, Tensor]:
        """Return what SDXL's networks call ``added_cond_kwargs``, once for each of the batch."""
        told = {"text_embeds": self.text.pooled, "time_ids": self.time_ids}
        if self.clips == 1:
            return told
        return {name: value.repeat_interleave(self.clips, dim=0) for name, value in told.items()}

    def added_cond_kwargs_per_frame(self, frames: int) -> dict[str, Tensor]:
        """Return these once for each frame, clip by clip, for networks that know no clips."""
        return {
            name: value.repeat_interleave(frames, dim=0)
            for name, value in self.added_cond_kwargs.items()
        }
