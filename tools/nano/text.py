"""nano's two tokenizers and text encoders, in the layout of SDXL's.

The tokenizers are CLIP's byte-level BPE with merges learnt from nano's captions: a word from
outside falls into pieces, never into an error. The encoders learn to tell a caption's attributes
from the very values the UNet will see, then stay frozen.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from tokenizers import Regex, pre_tokenizers
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from generator.model.text_encoding import normalize
from generator.nano import captions, languages, world
from tools.nano.step_inputs import StepRng

Tokenizers = tuple[CLIPTokenizer, CLIPTokenizer]
Pair = tuple[str, str]

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
MERGES = 2000
READ = 20_000  # captions from which the tokenizers' words are learnt
RARE = 10  # of these that a word must be in
NOTHING = "nothing"  # where a second object would be
# What the heads tell from a caption: how likely each is to be seen.
ANSWERS: tuple[tuple[str, ...], ...] = (
    tuple(world.COLORS),
    world.SHAPES,
    world.MOTIONS,
    tuple(world.BACKGROUNDS),
    (*world.COLORS, NOTHING),
    (*world.SHAPES, NOTHING),
)
CLIP_WORDS = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


def save_tokenizers(directory: Path, seed: int, base: Path | None = None) -> None:
    """Write ``tokenizer`` and ``tokenizer_2``, which differ in their padding as SDXL's do.

    With the model ``base`` they have its tokens, by the same ids, and more.
    """
    known = [] if base is None else read_merges(base)
    vocabulary, merges = _learn_merges(seed, known)
    for name, pad in (("tokenizer", END), ("tokenizer_2", "!")):
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
        lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges), ""]
        (folder / "merges.txt").write_text("\n".join(lines))
        special = {"bos_token": START, "eos_token": END, "pad_token": pad, "unk_token": END}
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2))
        config = special | {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2))


def read_merges(model: Path) -> list[Pair]:
    """Return the pairs that a model's tokenizer merges, in their order."""
    _, *lines = (model / "tokenizer" / "merges.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" ") for line in lines if line)
    return [(left, right) for left, right in pairs]


def _learn_merges(seed: int, known: list[Pair]) -> tuple[dict[str, int], list[Pair]]:
    """Learn byte-pair encoding (Sennrich et al., 2016) of captions, ties in alphabetical order.

    It goes on from merges that are ``known``. The tokenizers library learns it too, but breaks
    ties by chance: every training would get another vocabulary.
    """
    words = _frequent_words(seed)
    merges = list(known)
    for pair in known:
        words = {_merged(parts, pair): count for parts, count in words.items()}
    while len(merges) < MERGES:
        pairs: Counter[Pair] = Counter()
        for parts, count in words.items():
            for pair in itertools.pairwise(parts):
                pairs[pair] += count
        if not pairs:
            break
        merges.append(min(pairs, key=lambda pair: (-pairs[pair], pair)))
        words = {_merged(parts, merges[-1]): count for parts, count in words.items()}
    # "!" comes first and the end token last, as in CLIP: padding and pooling rely on both.
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ends = [letter + WORD_END for letter in alphabet]
    tokens = [*alphabet, *ends, *(left + right for left, right in merges), START, END]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges


def _frequent_words(seed: int) -> dict[tuple[str, ...], int]:
    """Return the letters of each word that captions use, and how often; rare ones are left out."""
    split = pre_tokenizers.Split(Regex(CLIP_WORDS), behavior="removed", invert=True)
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    pieces = pre_tokenizers.Sequence([split, letters])
    rng = np.random.default_rng(seed)
    counts: Counter[str] = Counter()
    for _ in range(READ):
        text = normalize(captions.draw_caption(rng)[0])
        counts.update(word for word, _ in pieces.pre_tokenize_str(text))
    frequent = {word: count for word, count in counts.items() if count >= RARE}
    parts = {(*word[:-1], word[-1] + WORD_END): count for word, count in frequent.items()}
    # Japanese has no spaces, so kana run together, and its phrases are parts of such words.
    for phrase in languages.every_phrase("ja"):
        for word, _ in pieces.pre_tokenize_str(normalize(phrase)):
            parts[tuple(word)] = parts[*word[:-1], word[-1] + WORD_END] = 5 * RARE
    return parts


def _merged(parts: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return tuple(merged)


def load_tokenizers(directory: Path) -> Tokenizers:
    return (
        CLIPTokenizer.from_pretrained(directory / "tokenizer"),
        CLIPTokenizer.from_pretrained(directory / "tokenizer_2"),
    )


class TextEncoders(nn.Module):
    """Both encoders, and the heads that only training needs."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.first = CLIPTextModel(_config(vocabulary, width=64, activation="quick_gelu"))
        self.second = CLIPTextModelWithProjection(_config(vocabulary, width=96, activation="gelu"))
        answers = sum(len(names) for names in ANSWERS)
        self.heads = nn.ModuleList(nn.Linear(width, answers) for width in (64, 96, 96))

    def forward(self, ids: torch.Tensor, ids_2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what SDXL conditions on, (b, 77, 160) and (b, 96), of both token ids (b, 77)."""
        first = self.first(ids, output_hidden_states=True)
        second = self.second(ids_2, output_hidden_states=True)
        hidden = torch.cat([first.hidden_states[-2], second.hidden_states[-2]], dim=-1)
        return hidden, second.text_embeds


class CaptionBatches:
    """Batches from a pool of captions, with how likely each answer is."""

    def __init__(self, tokenizers: Tokenizers, count: int, seed: int, device: torch.device) -> None:
        rng = np.random.default_rng([seed, 6])
        drawn = [captions.draw_caption(rng) for _ in range(count)]
        texts = [text for text, _, _ in drawn]
        ids = [tokenize(tokenizer, texts) for tokenizer in tokenizers]
        # Attention is causal: what pads the longest caption changes nothing before it.
        longest = int((ids[0] == ids[0].max()).int().argmax(1).max()) + 1
        self._ids = [each[:, :longest].to(device) for each in ids]
        answers = [answer_odds(attributes, said) for _, attributes, said in drawn]
        self._answers = torch.tensor(answers, device=device)

    def batch(self, chances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return ids (b, t) of either tokenizer, and odds (b, answers), by random numbers (b,)."""
        count = len(self._answers)
        chosen = (chances * count).long().clamp(max=count - 1)
        first, second = self._ids
        return first[chosen], second[chosen], self._answers[chosen]


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> torch.Tensor:
    """Return token ids (b, 77), padded and cut, of texts as the pipeline reads them."""
    batch = tokenizer(
        [normalize(text) for text in texts],
        padding="max_length",
        max_length=77,
        truncation=True,
        return_tensors="pt",
    )
    ids: torch.Tensor = batch["input_ids"]
    return ids


def loss(
    encoders: TextEncoders, data: CaptionBatches, step_rng: StepRng, batch: int = 128
) -> torch.Tensor:
    """Return the cross-entropy of every head over every attribute, and a pull to a scale of one."""
    generator, device = step_rng.torch, step_rng.torch.device
    ids, ids_2, odds = data.batch(torch.rand(batch, generator=generator, device=device))
    hidden, pooled = encoders(ids, ids_2)
    at_end = hidden[torch.arange(len(ids), device=ids.device), ids.argmax(-1)]
    seen = (at_end[:, :64], at_end[:, 64:], pooled)
    losses = [_scale_loss(hidden[:, 1:]), _scale_loss(pooled)]
    for head, values in zip(encoders.heads, seen, strict=True):
        noise = 0.3 * torch.randn(values.shape, generator=generator, device=device)
        losses.append(_answer_loss(head(values + noise), odds))
    return torch.stack(losses).sum()


def _scale_loss(values: torch.Tensor) -> torch.Tensor:
    return 0.1 * (values.square().mean(-1) - 1).square().mean()


def _answer_loss(logits: torch.Tensor, odds: torch.Tensor) -> torch.Tensor:
    losses = [
        nn.functional.cross_entropy(part, wanted)
        for part, wanted in zip(split_answers(logits), split_answers(odds), strict=True)
    ]
    return torch.stack(losses).sum()


def split_answers(values: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Split what is said of all answers (b, answers) into one part for each of ANSWERS."""
    return torch.split(values, [len(names) for names in ANSWERS], dim=-1)


def answer_odds(attributes: world.Attributes, said: captions.Said) -> list[float]:
    """Return how likely each answer is, given what a caption says and what it says is absent."""
    other = attributes.other or world.Thing(NOTHING, NOTHING)
    told = (
        (attributes.color, said.color, said.not_color),
        (attributes.shape, said.shape, said.not_shape),
        (attributes.motion, said.motion, ""),
        (attributes.background, said.background, said.not_background),
        (other.color, True, ""),
        (other.shape, True, ""),
    )
    odds: list[float] = []
    for names, (value, is_said, absent) in zip(ANSWERS, told, strict=True):
        likely = [name == value if is_said else name != absent for name in names]
        odds += [one / sum(likely) for one in likely]
    return odds


def _config(vocabulary: int, *, width: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        projection_dim=96,
        num_hidden_layers=4,
        num_attention_heads=width // 16,
        max_position_embeddings=77,
        hidden_act=activation,
        bos_token_id=0,
        eos_token_id=2,  # as published; the encoders then pool at the highest id
        pad_token_id=1,
    )
