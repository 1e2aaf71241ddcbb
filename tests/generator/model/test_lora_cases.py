"""LoRA files as people really bring them, on a model: each stands for a whole kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.messages import Lora
from generator.model.loading import HotshotModel
from tests.generator.model.test_lora_manager import (
    ATTENTION,
    CONV,
    RANK,
    TEXT,
    TEXT_2,
    drawn,
    network_of,
    pair,
    product,
    save,
    weight,
)

TO_K = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
FLAT = f"lora_unet_{ATTENTION.replace('.', '_')}"


@pytest.fixture(autouse=True)
def no_loras_after(tiny: HotshotModel) -> None:
    tiny.loras.remove()


def change_of(tiny: HotshotModel, layer: str, *loras: Lora, network: str = "unet") -> Tensor:
    """What the LoRAs add to a layer's weight."""
    module = network_of(tiny, network)
    tiny.loras.remove()
    before = weight(module, layer).clone()
    tiny.loras.apply(loras)
    return weight(module, layer) - before


@pytest.mark.parametrize(
    "dtype",
    [torch.float8_e4m3fn, torch.float8_e5m2, torch.float16, torch.bfloat16, torch.float64],
)
def test_numbers_of_any_kind_are_used(
    tiny: HotshotModel, tmp_path: Path, dtype: torch.dtype
) -> None:
    down, up = (part.to(dtype) for part in pair(ATTENTION, tiny.unet))
    names = {f"{FLAT}.lora_down.weight": down, f"{FLAT}.lora_up.weight": up}
    alpha = torch.tensor(RANK * 2, dtype=torch.int64)
    lora = save(tmp_path / "one.safetensors", names | {f"{FLAT}.alpha": alpha})
    expected = 2 * product(down.float(), up.float())
    torch.testing.assert_close(change_of(tiny, ATTENTION, lora), expected)


