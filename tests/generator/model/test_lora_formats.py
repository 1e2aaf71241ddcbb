"""LoRA files: what each format means, by PEFT's own networks; and what is refused, by its name."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig
from peft.mapping import inject_adapter_in_model
from peft.utils import get_peft_model_state_dict
from torch import Tensor, nn

from generator.contract.errors import ModelError
from generator.contract.messages import Lora
from generator.model.loading import HotshotModel
from tests.generator.model.test_lora_manager import (
    ATTENTION,
    CONV,
    KOHYA,
    MOTION,
    RANK,
    TIME,
    drawn,
    pair,
    product,
    save,
    weight,
)


@pytest.fixture(autouse=True)
def no_loras_after(tiny: HotshotModel) -> None:
    tiny.loras.remove()


# -- PEFT's own networks say what each format means ------------------------------------------------


TARGETS = ["to_q", "time_emb_proj", "conv1", "proj_out"]
FORMATS = {
    "LoRA": LoraConfig(r=RANK, lora_alpha=3, target_modules=TARGETS, init_lora_weights=False),
    "rsLoRA": LoraConfig(
        r=RANK, lora_alpha=3, target_modules=TARGETS, init_lora_weights=False, use_rslora=True
    ),
    "DoRA": LoraConfig(
        r=RANK, lora_alpha=3, target_modules=TARGETS, init_lora_weights=False, use_dora=True
    ),
    "LoHa": LoHaConfig(r=RANK, alpha=3, target_modules=TARGETS, init_weights=False),
    "LoHa with cores": LoHaConfig(
        r=RANK, alpha=3, target_modules=TARGETS, init_weights=False, use_effective_conv2d=True
    ),
    "LoKr": LoKrConfig(r=RANK, alpha=3, target_modules=TARGETS, init_weights=False),
    "LoKr with cores": LoKrConfig(
        r=RANK, alpha=3, target_modules=TARGETS, init_weights=False, use_effective_conv2d=True
    ),
    "LoKr in halves": LoKrConfig(
        r=RANK, alpha=3, target_modules=TARGETS, init_weights=False, decompose_both=True
    ),
}


class Small(nn.Module):
    """One layer of each kind, copied from the recorded model."""

    def __init__(self, tiny: HotshotModel) -> None:
        super().__init__()
        for name, layer in self.layers().items():
            self.add_module(name, deepcopy(tiny.unet.get_submodule(layer)))

    @staticmethod
    def layers() -> dict[str, str]:
        return {
            "to_q": ATTENTION,
            "time_emb_proj": TIME,
            "conv1": CONV,
            "proj_out": "mid_block.attentions.0.proj_out",
        }


def write_as_peft(directory: Path, config: PeftConfig, small: nn.Module) -> Lora:
    """A directory, as PEFT saves one."""
    tensors = {
        f"base_model.model.{Small.layers()[name.partition('.')[0]]}.{name.partition('.')[2]}": value
        for name, value in get_peft_model_state_dict(small).items()
        if "base_layer" not in name
    }
    save(directory / "adapter_model.safetensors", tensors)
    written = json.dumps(config.to_dict(), default=str)
    (directory / "adapter_config.json").write_text(written, encoding="utf-8")
    return Lora(str(directory))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_format_means_what_peft_means_by_it(
    tiny: HotshotModel, tmp_path: Path, format_: str
) -> None:
    torch.manual_seed(5)
    small = inject_adapter_in_model(FORMATS[format_], Small(tiny))
    with torch.no_grad():
        for name, parameter in small.named_parameters():
            if "magnitude" in name:  # it starts as the weight's own
                parameter.mul_(1 + drawn(*parameter.shape).abs())
            elif parameter.requires_grad:
                parameter.normal_(std=0.4)
    tiny.loras.apply([write_as_peft(tmp_path, FORMATS[format_], small)])
    inputs = {"to_q": drawn(3, 32), "time_emb_proj": drawn(3, 128), "proj_out": drawn(3, 64)}
    inputs["conv1"] = drawn(1, 64, 8, 8)
    with torch.no_grad():
        for name, layer in Small.layers().items():
            ours = tiny.unet.get_submodule(layer)(inputs[name])
            theirs = small.get_submodule(name)(inputs[name])
            plain = small.get_submodule(name).base_layer(inputs[name])
            assert (theirs - plain).abs().max() > 1e-3
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(32, 1), (1, 32), (32,)])
def test_dora_of_lycoris_along_either_axis(
    tiny: HotshotModel, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    down, up = pair(ATTENTION, tiny.unet)
    lengths = drawn(*shape, seed=3).abs() + 1
    name = f"lora_unet_{ATTENTION.replace('.', '_')}"
    lora = save(
        tmp_path / "one.safetensors",
        {
            f"{name}.lora_down.weight": down,
            f"{name}.lora_up.weight": up,
            f"{name}.dora_scale": lengths,
        },
    )
    tiny.loras.apply([lora])
    axis = 0 if shape == (1, 32) else 1
    found = weight(tiny.unet, ATTENTION).norm(dim=axis)
    torch.testing.assert_close(found, lengths.flatten())


# -- refused, and then nothing has changed ---------------------------------------------------------


def flat(layer: str) -> str:
    return f"lora_unet_{layer.replace('.', '_')}"


def two(down: tuple[int, ...], up: tuple[int, ...], layer: str = ATTENTION) -> dict[str, Tensor]:
    name = flat(layer)
    return {f"{name}.lora_down.weight": drawn(*down), f"{name}.lora_up.weight": drawn(*up)}


NAN = torch.full((32, 2), torch.nan)
REFUSED: list[tuple[dict[str, Tensor], str]] = [
    (
        two((2, 768), (32, 2), "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"),
        "was made for Stable Diffusion 1.x and doesn't fit this model .*instead of",
    ),
    (two((2, 32), (32, 2), "down_blocks.7.conv"), "it changes down_blocks_7_conv, which this"),
    (two((2, 31), (32, 2)), r"attn1.to_q.weight: \(32, 31\) instead of \(32, 32\)"),
    (two((2, 32), (32, 3)), "attn1_to_q: up is of rank 3 and down of rank 2"),
    (two((0, 32), (32, 0)), "attn1_to_q: rank 0"),
    (two((2, 32), (32, 2)) | {f"{flat(ATTENTION)}.lora_up.weight": NAN}, "that aren't numbers"),
    (
        two((2, 32), (32, 2)) | {f"{flat(ATTENTION)}.alpha": torch.tensor(torch.inf)},
        "aren't numbers",
    ),
    ({f"{flat(ATTENTION)}.lora_down.weight": drawn(2, 32)}, "attn1_to_q: up is missing"),
    (two((2, 32), (32, 2)) | {"odd": torch.ones(1)}, "1 tensors of a kind that can't be read"),
    (
        two((2, 32), (32, 2)) | {f"{flat(ATTENTION)}.dora_scale": drawn(5, 1)},
        "5 lengths instead of 32",
    ),
    ({f"{flat(ATTENTION)}.oft_blocks": drawn(2, 2)}, "is OFT, which can't be read here"),
    ({"conv_in.weight": drawn(2, 2)}, "isn't a LoRA but"),
]


@pytest.mark.parametrize(("tensors", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_one_that_can_t_be_used_is_one_sentence_and_changes_nothing(
    tiny: HotshotModel, tmp_path: Path, tensors: dict[str, Tensor], says: str
) -> None:
    lora = save(tmp_path / "bad.safetensors", tensors)
    tiny.loras.apply([Lora(str(KOHYA))])
    before = weight(tiny.unet, ATTENTION).clone()
    with pytest.raises(ModelError, match=says) as caught:
        tiny.loras.apply([Lora(str(KOHYA)), lora])
    assert "bad.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert torch.equal(weight(tiny.unet, ATTENTION), before)


def test_a_truncated_file_and_one_that_is_not_there(tiny: HotshotModel, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(KOHYA.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"cut\.safetensors is cut off"):
        tiny.loras.apply([Lora(str(path))])
    for missing in ("./nowhere", "nowhere", "/a/b.safetensors", "owner//name"):
        with pytest.raises(ModelError, match="There is no LoRA at"):
            tiny.loras.apply([Lora(missing)])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"holds no \.safetensors file"):
        tiny.loras.apply([Lora(str(empty))])


def test_a_temporal_layer_by_its_published_name(tiny: HotshotModel, tmp_path: Path) -> None:
    """Fine-tuning's own LoRAs may reach the temporal layers too."""
    down, up = pair(MOTION, tiny.unet)
    published = "unet.down_blocks.0.temporal_attentions.0.transformer_blocks.0.attention_blocks.0"
    names = {f"{published}.to_v.lora_A.weight": down, f"{published}.to_v.lora_B.weight": up}
    before = weight(tiny.unet, MOTION).clone()
    tiny.loras.apply([save(tmp_path / "one.safetensors", names)])
    torch.testing.assert_close(weight(tiny.unet, MOTION), before + product(down, up))
