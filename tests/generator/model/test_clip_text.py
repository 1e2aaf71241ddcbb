"""CLIP's text encoders and tokenizer are, bit for bit, what transformers' classes are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from generator.checkpoints.resolve import resolve_model_directory
from generator.contract.limits import NANO
from generator.model.clip_text import ClipText, ClipTextConfig, ClipTextWithProjection
from generator.model.clip_tokenizer import ClipTokenizer

CONFIG = {
    "vocab_size": 500,
    "hidden_size": 64,
    "intermediate_size": 96,
    "projection_dim": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
NETWORKS = {
    "first": (ClipText, CLIPTextModel, {"hidden_act": "quick_gelu", "eos_token_id": 499}),
    "second": (
        ClipTextWithProjection,
        CLIPTextModelWithProjection,
        {"hidden_act": "gelu", "eos_token_id": 2},
    ),
}
MASKS = {
    "all seen": torch.ones(2, 77),
    "some masked": torch.ones(2, 77).index_fill(1, torch.tensor([3, 4, 9]), 0),
}
TEXTS = [
    "",
    "a red ball",
    "A RED  Ball, bouncing!",
    "it's <|endoftext|> the end <|startoftext|>",
    "ünïcödé 猫 🎈 \u200b 12345",
    "dog " * 100,
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("mask", [None, *MASKS])
@pytest.mark.parametrize("which", NETWORKS)
def test_an_encoder_says_what_transformers_does(
    which: str, mask: str | None, dtype: torch.dtype
) -> None:
    kind, theirs_kind, own = NETWORKS[which]
    torch.manual_seed(0)
    theirs = theirs_kind(CLIPTextConfig(**(CONFIG | own))).eval().to(dtype)
    ours = kind(ClipTextConfig.of(CONFIG | own)).eval().to(dtype)
    ours.load_state_dict(theirs.state_dict())
    ids = torch.randint(0, 499, (2, 77), generator=torch.Generator().manual_seed(1))
    given = None if mask is None else MASKS[mask]
    with torch.inference_mode():
        said = ours(ids, given)
        wanted = theirs(ids, given, output_hidden_states=True)
    pooled = wanted.text_embeds if which == "second" else wanted.pooler_output
    assert torch.equal(said.text_embeds, pooled)
    assert torch.equal(said.last_hidden_state, wanted.last_hidden_state)
    assert len(said.hidden_states) == len(wanted.hidden_states)
    assert all(map(torch.equal, said.hidden_states, wanted.hidden_states))


@pytest.mark.parametrize(
    "wrong",
    [{"num_attention_heads": 7}, {"hidden_act": "sparkle"}, {"hidden_size": "wide"}],
    ids=str,
)
def test_a_config_that_describes_no_encoder_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        ClipTextConfig.of(CONFIG | wrong)


@pytest.mark.parametrize("folder", ["tokenizer", "tokenizer_2"])
def test_a_tokenizer_finds_what_transformers_does(folder: str) -> None:
    directory = resolve_model_directory(NANO) / folder
    check_alike(directory)


def test_tokens_that_a_file_adds_are_found(tmp_path: Path) -> None:
    source = resolve_model_directory(NANO) / "tokenizer"
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    number = len(json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8")))
    config["added_tokens_decoder"] = {str(number): {"content": "<cat-toy>", "normalized": False}}
    config["pad_token"] = "!"
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    check_alike(tmp_path, "a <cat-toy> on a ball!")
    assert number in ClipTokenizer.read(tmp_path).encode("a <cat-toy>!")


def check_alike(directory: Path, *more: str) -> None:
    ours, theirs = ClipTokenizer.read(directory), CLIPTokenizer.from_pretrained(directory)
    assert len(ours) == len(theirs)
    assert ours.model_max_length == theirs.model_max_length
    for text in (*TEXTS, *more):
        assert ours.encode(text) == theirs(text).input_ids
        padded = theirs(text, padding="max_length", max_length=77, truncation=True).input_ids
        assert ours.encode_padded(text, 77) == padded
