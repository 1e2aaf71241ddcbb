"""Configs of a model directory that nobody's trainer wrote are one sentence, not a traceback."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from generator.checkpoints.inspect.architecture import layers_of
from generator.contract.errors import ModelError
from tests.generator.reference import TINY

DAMAGED: list[tuple[str, dict[str, Any]]] = [
    ("unet", {"block_out_channels": 320}),
    ("unet", {"block_out_channels": []}),
    ("unet", {"down_block_types": ["DownBlock3D"]}),
    ("unet", {"up_block_types": [1, 2, 3]}),
    ("unet", {"transformer_layers_per_block": [1, "2", 10]}),
    ("unet", {"cross_attention_dim": None}),
    ("text_encoder", {"hidden_size": "768"}),
    ("text_encoder_2", {"projection_dim": [1280]}),
]


@pytest.mark.parametrize(("part", "values"), DAMAGED, ids=str)
def test_a_value_of_another_type_is_named(
    copy_of_tiny: Path, part: str, values: dict[str, Any]
) -> None:
    file = copy_of_tiny / part / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
    with pytest.raises(ModelError, match=f"{next(iter(values))} of {part} is missing or makes"):
        layers_of(str(copy_of_tiny))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_what_is_no_json_object_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    model = shutil.copytree(TINY, tmp_path / "model")
    (model / "text_encoder" / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"The configs in .*model can't be read"):
        layers_of(str(model))