def test_peft_s_alpha_pattern_counts(tiny: HotshotModel, tmp_path: Path) -> None:
    """As diffusers and ComfyUI don't read it: at an eighth of its strength."""
    down, up = pair(TO_K, tiny.unet)
    other_down, other_up = pair(ATTENTION, tiny.unet)
    tensors = {f"{TO_K}.lora_A.weight": down, f"{TO_K}.lora_B.weight": up}
    tensors |= {f"{ATTENTION}.lora_A.weight": other_down, f"{ATTENTION}.lora_B.weight": other_up}
    settings = {"r": RANK, "lora_alpha": RANK, "alpha_pattern": {"to_k": 8 * RANK}}
    beside = tmp_path / "peft"
    beside.mkdir()
    save(
        beside / "adapter_model.safetensors",
        {f"base_model.model.{name}": value for name, value in tensors.items()},
    )
    (beside / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    inside = save(
        tmp_path / "pytorch_lora_weights.safetensors",
        {f"unet.{name}": value for name, value in tensors.items()},
        lora_adapter_metadata=json.dumps({f"unet.{key}": one for key, one in settings.items()}),
    )
    # diffusers' save_lora_adapter, of one network, names it nowhere.
    alone = save(
        tmp_path / "alone.safetensors", tensors, lora_adapter_metadata=json.dumps(settings)
    )
    for lora in (Lora(str(beside)), inside, alone):
        torch.testing.assert_close(change_of(tiny, TO_K, lora), 8 * product(down, up))
        expected = product(other_down, other_up)
        torch.testing.assert_close(change_of(tiny, ATTENTION, lora), expected)


@pytest.mark.parametrize("layer", [ATTENTION, CONV])
def test_a_bias_of_what_comes_up_is_added_even_where_the_layer_has_none(
    tiny: HotshotModel, tmp_path: Path, layer: str
) -> None:
    down, up = pair(layer, tiny.unet)
    module = tiny.unet.get_submodule(layer)
    bias, had = drawn(up.shape[0], seed=9), getattr(module, "bias", None)
    before = torch.zeros_like(bias) if had is None else had.detach().clone()
    tensors = {
        f"unet.{layer}.lora_A.weight": down,
        f"unet.{layer}.lora_B.weight": up,
        f"unet.{layer}.lora_B.bias": bias,
    }
    said = json.dumps({"unet.r": RANK, "unet.lora_alpha": RANK * 3})
    lora = save(tmp_path / "one.safetensors", tensors, lora_adapter_metadata=said)
    tiny.loras.apply([Lora(lora.path, 0.5)])
    torch.testing.assert_close(module.get_parameter("bias").detach(), before + 1.5 * bias)
    tiny.loras.remove()
    if had is None:
        assert module.bias is None
    else:
        assert torch.equal(module.get_parameter("bias"), before)


def test_a_full_difference_of_weight_or_bias_alone(tiny: HotshotModel, tmp_path: Path) -> None:
    name = f"lora_unet_{CONV.replace('.', '_')}"
    difference = drawn(*weight(tiny.unet, CONV).shape)
    lora = save(tmp_path / "one.safetensors", {f"{name}.diff": difference})
    torch.testing.assert_close(change_of(tiny, CONV, Lora(lora.path, 0.5)), difference / 2)
    bias = tiny.unet.get_submodule(CONV).get_parameter("bias")
    before, added = bias.detach().clone(), drawn(*bias.shape)
    lora = save(tmp_path / "other.safetensors", {f"{name}.diff_b": added})
    assert not change_of(tiny, CONV, lora).any()
    torch.testing.assert_close(bias.detach(), before + added)


@pytest.mark.parametrize(
    ("network", "layer", "prefix"),
    [
        ("te1", TEXT, "text_encoders.clip_l.transformer.text_model."),
        ("te2", TEXT_2, "text_encoders.clip_g.transformer."),
        ("te2", TEXT_2, "clip_g.transformer."),
        ("te1", TEXT, "clip_l.text_model."),
        ("te1", TEXT, "text_encoder.text_model."),
        ("unet", ATTENTION, "diffusion_model."),
        ("unet", ATTENTION, "lycoris_"),
        ("te1", TEXT, "lycoris_te1_text_model_"),
        ("te2", TEXT_2, "lycoris_te2_"),
        ("unet", ATTENTION, "lora_unet."),
        ("te1", TEXT, "lora_te1.text_model."),
        ("te2", TEXT_2, "lora_te2."),
    ],
)
def test_names_that_programs_of_today_give_layers(
    tiny: HotshotModel, tmp_path: Path, network: str, layer: str, prefix: str
) -> None:
    down, up = pair(layer, network_of(tiny, network))
    path = layer.replace(".", "_") if prefix.endswith("_") else layer
    name = f"{prefix}{path}"
    tensors = {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    lora = save(tmp_path / "one.safetensors", tensors)
    changed = change_of(tiny, layer, lora, network=network)
    torch.testing.assert_close(changed, product(down, up))


def test_embeddings_beside_a_lora_are_left_aside_by_name(
    tiny: HotshotModel, tmp_path: Path
) -> None:
    down, up = pair(ATTENTION, tiny.unet)
    tensors = {f"{FLAT}.lora_down.weight": down, f"{FLAT}.lora_up.weight": up}
    tensors |= {"bundle_emb.sks.clip_l": drawn(2, 64), "bundle_emb.sks.clip_g": drawn(2, 96)}
    tensors |= {"bundle_emb.qzx.string_to_param.*": drawn(2, 64)}
    lora = save(tmp_path / "one.safetensors", tensors)
    torch.testing.assert_close(change_of(tiny, ATTENTION, lora), product(down, up))
    facts = facts_of(read_lora(Path(lora.path)))
    assert set(facts.left_aside) == {"sks", "qzx"}
    assert "also contains embeddings (" in str(facts.notes[0])


def test_each_layer_has_its_own_alpha(tiny: HotshotModel, tmp_path: Path) -> None:
    tensors: dict[str, Tensor] = {}
    for layer, alpha in ((ATTENTION, 1.0), (TO_K, 16.0)):
        down, up = pair(layer, tiny.unet)
        name = f"lora_unet_{layer.replace('.', '_')}"
        tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
        tensors[f"{name}.alpha"] = torch.tensor(alpha)
    lora = save(tmp_path / "one.safetensors", tensors)
    for layer, alpha in ((ATTENTION, 1.0), (TO_K, 16.0)):
        expected = alpha / RANK * product(*pair(layer, tiny.unet))
        torch.testing.assert_close(change_of(tiny, layer, lora), expected)


def test_a_dora_at_any_strength_is_so_much_of_what_it_is_at_1(
    tiny: HotshotModel, tmp_path: Path
) -> None:
    """PEFT and LyCORIS scale a part of it, each another, and are not off at 0."""
    down, up = pair(ATTENTION, tiny.unet)
    lengths = weight(tiny.unet, ATTENTION).detach().norm(dim=1, keepdim=True) * 1.5
    tensors = {f"{FLAT}.lora_down.weight": down, f"{FLAT}.lora_up.weight": up}
    lora = save(tmp_path / "one.safetensors", tensors | {f"{FLAT}.dora_scale": lengths})
    whole = change_of(tiny, ATTENTION, lora)
    found = (weight(tiny.unet, ATTENTION)).norm(dim=1, keepdim=True)
    torch.testing.assert_close(found, lengths)
    for strength in (0.3, 0.7, 2.0, -1.0):
        part = change_of(tiny, ATTENTION, Lora(lora.path, strength))
        torch.testing.assert_close(part, strength * whole, rtol=1e-4, atol=1e-5)
    assert not change_of(tiny, ATTENTION, Lora(lora.path, 0.0)).any()
    assert "0 turns it off" in str(facts_of(read_lora(Path(lora.path))).notes[0])


def test_a_row_of_zeros_has_no_direction(tiny: HotshotModel, tmp_path: Path) -> None:
    """DoRA divides by a row's length."""
    difference = -weight(tiny.unet, ATTENTION).detach().clone()
    path = tmp_path / "one.safetensors"
    save_file({f"{FLAT}.diff": difference, f"{FLAT}.dora_scale": torch.ones(32, 1)}, path)
    changed = change_of(tiny, ATTENTION, Lora(str(path)))
    assert changed.isfinite().all()
