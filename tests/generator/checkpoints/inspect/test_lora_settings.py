"""What PEFT writes beside a LoRA, or diffusers into its metadata: alpha, and what it is at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.checkpoints.inspect.lora_file import LoraFile, read_lora
from generator.contract.errors import ModelError
from tests.generator.checkpoints.inspect.test_lora_facts import write

TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
TO_Q = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"


def shapes(rank: int, prefix: str = "base_model.model.") -> dict[str, tuple[int, ...]]:
    return {
        f"{prefix}{path}.lora_{way}.weight": shape
        for path in (TO_K, TO_Q)
        for way, shape in (("A", (rank, 8)), ("B", (8, rank)))
    }


def beside(directory: Path, rank: int = 4, **settings: Any) -> LoraFile:
    """A directory as PEFT saves one."""
    text = settings.pop("text", None) or json.dumps({"r": 4, "lora_alpha": 4} | settings)
    (directory / "adapter_config.json").write_text(text, encoding="utf-8")
    return read_lora(write(directory / "adapter_model.safetensors", shapes(rank)))


def scales(lora: LoraFile) -> tuple[float, float]:
    """Alpha through rank of the two layers."""
    found = {layer.path: layer for layer in lora.layers.values()}
    first, second = (lora.settings.scale("unet", found[path].path, 4) for path in (TO_K, TO_Q))
    return first, second


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (1.0, 1.0)),
        ({"lora_alpha": 8}, (2.0, 2.0)),
        ({"lora_alpha": 8, "use_rslora": True}, (4.0, 4.0)),
        ({"alpha_pattern": {"to_k": 32}}, (8.0, 1.0)),
        ({"alpha_pattern": {"attn2.to_k": 32, "to_k": 2}}, (8.0, 1.0)),
        ({"alpha_pattern": {"to_k": 2, "attn2.to_k": 32}}, (0.5, 1.0)),
        ({"alpha_pattern": {f"^{TO_K}": 32, "to_q": 2}}, (8.0, 0.5)),
        ({"alpha_pattern": {"^attn2.to_k": 32}}, (1.0, 1.0)),
        ({"alpha_pattern": {r".*attn\d\.to_k": 32}}, (8.0, 1.0)),
        ({"alpha_pattern": {r"to_(k|q)$": 32}}, (8.0, 8.0)),
        ({"alpha_pattern": {"k": 32, "o_k": 32}}, (1.0, 1.0)),
        ({"alpha_pattern": {"to_k": "many", "to_q": None}}, (1.0, 1.0)),
        ({"alpha_pattern": None, "rank_pattern": {"to_k": 4}}, (1.0, 1.0)),
    ],
)
def test_alpha_is_what_peft_takes(
    tmp_path: Path, settings: dict[str, Any], expected: tuple[float, float]
) -> None:
    assert scales(beside(tmp_path, **settings)) == expected


def test_diffusers_writes_it_for_each_network(tmp_path: Path) -> None:
    said = {"unet.r": 4, "unet.lora_alpha": 4, "unet.alpha_pattern": {TO_K: 32}}
    said |= {"text_encoder.lora_alpha": 1}
    path = tmp_path / "pytorch_lora_weights.safetensors"
    write(path, shapes(4, "unet."), lora_adapter_metadata=json.dumps(said))
    assert scales(read_lora(path)) == (8.0, 1.0)


def test_a_renamed_file_is_still_peft_s(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 8}', encoding="utf-8")
    path = write(tmp_path / "mine.safetensors", shapes(4))
    assert scales(read_lora(path)) == (2.0, 2.0)
    alone = tmp_path / "alone"
    alone.mkdir()
    assert read_lora(path).lacks_alpha is False
    assert read_lora(path.rename(alone / path.name)).lacks_alpha is True


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"init_lora_weights": "pissa"}, "was trained with PiSSA, which also changes the base"),
        ({"init_lora_weights": "pissa_niter_16"}, "was trained with PiSSA"),
        ({"init_lora_weights": "olora"}, "was trained with OLoRA"),
        ({"init_lora_weights": "corda"}, "was trained with CorDA"),
        ({"init_lora_weights": "loftq"}, "was trained with LoftQ"),
        ({"peft_type": "OFT"}, "is OFT, which can't be read here"),
        ({"peft_type": "HIRA"}, "is HIRA, which"),
        ({"peft_type": ["x"]}, "which can't be read here"),
        ({"use_qalora": True}, "is QA-LoRA, which"),
        ({"alora_invocation_tokens": [1]}, "is aLoRA, which"),
        ({"alpha_pattern": {"(?<=a)b": 3}}, "by the pattern '(?<=a)b', which can't be read"),
        ({"alpha_pattern": {"(": 3}}, "by the pattern '(', which"),
        ({"rank_pattern": {r"(a)\1": 3}}, "by the pattern"),
        ({"text": "{"}, "came with adapter_model.safetensors (adapter_config.json) can't be read"),
        ({"text": "[" * 100_000}, "can't be read, and its strength depends on them"),
    ],
)
def test_what_can_t_be_used_is_named(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError) as caught:
        beside(tmp_path, **settings)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("begun", [True, False, "gaussian", "eva", "orthogonal", None])
def test_other_beginnings_leave_the_base_alone(tmp_path: Path, begun: object) -> None:
    assert scales(beside(tmp_path, init_lora_weights=begun)) == (1.0, 1.0)
