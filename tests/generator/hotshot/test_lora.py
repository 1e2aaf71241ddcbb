"""LoRAs: as the original applied them, in every way of writing one down, and off again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftConfig
from peft.mapping import inject_adapter_in_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from generator.errors import ModelError
from generator.hotshot.ldm import ldm_names
from generator.hotshot.loading import HotshotModel, load_model
from generator.hotshot.lora import ADAPTERS_IN_MEMORY
from generator.hotshot.pipeline import HotshotPipeline
from generator.protocol import Lora
from generator.weightfiles.lora_names import Part, part_of
from tests.generator.hotshot.reference import CPU, REFERENCE, TINY, recorded, request_of, silent
from tests.generator.hotshot.test_pipeline import QUICK

KOHYA = REFERENCE / "golden" / "lora_kohya.safetensors"
DIFFUSERS = REFERENCE / "golden" / "lora_diffusers.safetensors"
RANK = 2

ATTENTION = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
TIME = "down_blocks.0.resnets.0.time_emb_proj"
CONV = "mid_block.resnets.0.conv1"
UPSAMPLER = "up_blocks.0.upsamplers.0.conv"
MOTION = "down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_v"
TEXT = "encoder.layers.0.self_attn.q_proj"
TEXT_2 = "text_model.encoder.layers.1.mlp.fc1"


@pytest.fixture(autouse=True)
def nothing_worn_after(tiny: HotshotModel) -> None:
    tiny.loras.take_off()


def frames(model: HotshotModel, *loras: Lora) -> np.ndarray:
    request = replace(QUICK, loras=loras)
    return HotshotPipeline(model)(request, report=silent)


def network_of(model: HotshotModel, name: str) -> nn.Module:
    first, second = model.text.encoders
    found: nn.Module = {"unet": model.unet, "te1": first, "te2": second}[name]
    return found


def weight(module: nn.Module, layer: str) -> Tensor:
    return module.get_submodule(layer).get_parameter("weight")


def save(path: Path, tensors: dict[str, Tensor], **metadata: str) -> Lora:
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata or None)
    return Lora(str(path))


def copied(recording: Path, path: Path) -> Lora:
    return Lora(shutil.copy(str(recording), str(path)))


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.1


# -- as recorded -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "loras"),
    [
        ("no_lora", ()),
        ("diffusers_1.0", (Lora(str(DIFFUSERS)),)),
        ("diffusers_0.5", (Lora(str(DIFFUSERS), 0.5),)),
        ("kohya_0.8", (Lora(str(KOHYA), 0.8),)),
    ],
)
def test_frames_are_the_original_s(tiny: HotshotModel, case: str, loras: tuple[Lora, ...]) -> None:
    arguments = json.loads((REFERENCE / "golden/lora_case.json").read_text(encoding="utf-8"))
    arguments["steps"] = arguments.pop("num_inference_steps")
    request = replace(request_of("text_to_gif"), **arguments, loras=loras)
    made = HotshotPipeline(tiny)(request, report=silent)
    apart = np.abs(made.astype(int) - recorded("lora_videos")[case].numpy().astype(int))
    assert (apart <= 1).mean() >= 0.999


# -- every way of writing one down -----------------------------------------------------------------


def pair(layer: str, module: nn.Module, seed: int = 0) -> tuple[Tensor, Tensor]:
    """What goes down to the rank and what comes up again, shaped for a layer."""
    shape = weight(module, layer).shape
    down = drawn(RANK, *shape[1:], seed=seed + 1)
    return down, drawn(shape[0], RANK, *(1 for _ in shape[2:]), seed=seed + 2)


def product(down: Tensor, up: Tensor) -> Tensor:
    return (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])


Spelling = Callable[[str, str, str], str]

NAMES = {"unet": "unet", "te1": "text_encoder", "te2": "text_encoder_2"}
WAYS = {"down": "A", "up": "B"}
SPELLINGS: dict[str, tuple[Spelling, bool]] = {
    # name -> (network, layer, up or down) to the tensor's name, and whether alpha is said
    "kohya": (lambda n, layer, way: f"lora_{n}_{layer.replace('.', '_')}.lora_{way}.weight", True),
    "diffusers, old": (lambda n, layer, way: f"{NAMES[n]}.{layer}.lora.{way}.weight", False),
    "diffusers": (lambda n, layer, way: f"{NAMES[n]}.{layer}.lora_{WAYS[way]}.weight", False),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("network", "layer"),
    [
        *(("unet", layer) for layer in (ATTENTION, TIME, CONV, UPSAMPLER, MOTION)),
        ("te1", TEXT),
        ("te2", TEXT_2),
    ],
)
def test_strength_reaches_every_layer_however_it_is_spelt(
    tiny: HotshotModel, tmp_path: Path, spelling: str, network: str, layer: str
) -> None:
    spell, says_alpha = SPELLINGS[spelling]
    module = network_of(tiny, network)
    down, up = pair(layer, module)
    # Files name the first encoder's layers with the prefix that transformers dropped.
    named = f"text_model.{layer}" if network == "te1" else layer
    tensors = {spell(network, named, "down"): down, spell(network, named, "up"): up}
    if says_alpha:
        name = spell(network, named, "down").partition(".lora_down")[0]
        tensors[f"{name}.alpha"] = torch.tensor(RANK / 2)
    lora = save(tmp_path / "one.safetensors", tensors)

    before = weight(module, layer).clone()
    tiny.loras.wear([replace(lora, strength=-0.7)])
    expected = before - 0.7 * (0.5 if says_alpha else 1) * product(down, up)
    torch.testing.assert_close(weight(module, layer), expected)
    tiny.loras.wear([])
    assert torch.equal(weight(module, layer), before)


def test_kohya_with_the_names_of_stability_s_own_unet(tiny: HotshotModel, tmp_path: Path) -> None:
    theirs = ldm_names(tiny.unet.state_dict(), 2)
    tensors: dict[str, Tensor] = {}
    expected: dict[str, Tensor] = {}
    for index, layer in enumerate((ATTENTION, TIME, CONV, UPSAMPLER)):
        down, up = pair(layer, tiny.unet, seed=10 * index)
        name = "lora_unet_" + theirs[f"{layer}.weight"].removesuffix(".weight").replace(".", "_")
        tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
        expected[layer] = weight(tiny.unet, layer) + product(down, up)
    assert "lora_unet_input_blocks_1_0_emb_layers_1.lora_up.weight" in tensors
    tiny.loras.wear([save(tmp_path / "one.safetensors", tensors)])
    for layer, value in expected.items():
        torch.testing.assert_close(weight(tiny.unet, layer), value)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight",
            Part("unet", "mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0", "up"),
        ),
        (
            "text_encoder.text_model.encoder.layers.3.self_attn.to_k_lora.down.weight",
            Part("text_encoder", "text_model_encoder_layers_3_self_attn_k_proj", "down"),
        ),
        (
            "text_encoder_2.text_model.encoder.layers.3.mlp.fc2.lora_linear_layer.up.weight",
            Part("text_encoder_2", "text_model_encoder_layers_3_mlp_fc2", "up"),
        ),
        ("base_model.model.conv_in.lora_A.weight", Part("unet", "conv_in", "down")),
        ("base_model.model.unet.conv_in.lora_B.default.weight", Part("unet", "conv_in", "up")),
        ("unet.conv_in.lora_magnitude_vector", Part("unet", "conv_in", "dora")),
        ("lora_unet_out_2.dora_scale", Part("unet", "out_2", "dora_scale")),
        ("lycoris_conv_in.hada_w2_b", Part("unet", "conv_in", "hada_w2_b")),
        ("lora_te2_text_projection.alpha", Part("text_encoder_2", "text_projection", "alpha")),
        ("conv_in.weight", None),
    ],
)
def test_names_of_old_and_odd_files(name: str, part: Part | None) -> None:
    assert part_of(name) == part


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
    tiny.loras.wear([write_as_peft(tmp_path, FORMATS[format_], small)])
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
    tiny.loras.wear([lora])
    axis = 0 if shape == (1, 32) else 1
    found = weight(tiny.unet, ATTENTION).norm(dim=axis)
    torch.testing.assert_close(found, lengths.flatten())


# -- on, off, and on again -------------------------------------------------------------------------


def test_after_loras_all_is_bit_for_bit_as_before(tiny: HotshotModel) -> None:
    before = {name: value.clone() for name, value in tiny.unet.state_dict().items()}
    plain = frames(tiny)
    both = frames(tiny, Lora(str(KOHYA), 2.0), Lora(str(DIFFUSERS), -1.5))
    again = frames(tiny)
    assert not np.array_equal(plain, both)
    np.testing.assert_array_equal(plain, again)
    for name, value in tiny.unet.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_several_add_up_in_any_order(tiny: HotshotModel) -> None:
    one, other = Lora(str(KOHYA), 0.5), Lora(str(DIFFUSERS), 0.25)
    start = weight(tiny.unet, ATTENTION).clone()
    changes = []
    for worn in ([one], [other], [one, other], [other, one]):
        tiny.loras.wear(worn)
        changes.append(weight(tiny.unet, ATTENTION) - start)
    torch.testing.assert_close(changes[2], changes[0] + changes[1])
    torch.testing.assert_close(changes[3], changes[2])


def test_strength_zero_is_none(tiny: HotshotModel) -> None:
    np.testing.assert_array_equal(frames(tiny), frames(tiny, Lora(str(KOHYA), 0)))


def test_one_that_stays_is_neither_read_nor_put_on_again(
    tiny: HotshotModel, tmp_path: Path
) -> None:
    mine = copied(KOHYA, tmp_path / "mine.safetensors")
    tiny.loras.wear([mine])
    worn = weight(tiny.unet, ATTENTION)
    tiny.loras.wear([mine])
    assert weight(tiny.unet, ATTENTION).data_ptr() == worn.data_ptr()
    tiny.loras.wear([replace(mine, strength=0.5)])
    tiny.loras.wear([mine])
    assert torch.equal(weight(tiny.unet, ATTENTION), worn)


def test_a_file_that_was_replaced_is_read_again(tiny: HotshotModel, tmp_path: Path) -> None:
    mine = copied(KOHYA, tmp_path / "mine.safetensors")
    first = frames(tiny, mine)
    copied(DIFFUSERS, Path(mine.path))
    second = frames(tiny, mine)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(second, frames(tiny, Lora(str(DIFFUSERS))))


def test_the_least_recently_worn_leaves_memory_first(tiny: HotshotModel, tmp_path: Path) -> None:
    tiny.loras.forget()
    many = [
        copied(KOHYA, tmp_path / f"{index}.safetensors") for index in range(ADAPTERS_IN_MEMORY + 1)
    ]
    for lora in (*many[:-1], many[0], many[-1]):
        tiny.loras.wear([lora])
    kept = [Path(lora.path) for lora in (*many[2:-1], many[0], many[-1])]
    assert tiny.loras.in_memory == kept


def test_in_half_precision_the_sum_is_rounded_once(tmp_path: Path) -> None:
    model = load_model(str(TINY), device=CPU, dtype=torch.bfloat16)
    before = weight(model.unet, ATTENTION).clone()
    down, up = pair(ATTENTION, model.unet)
    name = f"unet.{ATTENTION}.lora"
    lora = save(tmp_path / "one.safetensors", {f"{name}_A.weight": down, f"{name}_B.weight": up})
    model.loras.wear([lora])
    assert torch.equal(
        weight(model.unet, ATTENTION), (before.float() + product(down, up)).bfloat16()
    )
    model.loras.wear([])
    assert torch.equal(weight(model.unet, ATTENTION), before)


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
        "was made for Stable Diffusion 1.x and doesn't fit this model .*where",
    ),
    (two((2, 32), (32, 2), "down_blocks.7.conv"), "it changes down_blocks_7_conv, which this"),
    (two((2, 31), (32, 2)), r"attn1.to_q.weight: \(32, 31\) where \(32, 32\) is wanted"),
    (two((2, 32), (32, 3)), "attn1.to_q.weight: "),
    (two((0, 32), (32, 0)), "has rank 0 in down_blocks_1_attentions"),
    (two((2, 32), (32, 2)) | {f"{flat(ATTENTION)}.lora_up.weight": NAN}, "that are no numbers"),
    (two((2, 32), (32, 2)) | {f"{flat(ATTENTION)}.alpha": torch.tensor(torch.inf)}, "no numbers"),
    ({f"{flat(ATTENTION)}.lora_down.weight": drawn(2, 32)}, "to_q.weight: "),
    (two((2, 32), (32, 2)) | {"odd": torch.ones(1)}, "1 tensors of a kind that can't be read"),
    (two((2, 32), (32, 2)) | {f"{flat(ATTENTION)}.dora_scale": drawn(5, 1)}, "5 lengths where 32"),
    ({f"{flat(ATTENTION)}.oft_blocks": drawn(2, 2)}, "is OFT, which can't be read here"),
    ({"conv_in.weight": drawn(2, 2)}, "is no LoRA but"),
]


@pytest.mark.parametrize(("tensors", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_one_that_can_t_be_used_is_one_sentence_and_changes_nothing(
    tiny: HotshotModel, tmp_path: Path, tensors: dict[str, Tensor], says: str
) -> None:
    lora = save(tmp_path / "bad.safetensors", tensors)
    tiny.loras.wear([Lora(str(KOHYA))])
    before = weight(tiny.unet, ATTENTION).clone()
    with pytest.raises(ModelError, match=says) as caught:
        tiny.loras.wear([Lora(str(KOHYA)), lora])
    assert "bad.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert torch.equal(weight(tiny.unet, ATTENTION), before)


def test_a_truncated_file_and_one_that_is_not_there(tiny: HotshotModel, tmp_path: Path) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(KOHYA.read_bytes()[:-10])
    with pytest.raises(ModelError, match=r"cut\.safetensors is truncated"):
        tiny.loras.wear([Lora(str(path))])
    for missing in ("./nowhere", "nowhere", "/a/b.safetensors", "owner//name"):
        with pytest.raises(ModelError, match="There is no LoRA at"):
            tiny.loras.wear([Lora(missing)])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"holds no \.safetensors file"):
        tiny.loras.wear([Lora(str(empty))])


def test_a_temporal_layer_by_its_published_name(tiny: HotshotModel, tmp_path: Path) -> None:
    """Fine-tuning's own LoRAs may reach the temporal layers too."""
    down, up = pair(MOTION, tiny.unet)
    published = "unet.down_blocks.0.temporal_attentions.0.transformer_blocks.0.attention_blocks.0"
    names = {f"{published}.to_v.lora_A.weight": down, f"{published}.to_v.lora_B.weight": up}
    before = weight(tiny.unet, MOTION).clone()
    tiny.loras.wear([save(tmp_path / "one.safetensors", names)])
    torch.testing.assert_close(weight(tiny.unet, MOTION), before + product(down, up))
