"""LoRAs: as the original applied them, in every way of writing one down, and off again."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.checkpoints.inspect.lora_names import Part, part_of
from generator.contract.messages import Lora
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import HotshotModel, load_model
from generator.model.lora_manager import LORAS_IN_MEMORY, LoraTargets
from generator.model.unet import HotshotUNet
from tests.generator.checkpoints.hub import serving
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.reference import CPU, REFERENCE, TINY, recorded, request_of, silent

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
def no_loras_after(tiny: HotshotModel) -> None:
    tiny.loras.remove()


def frames(model: HotshotModel, *loras: Lora) -> np.ndarray:
    request = replace(QUICK, loras=loras)
    return HotshotPipeline(model)(request, report=silent)


def network_of(model: HotshotModel, name: str) -> nn.Module:
    first, second = model.text.encoders
    # Some versions of transformers have the first encoder's layers in a ``text_model`` as well.
    inner = getattr(first, "text_model", first)
    found: nn.Module = {"unet": model.unet, "te1": inner, "te2": second}[name]
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
        pytest.param("diffusers_1.0", (Lora(str(DIFFUSERS)),), marks=pytest.mark.slow),
        pytest.param("diffusers_0.5", (Lora(str(DIFFUSERS), 0.5),), marks=pytest.mark.slow),
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
    # Files name the first encoder's layers with the prefix that newer transformers dropped.
    named = f"text_model.{layer}" if network == "te1" else layer
    tensors = {spell(network, named, "down"): down, spell(network, named, "up"): up}
    if says_alpha:
        name = spell(network, named, "down").partition(".lora_down")[0]
        tensors[f"{name}.alpha"] = torch.tensor(RANK / 2)
    lora = save(tmp_path / "one.safetensors", tensors)

    before = weight(module, layer).clone()
    tiny.loras.apply([replace(lora, strength=-0.7)])
    expected = before - 0.7 * (0.5 if says_alpha else 1) * product(down, up)
    torch.testing.assert_close(weight(module, layer), expected)
    tiny.loras.apply([])
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
    tiny.loras.apply([save(tmp_path / "one.safetensors", tensors)])
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
    for applied in ([one], [other], [one, other], [other, one]):
        tiny.loras.apply(applied)
        changes.append(weight(tiny.unet, ATTENTION) - start)
    torch.testing.assert_close(changes[2], changes[0] + changes[1])
    torch.testing.assert_close(changes[3], changes[2])


def test_strength_zero_is_none(tiny: HotshotModel) -> None:
    np.testing.assert_array_equal(frames(tiny), frames(tiny, Lora(str(KOHYA), 0)))


def test_one_that_stays_is_neither_read_nor_put_on_again(
    tiny: HotshotModel, tmp_path: Path
) -> None:
    mine = copied(KOHYA, tmp_path / "mine.safetensors")
    tiny.loras.apply([mine])
    applied = weight(tiny.unet, ATTENTION)
    tiny.loras.apply([mine])
    assert weight(tiny.unet, ATTENTION).data_ptr() == applied.data_ptr()
    tiny.loras.apply([replace(mine, strength=0.5)])
    tiny.loras.apply([mine])
    assert torch.equal(weight(tiny.unet, ATTENTION), applied)


def test_a_file_that_was_replaced_is_read_again(tiny: HotshotModel, tmp_path: Path) -> None:
    mine = copied(KOHYA, tmp_path / "mine.safetensors")
    first = frames(tiny, mine)
    copied(DIFFUSERS, Path(mine.path))
    second = frames(tiny, mine)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(second, frames(tiny, Lora(str(DIFFUSERS))))


def test_the_least_recently_applied_leaves_memory_first(tiny: HotshotModel, tmp_path: Path) -> None:
    tiny.loras.clear_cache()
    many = [
        copied(KOHYA, tmp_path / f"{index}.safetensors") for index in range(LORAS_IN_MEMORY + 1)
    ]
    for lora in (*many[:-1], many[0], many[-1]):
        tiny.loras.apply([lora])
    kept = [Path(lora.path) for lora in (*many[2:-1], many[0], many[-1])]
    assert tiny.loras.in_memory == kept


def test_in_half_precision_the_sum_is_rounded_once(tmp_path: Path) -> None:
    model = load_model(str(TINY), device=CPU, dtype=torch.bfloat16)
    before = weight(model.unet, ATTENTION).clone()
    down, up = pair(ATTENTION, model.unet)
    name = f"unet.{ATTENTION}.lora"
    lora = save(tmp_path / "one.safetensors", {f"{name}_A.weight": down, f"{name}_B.weight": up})
    model.loras.apply([lora])
    assert torch.equal(
        weight(model.unet, ATTENTION), (before.float() + product(down, up)).bfloat16()
    )
    model.loras.apply([])
    assert torch.equal(weight(model.unet, ATTENTION), before)


@pytest.mark.usefixtures("empty_cache")
def test_from_a_hub_which_is_asked_once(tiny: HotshotModel, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    shutil.copy(KOHYA, repository / "pixels.safetensors")
    expected = frames(tiny, Lora(str(KOHYA)))
    with serving("somebody/pixels", repository) as hub:
        np.testing.assert_array_equal(frames(tiny, Lora("somebody/pixels")), expected)
        assert hub.downloaded == ["pixels.safetensors"]
    tiny.loras.remove()
    np.testing.assert_array_equal(frames(tiny, Lora("somebody/pixels")), expected)


@pytest.mark.parametrize(
    "name",
    [
        "input_blocks_4_1_transformer_blocks_0_attn1_to_q",
        "input_blocks_8_1_transformer_blocks_9_ff_net_0_proj",
        "middle_block_1_transformer_blocks_9_attn2_to_out_0",
        "output_blocks_0_1_proj_in",
        "output_blocks_5_1_transformer_blocks_1_attn2_to_v",
        "output_blocks_2_2_conv",
        "output_blocks_5_2_conv",
        "output_blocks_8_0_skip_connection",
        "input_blocks_3_0_op",
        "input_blocks_7_0_emb_layers_1",
        "time_embed_2",
        "label_emb_0_0",
        "out_2",
        "down_blocks_2_attentions_1_transformer_blocks_9_attn1_to_k",
        "up_blocks_1_resnets_2_time_emb_proj",
    ],
)
def test_names_of_the_full_size_network(full_size: LoraTargets, name: str) -> None:
    """As files for SDXL have them."""
    assert name in full_size.layers.layers["unet"]


@pytest.fixture(scope="module")
def full_size() -> LoraTargets:
    packed = (REFERENCE / "full_size_unet_keys.json.gz").read_bytes()
    with torch.device("meta"):
        unet = HotshotUNet(json.loads(gzip.decompress(packed))["config"])
    return LoraTargets.of(unet, nn.Module(), nn.Module(), layers=2)
