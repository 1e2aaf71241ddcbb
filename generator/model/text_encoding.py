"""From a prompt to what the UNet is told: both encoders' hidden states, and the pooled text.

As in SDXL: the last layer but one of both encoders side by side, and the second encoder's
projected text. Knows nothing of clips or files.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import torch
from torch import Tensor

from generator.contract.prompts import Fragment, parse_fragments, plain_text
from generator.model.clip_text import ClipEncoder
from generator.model.clip_tokenizer import ClipTokenizer
from generator.model.long_prompts import encode_fragments, pad_to_longest

_REPLACEMENT = "\ufffd"
# Han as of Unicode 8, which was taken apart letter by letter; kana and hangul are words.
_HAN = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


@dataclass(frozen=True, slots=True)
class EncodedText:
    """Texts as SDXL's encoders see them.

    ``hidden`` is (b, t, d), t a multiple of 77, or (b f, t, d) where each frame of a clip has a
    text of its own; ``pooled`` is (b, p).
    """

    hidden: Tensor
    pooled: Tensor

    @classmethod
    def zeros_like(cls, other: EncodedText) -> EncodedText:
        """Return what an absent text is for a model that was trained so."""
        return cls(torch.zeros_like(other.hidden), torch.zeros_like(other.pooled))

    @property
    def last_only(self) -> EncodedText:
        """Return the last text of the batch alone."""
        return self.alone(-1)

    def alone(self, index: int) -> EncodedText:
        """Return one text of the batch, or those of one clip's frames."""
        at = range(len(self.pooled))[index]
        rows = len(self.hidden) // len(self.pooled)
        return EncodedText(self.hidden[at * rows : (at + 1) * rows], self.pooled[at : at + 1])

    def cat(self, other: EncodedText) -> EncodedText:
        """Return one batch of both."""
        return EncodedText(
            torch.cat([self.hidden, other.hidden]), torch.cat([self.pooled, other.pooled])
        )


@dataclass(frozen=True, slots=True)
class TextEncoders:
    """Two CLIP text encoders with their tokenizers; the second one has a projection.

    ``force_zeros_for_empty_prompt``: an absent negative prompt is zeros, not the encoding of an
    empty text.
    """

    tokenizers: tuple[ClipTokenizer, ClipTokenizer]
    encoders: tuple[ClipEncoder, ClipEncoder]
    force_zeros_for_empty_prompt: bool

    def encode(self, texts: list[str]) -> EncodedText:
        """Encode a batch of texts, which may be long, and may have weighted words.

        Those that are short and plain are encoded as SDXL always did. A text of several chunks
        makes ``hidden`` longer by 77 for each; ``pooled`` is that of the first 75 tokens.
        """
        plain = [normalize(plain_text(text)) for text in texts]
        pooled, hidden = self._encode_plain(plain)
        if not all(map(self._is_simple, texts)):
            hidden = self._encode_in_chunks(texts)
        return EncodedText(hidden, pooled)

    def encode_guided(self, prompt: str, negative_prompt: str | None) -> EncodedText:
        """Encode a batch of two, the negative prompt first, as guidance takes them apart again.

        "" is a text like any other; only None is zeros, where the model was trained so.
        """
        if negative_prompt is None and self.force_zeros_for_empty_prompt:
            encoded = self.encode([prompt])
            return EncodedText.zeros_like(encoded).cat(encoded)
        return self.encode([negative_prompt or "", prompt])

    def _encode_plain(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Return pooled text and hidden states of what CLIP can see: the first 75 tokens."""
        hidden: list[Tensor] = []
        for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True):
            output = encoder(_token_ids(tokenizer, encoder, texts))
            hidden.append(output.hidden_states[-2])
        return output.text_embeds, torch.cat(hidden, dim=-1)

    def _encode_in_chunks(self, texts: list[str]) -> Tensor:
        by_encoder = []
        for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True):
            each = [encode_fragments(tokenizer, encoder, _fragments(text)) for text in texts]
            by_encoder.append(torch.cat(pad_to_longest(tokenizer, encoder, each)))
        return torch.cat(by_encoder, dim=-1)

    def _is_simple(self, text: str) -> bool:
        """Return whether it has no weights, and CLIP sees all of it."""
        if len(parse_fragments(text)) > 1 or parse_fragments(text)[0].weight != 1:
            return False
        return all(
            len(tokenizer.encode(normalize(plain_text(text)))) <= _length(tokenizer, encoder)
            for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True)
        )


def _fragments(text: str) -> list[Fragment]:
    return [Fragment(normalize(one.text), one.weight) for one in parse_fragments(text)]


def _length(tokenizer: ClipTokenizer, encoder: ClipEncoder) -> int:
    """Return how many tokens an encoder takes at once, its two markers among them."""
    return min(tokenizer.model_max_length, encoder.config.max_position_embeddings)


def _token_ids(tokenizer: ClipTokenizer, encoder: ClipEncoder, texts: list[str]) -> Tensor:
    length = _length(tokenizer, encoder)
    ids = [tokenizer.encode_padded(text, length) for text in texts]
    return torch.tensor(ids, device=encoder.device)


# -- prompts as the original's tokenizer saw them --------------------------------------------------

# transformers 4 did this to a text before its BPE, and transformers 5 leaves it out: scripts
# without spaces, capitals of some letters and signs that nobody sees would become other tokens.


def normalize(text: str) -> str:
    """Return ``text`` in lower case, its words a space apart, each Han letter a word.

    Control signs are left out. A text that was normalized stays as it is.
    """
    letters = "".join(map(_spaced, text))
    # Word by word: whether a sigma is the last of its word decides its lower case.
    return " ".join(word.lower() for word in unicodedata.normalize("NFC", letters).split())


def _spaced(letter: str) -> str:
    if letter in " \t\n\r":
        return " "
    kind = unicodedata.category(letter)
    if kind[0] == "C" or letter == _REPLACEMENT:
        return ""
    if kind == "Zs":
        return " "
    code = ord(letter)
    return f" {letter} " if any(first <= code <= last for first, last in _HAN) else letter
