"""Token ids are those of the original, recorded from transformers 4.34.0 with CLIP's vocabulary.

``clip_tokens.json.gz`` has the prompts, the ids of SDXL's two tokenizers (the last one goes on to
77), and those of CLIP's merges and tokens (MIT licence, OpenAI) that these prompts come to.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from generator.model.clip_tokenizer import ClipTokenizer
from generator.model.loading import HotshotModel
from generator.model.text_encoding import normalize

RECORDED = Path(__file__).parents[2] / "data" / "clip_tokens.json.gz"
TABLE: dict[str, Any] = json.loads(gzip.decompress(RECORDED.read_bytes()))
BEGIN, END = "<|startoftext|>", "<|endoftext|>"
PADS = {"first": END, "second": "!"}  # the second's is a word of the vocabulary, number 0


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClipTokenizer]:
    found = {}
    for name, pad in PADS.items():
        folder = tmp_path_factory.mktemp(name)
        (folder / "vocab.json").write_text(json.dumps(TABLE["vocab"]), encoding="utf-8")
        merges = "\n".join(["#version: 0.2", *TABLE["merges"]])
        (folder / "merges.txt").write_text(merges, encoding="utf-8")
        special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": pad}
        config = json.dumps(special | {"model_max_length": 77})
        (folder / "tokenizer_config.json").write_text(config, encoding="utf-8")
        found[name] = ClipTokenizer.read(folder)
    return found


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: ascii(case["text"])[:40])
def test_a_prompt_has_the_original_s_tokens(
    tokenizers: dict[str, ClipTokenizer], case: Any
) -> None:
    for name, tokenizer in tokenizers.items():
        found = tokenizer.encode_padded(normalize(case["text"]), 77)
        wanted = case[name]
        assert found == wanted + wanted[-1:] * (77 - len(wanted))


def test_an_exclamation_mark_is_the_second_tokenizer_s_number_0(
    tokenizers: dict[str, ClipTokenizer],
) -> None:
    assert tokenizers["second"].encode(normalize("hello!"))[-2] == 0
    assert tokenizers["first"].encode(normalize("hello!"))[-2] != 0


def test_short_plain_prompts_come_out_alike_both_ways(tiny: HotshotModel) -> None:
    """The way of long and weighted prompts, taken by prompts that are neither."""
    texts = [case["text"] for case in TABLE["cases"]]
    simple = [text for text in texts if tiny.text._is_simple(text)]
    assert len(simple) > 50
    for text in simple:
        with torch.inference_mode():
            plain = tiny.text.encode([text]).hidden
            other = tiny.text._encode_in_chunks([text])
        torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-5)
