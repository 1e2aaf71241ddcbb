"""ControlNets: as recorded, several at once, from wherever they come, and refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel
from safetensors.torch import load_file, save_file

from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.contract.errors import ModelError, RequestError
from generator.contract.messages import Control, Request
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.decoding import decode, to_levels
from generator.inference.stages.frame_stages import to_frames
from generator.media.clip import Frames
from generator.model.controlnet import CONTROLNETS_IN_MEMORY
from generator.model.controlnet_loading import config_for, resolve_controlnet
from generator.model.loading import HotshotModel
from generator.sources.reader import read_key_frames
from tests.generator.checkpoints.hub import serving
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.reference import REFERENCE, arguments, recorded, request_of, silent
from tests.generator.small_model import CONTROLNET as SMALL_CONTROLNET

CONTROLNET = REFERENCE / "tiny-controlnet"
WEIGHTS = "diffusion_pytorch_model.safetensors"
ABOUT_CONTROL = {
    "source": "",
    "controlnet_conditioning_scale": "scale",
    "control_guidance_start": "start",
    "control_guidance_end": "end",
}


def shown(seed: int = 0, request: Request = QUICK) -> Frames:
    shape = (request.video_length, request.height, request.width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def latents(model: HotshotModel, *controls: Control, request: Request = QUICK) -> torch.Tensor:
    """Of a quick request; each control is shown pictures of its own."""
    asked = replace(request, controls=controls, control_source="a.gif")
    pictures = [shown(index) for index, _ in enumerate(controls)]
    return HotshotPipeline(model).latents(asked, report=silent, condition_images=pictures)


# -- as recorded -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", ["controlnet", pytest.param("controlnet_window", marks=pytest.mark.slow)]
)
def test_frames_are_the_original_s(tiny: HotshotModel, case: str) -> None:
    values = arguments(case)
    control = Control(
        str(CONTROLNET),
        **{ours: values[theirs] for theirs, ours in ABOUT_CONTROL.items() if ours},
    )
    request = replace(
        request_of(case, leave_out=tuple(ABOUT_CONTROL)), controls=(control,), control_source="a"
    )
    videos, pipeline = recorded("videos"), HotshotPipeline(tiny)
    pictures = read_key_frames(
        REFERENCE / "golden" / values["source"],
        count=request.video_length,
        duration_ms=request.video_duration,
        width=request.width,
        height=request.height,
    )
    np.testing.assert_array_equal(pictures, videos[f"{case}.control_frames"].numpy())
    made = pipeline.latents(request, report=silent, condition_images=[pictures])
    assert float((made - videos[f"{case}.latents"]).abs().max()) < 2e-3
    frames = to_frames(to_levels(torch.cat([*decode(tiny, made, silent)])))
    apart = np.abs(frames.astype(int) - videos[case].numpy().astype(int))
    assert (apart <= 1).mean() >= 0.999


# -- how much, when, and how many ------------------------------------------------------------------


def test_no_strength_and_no_time_are_no_control(small: HotshotModel) -> None:
    plain = HotshotPipeline(small).latents(QUICK, report=silent)
    assert torch.equal(latents(small, Control(str(SMALL_CONTROLNET), scale=0)), plain)
    assert torch.equal(latents(small, Control(str(SMALL_CONTROLNET), start=0.1, end=0.3)), plain)
    assert not torch.equal(latents(small, Control(str(SMALL_CONTROLNET))), plain)


def test_a_guided_clip_follows_in_both_halves(small: HotshotModel) -> None:
    guided = replace(QUICK, guidance_scale=3.0)
    one = latents(small, Control(str(SMALL_CONTROLNET)), request=guided)
    other = HotshotPipeline(small).latents(guided, report=silent)
    assert one.isfinite().all()
    assert not torch.equal(one, other)


def test_several_add_up_each_with_its_own_strength_and_span(small: HotshotModel) -> None:
    first = Control(str(SMALL_CONTROLNET), scale=0.4, end=0.5)
    second = Control(str(SMALL_CONTROLNET), scale=0.9, start=0.5)
    both = latents(small, first, second)
    silenced = latents(small, first, replace(second, scale=0))
    assert torch.equal(silenced, latents(small, first))
    assert len({tuple(made.flatten().tolist()) for made in (both, silenced)}) == 2
    request = replace(QUICK, controls=(first, first), control_source="a", steps=1)
    pictures = shown(5)
    twice = HotshotPipeline(small).latents(
        replace(request, controls=(replace(first, end=1),) * 2),
        report=silent,
        condition_images=[pictures, pictures],
    )
    once = HotshotPipeline(small).latents(
        replace(request, controls=(replace(first, scale=0.8, end=1),)),
        report=silent,
        condition_images=[pictures],
    )
    torch.testing.assert_close(twice, once, rtol=1e-4, atol=1e-4)


def test_pictures_are_embedded_once_and_text_is_projected_once_a_clip(small: HotshotModel) -> None:
    latents(small, Control(str(SMALL_CONTROLNET)))
    loaded = small.controlnets.get(str(SMALL_CONTROLNET))
    embedded: list[int] = []
    projected: list[int] = []
    key = next(
        module for name, module in loaded.network.named_modules() if name.endswith("attn2.to_k")
    )
    watches = [
        loaded.embedding.register_forward_hook(
            lambda _m, given, _o: embedded.append(len(given[0]))
        ),
        key.register_forward_hook(lambda _m, given, _o: projected.append(len(given[0]))),
    ]
    try:
        latents(small, Control(str(SMALL_CONTROLNET)), request=replace(QUICK, steps=3))
    finally:
        for watch in watches:
            watch.remove()
    assert embedded == [QUICK.video_length]
    assert projected == [1, 1, 1]


def test_one_frame_and_sizes_off_the_multiples_of_32(small: HotshotModel) -> None:
    for request in (replace(QUICK, video_length=1), replace(QUICK, width=104, height=72)):
        asked = replace(request, controls=(Control(str(SMALL_CONTROLNET)),), control_source="a")
        frames = HotshotPipeline(small)(
            asked, report=silent, condition_images=[shown(request=request)]
        )
        assert frames.shape == (request.video_length, request.height, request.width, 3)


def test_pictures_that_don_t_belong_to_the_request(small: HotshotModel) -> None:
    asked = replace(QUICK, controls=(Control(str(SMALL_CONTROLNET)),), control_source="a")
    with pytest.raises(RequestError, match="1 ControlNets and pictures for 0"):
        HotshotPipeline(small)(asked, report=silent)
    with pytest.raises(RequestError, match="2 x 32 x 64 x 3, but the clip is 2 x 64 x 64 x 3"):
        HotshotPipeline(small)(asked, report=silent, condition_images=[shown()[:, :32]])


@pytest.mark.slow
def test_the_last_used_stay_loaded(small: HotshotModel, tmp_path: Path) -> None:
    copies = [
        shutil.copytree(SMALL_CONTROLNET, tmp_path / str(index))
        for index in range(CONTROLNETS_IN_MEMORY + 1)
    ]
    for path in (*copies[:-1], copies[0]):
        latents(small, Control(str(path)))
    first = small.controlnets.get(str(copies[0]))
    latents(small, Control(str(copies[-1])))
    assert small.controlnets.in_memory == [*copies[2:-1], copies[0], copies[-1]]
    assert small.controlnets.get(str(copies[0])) is first


def test_all_of_a_request_are_kept_however_many(small: HotshotModel, tmp_path: Path) -> None:
    copies = [
        shutil.copytree(SMALL_CONTROLNET, tmp_path / str(index))
        for index in range(CONTROLNETS_IN_MEMORY + 1)
    ]
    latents(small, Control(str(SMALL_CONTROLNET)))
    latents(small, *(Control(str(path)) for path in copies))
    assert small.controlnets.in_memory == copies
    assert len(small.controlnets.networks) == len(copies)


# -- where they come from --------------------------------------------------------------------------


def as_ldm(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors named as Stability's own ControlNets are."""
    inside = ldm_names([name for name in tensors if not name.startswith("controlnet_")], 2)
    hints = ["conv_in", *(f"blocks.{index}" for index in range(6)), "conv_out"]
    renamed = {}
    for name, tensor in tensors.items():
        path, _, kind = name.rpartition(".")
        if name in inside:
            new = inside[name]
        elif path.startswith("controlnet_cond_embedding."):
            hint = hints.index(path.removeprefix("controlnet_cond_embedding."))
            new = f"input_hint_block.{2 * hint}.{kind}"
        elif path == "controlnet_mid_block":
            new = f"middle_block_out.0.{kind}"
        else:
            new = f"zero_convs.{path.rpartition('.')[2]}.0.{kind}"
        renamed[f"control_model.{new}"] = tensor
    return renamed


