"""Prompts that CLIP can't take at once, or whose words don't all count the same: compel's work.

Long ones are encoded in chunks of 75 tokens, split between sentences or words where there are any.
A weight above 1 moves a word's embeddings away from those of no text; one below 1 mixes with the
prompt in which the word is masked.
"""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from generator.contract.prompts import Fragment
from generator.model.clip_text import ClipEncoder
from generator.model.clip_tokenizer import ClipTokenizer


def encode_fragments(
    tokenizer: ClipTokenizer, encoder: ClipEncoder, fragments: list[Fragment]
) -> Tensor:
    """Return the last hidden state but one, (1, 77 n, d), n as many as it takes."""
    provider = _provider(tokenizer, encoder)
    hidden: Tensor = provider.get_embeddings_for_weighted_prompt_fragments(
        text_batch=[[fragment.text for fragment in fragments]],
        fragment_weights_batch=[[fragment.weight for fragment in fragments]],
        device=encoder.device,
    )
    return hidden


def pad_to_longest(
    tokenizer: ClipTokenizer, encoder: ClipEncoder, hidden: list[Tensor]
) -> list[Tensor]:
    """Return all hidden states as long as the longest, by chunks of no text."""
    longest = max(one.shape[1] for one in hidden)
    if all(one.shape[1] == longest for one in hidden):
        return hidden
    empty = _provider(tokenizer, encoder).empty_z.to(hidden[0])
    return [
        torch.cat([one, *[empty] * ((longest - one.shape[1]) // empty.shape[1])], dim=1)
        for one in hidden
    ]


@functools.cache
def _compel() -> Any:
    """Import compel when it is first needed: with transformers, which it asks for tokens."""
    return importlib.import_module("compel.embeddings_provider")


@functools.cache
def _tokenizer(directory: Path) -> Any:
    """Return what compel takes for a tokenizer: transformers' own, of the same files."""
    from transformers import CLIPTokenizer  # takes seconds, and few prompts need it

    return CLIPTokenizer.from_pretrained(str(directory), local_files_only=True)


def _provider(tokenizer: ClipTokenizer, encoder: ClipEncoder) -> Any:
    compel = _compel()
    return compel.EmbeddingsProvider(
        _tokenizer(tokenizer.directory),
        encoder,
        dtype_for_device_getter=lambda _device: encoder.dtype,
        truncate=False,
        returned_embeddings_type=compel.ReturnedEmbeddingsType.PENULTIMATE_HIDDEN_STATES_NON_NORMALIZED,
        model_max_length=min(tokenizer.model_max_length, encoder.config.max_position_embeddings),
    )
