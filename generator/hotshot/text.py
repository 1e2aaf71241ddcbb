"""From a prompt to what the UNet is told: both encoders' hidden states, and the pooled text.

As in SDXL: the last layer but one of both encoders side by side, and the second encoder's
projected text. Knows nothing of clips or files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class EncodedText:
    """``hidden`` is (b, 77, d), ``pooled`` (b, p)."""

    hidden: Tensor
    pooled: Tensor

    @classmethod
    def zeros_like(cls, other: EncodedText) -> EncodedText:
        """What an absent text is for a model that was trained so."""
        return cls(torch.zeros_like(other.hidden), torch.zeros_like(other.pooled))

    @property
    def last(self) -> EncodedText:
        """The last text of the batch alone."""
        return EncodedText(self.hidden[-1:], self.pooled[-1:])

    def cat(self, other: EncodedText) -> EncodedText:
        """Both, one batch."""
        return EncodedText(
            torch.cat([self.hidden, other.hidden]), torch.cat([self.pooled, other.pooled])
        )


@dataclass(frozen=True, slots=True)
class TextEncoders:
    """Two CLIP text encoders with their tokenizers; the second one has a projection.

    ``empty_is_zeros``: an absent negative prompt is zeros, not the encoding of an empty text.
    """

    tokenizers: tuple[Any, Any]
    encoders: tuple[Any, Any]
    empty_is_zeros: bool

    def encode(self, texts: list[str]) -> EncodedText:
        """Texts beyond 75 tokens are cut there, as CLIP can see no more."""
        hidden: list[Tensor] = []
        for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True):
            said = encoder(_token_ids(tokenizer, encoder, texts), output_hidden_states=True)
            hidden.append(said.hidden_states[-2])
        return EncodedText(torch.cat(hidden, dim=-1), said.text_embeds)

    def encode_guided(self, prompt: str, negative_prompt: str) -> EncodedText:
        """Batch of two, the negative prompt first, as guidance takes them apart again."""
        if not negative_prompt and self.empty_is_zeros:
            wanted = self.encode([prompt])
            return EncodedText.zeros_like(wanted).cat(wanted)
        return self.encode([negative_prompt, prompt])


def _token_ids(tokenizer: Any, encoder: Any, texts: list[str]) -> Tensor:
    length = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
    tokens = tokenizer(
        texts, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    ids: Tensor = tokens.input_ids.to(encoder.device)
    return ids