@pytest.mark.parametrize("rename", [dict, as_ldm])
def test_a_single_file_in_either_naming(
    tiny: HotshotModel,
    tmp_path: Path,
    rename: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]],
) -> None:
    path = tmp_path / "control.safetensors"
    save_file(rename(load_file(CONTROLNET / WEIGHTS)), path)
    expected = latents(tiny, Control(str(CONTROLNET)))
    assert torch.equal(latents(tiny, Control(str(path))), expected)


def test_a_small_one_that_attends_to_nothing(tiny: HotshotModel, tmp_path: Path) -> None:
    config = config_for(tiny.unet.published_config)
    config |= {"down_block_types": ["DownBlock2D"] * 3, "transformer_layers_per_block": 1}
    torch.manual_seed(0)
    small = ControlNetModel.from_config(config)
    for parameter in small.parameters():
        parameter.data.normal_(std=0.05)
    small.save_pretrained(tmp_path / "small")
    latents_of_both = [
        latents(tiny, Control(str(path)))
        for path in (tmp_path / "small", tmp_path / "small" / WEIGHTS)
    ]
    assert torch.equal(*latents_of_both)


def test_the_model_s_own_come_by_their_kind(tmp_path: Path) -> None:
    shutil.copytree(CONTROLNET, tmp_path / "controlnet" / "depth")
    assert resolve_controlnet("depth", tmp_path) == tmp_path / "controlnet" / "depth"
    with pytest.raises(ModelError, match="There is no ControlNet 'pose'; give canny, depth, a dir"):
        resolve_controlnet("pose", tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("empty_cache")
def test_from_a_hub_and_then_from_the_cache(tiny: HotshotModel) -> None:
    expected = latents(tiny, Control(str(CONTROLNET)))
    with serving("somebody/control", CONTROLNET) as hub:
        assert torch.equal(latents(tiny, Control("somebody/control")), expected)
        assert sorted(hub.downloaded) == ["config.json", WEIGHTS]
        whole = latents(tiny, Control(f"somebody/control/{WEIGHTS}"))
        assert torch.equal(whole, expected)
    tiny.controlnets.clear_cache()
    assert torch.equal(latents(tiny, Control("somebody/control")), expected)


# -- refused ---------------------------------------------------------------------------------------


def edit(directory: Path, **changes: object) -> None:
    path = directory / "config.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | changes), encoding="utf-8")


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (lambda at: edit(at, _class_name="ControlNetUnionModel"), "a ControlNetUnionModel, not a"),
    (
        lambda at: edit(at, cross_attention_dim=768),
        "cross_attention_dim is 768 where",
    ),
    (lambda at: edit(at, block_out_channels=[32, 32]), "another base .block_out_channels"),
    (lambda at: edit(at, addition_embed_type=None), "another base .addition_embed_type is None"),
    (
        lambda at: edit(at, class_embed_type="timestep"),
        "class_embed_type is timestep",
    ),
    (lambda at: edit(at, norm_num_groups=7), "doesn't describe a network that can be built"),
    (lambda at: (at / "config.json").unlink(), r"config\.json is missing"),
    (lambda at: (at / WEIGHTS).unlink(), "is missing; download"),
    (lambda at: (at / WEIGHTS).write_bytes(b"{}"), "cut off or isn't a safetensors"),
    (
        lambda at: (at / WEIGHTS).rename(at / "diffusion_pytorch_model.bin"),
        "could run code when read",
    ),
]


