"""LoRA files whose header was made to do harm: facts, or a sentence."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.errors import ModelError
from tests.fuzz import mutations

_DOWN, _UP = "lora_A.weight", "lora_B.weight"
_PLACE = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"


def header(place: str, **metadata: str) -> dict[str, Any]:
    return {
        "__metadata__": metadata,
        f"{place}.{_DOWN}": {"dtype": "F16", "shape": [4, 320], "data_offsets": [0, 2560]},
        f"{place}.{_UP}": {"dtype": "F16", "shape": [320, 4], "data_offsets": [2560, 5120]},
    }


SEEDS = [
    header(_PLACE),
    header(_PLACE, ss_base_model_version="sdxl_base_v1-0", ss_tag_frequency='{"a":{"cat":3}}'),
    header(".".join(["a"] * 1000)),
    header("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"),
]


def written(file: Path, text: bytes) -> Path:
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(5120))
    return file


def outcome(file: Path) -> str:
    """The sentence that it is refused with; empty where it is read."""
    try:
        facts_of(read_lora(file))
    except ModelError as error:
        return str(error)
    return ""


def test_a_damaged_header_ends_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    outcomes = [
        outcome(written(file, json.dumps(mutated).encode()))
        for mutated in mutations.values(SEEDS, seed=14)
    ]
    refused = [words for words in outcomes if words]
    assert len(outcomes) == mutations.MOST
    assert 0 < len(refused) < mutations.MOST
    assert all(words.strip() for words in refused)
    print(f"header: {len(outcomes)} mutations, {len(refused)} refused")


def test_so_does_one_that_is_no_json(tmp_path: Path) -> None:
    file, texts = tmp_path / "a.safetensors", [json.dumps(each) for each in SEEDS]
    for text in mutations.texts([*texts, "[" * 100_000], seed=15, count=500):
        outcome(written(file, text.encode(errors="surrogatepass")))


def test_what_is_whole_is_read(tmp_path: Path) -> None:
    assert outcome(written(tmp_path / "a.safetensors", json.dumps(SEEDS[0]).encode())) == ""
