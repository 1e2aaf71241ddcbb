"""What the UNet and the ControlNets are told of a request, and during which of its steps."""

from __future__ import annotations

from dataclasses import dataclass

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
class Conditioning:
    """What the networks are told, for a batch of one, or of two where it is guided.

    ``text`` is as encoded; ``time_ids`` (b, 6) are original size, crop's corner and target size.
    """

    text: EncodedText
    time_ids: Tensor

    @property
    def is_guided(self) -> bool:
        return self.time_ids.shape[0] == 2

    @property
    def conditional(self) -> Conditioning:
        """Return the conditioning of the prompt alone, for steps that aren't guided."""
        return Conditioning(self.text.last_only, self.time_ids[-1:])

    @property
    def clips(self) -> tuple[Conditioning, ...]:
        """Return what each clip of the batch is told, apart."""
        text = self.text
        return tuple(
            Conditioning(EncodedText(text.hidden[at], text.pooled[at]), self.time_ids[at])
            for at in (slice(one, one + 1) for one in range(self.time_ids.shape[0]))
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