@pytest.mark.parametrize(("spoil", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_a_bad_directory_is_one_sentence(
    tiny: HotshotModel, tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    copy = shutil.copytree(CONTROLNET, tmp_path / "control")
    spoil(copy)
    with pytest.raises(ModelError, match=says) as caught:
        latents(tiny, Control(str(copy)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"adapter.body.0.resnets.0.block1.weight": (2, 2)}, "but a T2I-Adapter"),
        ({"lllite_unet_input_blocks_4_1.up.0.weight": (2, 2)}, "but a ControlNet-LLLite"),
        ({"input_blocks.1.0.in_layers.2.down": (2, 2), "lora_controlnet": (1,)}, "a Control-LoRA"),
        ({"unet.conv_in.lora_A.weight": (2, 2)}, "but a LoRA"),
        ({"ip_adapter.1.to_k_ip.weight": (2, 2)}, "but an IP-Adapter"),
        ({"x": (1,)}, "a file of an unknown kind"),
    ],
)
def test_a_file_that_is_something_else(
    tiny: HotshotModel, tmp_path: Path, tensors: dict[str, tuple[int, ...]], says: str
) -> None:
    path = tmp_path / "file.safetensors"
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, path)
    with pytest.raises(ModelError, match=says):
        latents(tiny, Control(str(path)))


def test_one_that_is_not_there(tiny: HotshotModel) -> None:
    for missing in ("./nowhere", "pose", "/a/b", "owner//name"):
        with pytest.raises(ModelError, match="There is no ControlNet"):
            latents(tiny, Control(missing))
