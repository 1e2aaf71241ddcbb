"""Spatial bases and temporal layers, from wherever they come: as recorded, or one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from generator.checkpoints import resolve
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.contract.errors import ModelError
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.model.loading import HotshotModel, load_model
from tests.generator.checkpoints import civitai
from tests.generator.checkpoints.hub import serving
from tests.generator.inference.test_pipeline import QUICK, assert_as_recorded
from tests.generator.model.test_loading import edit_json, same_frames
from tests.generator.reference import CPU, TINY, silent

UNET = "unet/diffusion_pytorch_model.safetensors"
FACTOR = 0.97  # of the recorded base
Check = Callable[[HotshotModel], None]


def load(model: Path | str, base: Path | str | None, **options: Any) -> HotshotModel:
    given = str(base) if base is not None else None
    return load_model(
        str(model), spatial_unet_base=given, device=CPU, dtype=torch.float32, **options
    )


def temporal_tensors() -> dict[str, torch.Tensor]:
    return {name: value for name, value in load_file(TINY / UNET).items() if is_temporal(name)}


@pytest.fixture
def temporal_file(tmp_path: Path) -> Path:
    path = tmp_path / "hsxl_temporal_layers.safetensors"
    save_file(temporal_tensors(), path)
    return path


@pytest.fixture
def plain_sdxl(tmp_path: Path) -> Path:
    """A whole SDXL in diffusers' layout, with the recorded base's UNet."""
    base = shutil.copytree(TINY, tmp_path / "sdxl")
    edit_json(
        base / "unet/config.json",
        _class_name="UNet2DConditionModel",
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        mid_block_type="UNetMidBlock2DCrossAttn",
    )
    save_file(civitai.spatial(TINY, FACTOR), base / UNET)
    return base


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> HotshotModel:
    """The recorded base with our temporal layers, from a file as Civitai gives it."""
    place = tmp_path_factory.mktemp("civitai") / "juggernaut.safetensors"
    return load(TINY, civitai.save(civitai.checkpoint(TINY, FACTOR), place))


@pytest.fixture(scope="module")
def assert_same(expected: HotshotModel) -> Check:
    """Weights and frames, but for what rounding to 16 bits makes of the file's."""

    def frames(model: HotshotModel) -> Frames:
        return HotshotPipeline(model)(QUICK, report=silent)

    wanted = frames(expected).astype(int)

    def check(model: HotshotModel) -> None:
        for part, network in expected.networks.items():
            found = model.networks[part].state_dict()
            for name, value in network.state_dict().items():
                torch.testing.assert_close(found.pop(name), value, rtol=2e-3, atol=1e-4)
            assert not found
        assert np.abs(frames(model) - wanted).max() <= 1

    return check


# -- one file --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_as_civitai_gives_it(expected: HotshotModel) -> None:
    assert_as_recorded(expected, "spatial_base")


@pytest.mark.slow
@pytest.mark.parametrize("rename", [dict, civitai.unet], ids=["diffusers", "stability"])
def test_a_file_of_the_unet_alone(
    tmp_path: Path,
    rename: Callable[[civitai.Tensors], civitai.Tensors],
    assert_same: Check,
) -> None:
    file = civitai.save(rename(civitai.spatial(TINY, FACTOR)), tmp_path / "unet.safetensors")
    assert_same(load(TINY, file))


@pytest.mark.slow
def test_text_encoders_and_vae_come_along_unless_told_not_to(
    tiny: HotshotModel, tmp_path: Path
) -> None:
    tensors = civitai.checkpoint(TINY)
    for name, value in tensors.items():
        if not name.startswith("model.diffusion_model."):
            value.mul_(1.01 if value.is_floating_point() else 1)
    file = civitai.save(tensors, tmp_path / "other.safetensors")
    whole, alone = load(TINY, file), load(TINY, file, unet_only=True)
    parts = [
        [model.vae.state_dict(), *(encoder.state_dict() for encoder in model.text.encoders)]
        for model in (tiny, whole)
    ]
    for own, given in zip(*parts, strict=True):
        assert not any(torch.equal(own[name], given[name]) for name in own if own[name].any())
        for name, value in own.items():
            torch.testing.assert_close(given[name], value * 1.01, rtol=2e-3, atol=1e-4)
    ours = tiny.unet.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in alone.unet.state_dict().items())
    assert alone.origins == dict.fromkeys(alone.origins, "tiny") | {"unet": "other.safetensors"}
    assert set(whole.origins.values()) == {"other.safetensors"}
    assert not same_frames(whole, tiny)


PARTS = {
    "vae": "first_stage_model.",
    "text_encoder": "conditioner.embedders.0.",
    "text_encoder_2": "conditioner.embedders.1.",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "missing", [("vae",), ("text_encoder", "text_encoder_2"), ("text_encoder",)]
)
def test_a_file_gives_those_parts_that_it_has(
    tiny: HotshotModel,
    tmp_path: Path,
    missing: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    left_out = tuple(PARTS[part] for part in missing)
    tensors = {
        name: value * 1.01 if value.is_floating_point() else value
        for name, value in civitai.checkpoint(TINY).items()
        if not name.startswith(left_out)
    }
    file = civitai.save(tensors, tmp_path / "some.safetensors")
    with caplog.at_level("INFO"):
        model = load(TINY, file)
    expected = {part: "tiny" if part in missing else "some.safetensors" for part in PARTS}
    assert model.origins == {"unet": "some.safetensors", **expected}
    for part, network in model.networks.items():
        name, value = next(iter(network.named_parameters()))
        if part != "unet":
            same = torch.equal(value, tiny.networks[part].get_parameter(name))
            assert same == (part in missing)
    said = " ".join(caplog.messages)
    assert "From tiny: temporal layers" in said
    assert "From some.safetensors: spatial layers" in said


def test_a_directory_gives_those_parts_that_it_has(plain_sdxl: Path) -> None:
    shutil.rmtree(plain_sdxl / "vae")
    origins = load(TINY, plain_sdxl).origins
    assert (origins["vae"], origins["text_encoder_2"]) == ("tiny", "sdxl")


# -- a directory -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_whole_directory_or_its_unet_alone(plain_sdxl: Path, assert_same: Check) -> None:
    edit_json(plain_sdxl / "vae/config.json", scaling_factor=0.5)
    whole = load(TINY, plain_sdxl)
    assert whole.vae.config.scaling_factor == 0.5
    for model in (load(TINY, plain_sdxl, unet_only=True), load(TINY, plain_sdxl / "unet")):
        assert_same(model)


# -- temporal layers alone -------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_of_temporal_layers_beside_a_directory(
    plain_sdxl: Path, temporal_file: Path, assert_same: Check
) -> None:
    assert_same(load(temporal_file, plain_sdxl))


@pytest.mark.slow
def test_a_directory_that_holds_nothing_but_that_file(
    plain_sdxl: Path, temporal_file: Path, assert_same: Check
) -> None:
    directory = temporal_file.parent / "alone"
    directory.mkdir()
    temporal_file.rename(directory / temporal_file.name)
    assert_same(load(directory, plain_sdxl))


def test_a_file_of_temporal_layers_needs_a_whole_base(
    plain_sdxl: Path, temporal_file: Path
) -> None:
    for base in (None, plain_sdxl / "unet"):
        with pytest.raises(ModelError, match="temporal layers; give a whole Stable Diff"):
            load(temporal_file, base)


def test_temporal_layers_that_are_not_all_there(plain_sdxl: Path, temporal_file: Path) -> None:
    tensors = load_file(temporal_file)
    save_file(dict(list(tensors.items())[1:]), temporal_file)
    with pytest.raises(ModelError, match="1 missing"):
        load(temporal_file, plain_sdxl)


# -- from the hub ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("empty_cache")
def test_two_files_need_no_weights_but_their_own(
    tmp_path: Path, temporal_file: Path, assert_same: Check
) -> None:
    """SDXL's repository gives the configs and vocabularies that neither file has."""
    file = civitai.save(civitai.checkpoint(TINY, FACTOR), tmp_path / "one.safetensors")
    hubs_sdxl = shutil.copytree(TINY, tmp_path / "hub")
    edit_json(hubs_sdxl / "unet/config.json", _class_name="UNet2DConditionModel")
    with serving(resolve.SDXL, hubs_sdxl) as hub:
        model = load(temporal_file, file)
    assert_same(model)
    assert hub.downloaded
    assert not [name for name in hub.downloaded if name.endswith(".safetensors")]


@pytest.mark.slow
@pytest.mark.usefixtures("empty_cache")
def test_beside_a_base_a_repository_gives_its_temporal_file_alone(
    tmp_path: Path,
    plain_sdxl: Path,
    temporal_file: Path,
    assert_same: Check,
) -> None:
    repository = shutil.copytree(TINY, tmp_path / "hub")
    shutil.copy(temporal_file, repository / temporal_file.name)
    with serving("somebody/Hotshot-XL", repository) as hub:
        model = load("somebody/Hotshot-XL", plain_sdxl)
        assert hub.downloaded == [temporal_file.name]
        assert_same(model)
        del hub.downloaded[:]
        named = load(f"somebody/Hotshot-XL/{temporal_file.name}", plain_sdxl)
        assert same_frames(model, named)
        assert hub.downloaded == []
        # Without text encoders from the base the model's own are wanted, and all is fetched.
        assert_same(load("somebody/Hotshot-XL", plain_sdxl, unet_only=True))
        assert UNET in hub.downloaded


@pytest.mark.slow
@pytest.mark.usefixtures("empty_cache")
def test_a_base_from_the_hub_whole_or_its_unet(plain_sdxl: Path) -> None:
    with serving("somebody/sdxl", plain_sdxl) as hub:
        load(TINY, "somebody/sdxl", unet_only=True)
        wanted = ("unet/", "scheduler/")
        assert all(name.startswith(wanted) or "/" not in name for name in hub.downloaded)
        load(TINY, "somebody/sdxl")
        assert "vae/diffusion_pytorch_model.safetensors" in hub.downloaded


# -- refused ---------------------------------------------------------------------------------------


def named(**shapes: tuple[int, ...]) -> civitai.Tensors:
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


IN = "model.diffusion_model."
ATTENTION = f"{IN}input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight"
OTHERS: list[tuple[dict[str, tuple[int, ...]], str]] = [
    ({ATTENTION: (320, 768)}, "is a Stable Diffusion 1.x checkpoint; the spatial"),
    ({ATTENTION: (320, 1024)}, "is a Stable Diffusion 2.x checkpoint; the spatial"),
    ({ATTENTION: (384, 1280), f"{IN}label_emb.0.0.weight": (1, 1)}, "is the refiner of Stable"),
    ({f"{IN}joint_blocks.0.x_block.weight": (1,)}, "is a Stable Diffusion 3 checkpoint"),
    ({"double_blocks.0.img_attn.qkv.weight": (1,)}, "is a Flux checkpoint"),
    ({"lora_unet_conv_in.lora_down.weight": (1, 1)}, "is a LoRA"),
    ({"unet.conv_in.oft_blocks": (1, 1)}, "is an adapter in a format"),
    ({"decoder.conv_in.weight": (1,)}, "is only a VAE"),
    ({"text_model.final_layer_norm.bias": (1,)}, "is only a text encoder"),
    ({"controlnet_cond_embedding.conv_in.bias": (1,)}, "is a ControlNet"),
    (
        {"down_blocks.0.temporal_attentions.0.norm.bias": (1,)},
        "is a file with only temporal layers",
    ),
    ({"nonsense": (1,)}, "is a file of an unknown kind"),
]


@pytest.mark.parametrize(("shapes", "says"), OTHERS, ids=[says for _, says in OTHERS])
def test_a_file_that_is_something_else(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], says: str
) -> None:
    file = civitai.save(named(**shapes), tmp_path / "file.safetensors")
    with pytest.raises(ModelError, match=says) as caught:
        load(TINY, file)
    assert str(caught.value).startswith("file.safetensors is ")
    assert "\n" not in str(caught.value)


def test_a_whole_sdxl_is_no_model(tmp_path: Path, plain_sdxl: Path) -> None:
    file = civitai.save(civitai.checkpoint(TINY), tmp_path / "sdxl.safetensors")
    with pytest.raises(ModelError, match="Stable Diffusion XL checkpoint, which has no temporal"):
        load(file, plain_sdxl)


def spoil_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def as_pickle(file: Path) -> None:
    torch.save({"state_dict": {}}, file)


def without(name: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        tensors = load_file(file)
        tensors.pop(name)
        save_file(tensors, file)

    return change


def flattened(name: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        tensors = load_file(file)
        save_file({**tensors, name: tensors[name].flatten()}, file)

    return change


OPEN_CLIP = "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight"
SPOILED: list[tuple[Callable[[Path], object], str]] = [
    (spoil_end, "is cut off or isn't a safetensors file .the end of"),
    (as_pickle, "is a pickle, which could run code when read"),
    (lambda file: file.write_bytes(b"<html>"), "is a web page, not a model"),
    (lambda file: file.write_bytes((2**40).to_bytes(8, "little")), "header is cut off"),
    (without(f"{IN}out.2.bias"), r"1 missing \(such as conv_out.bias\)"),
    (without("first_stage_model.decoder.conv_in.bias"), r"1 missing \(such as decoder.conv_in"),
    (
        without("conditioner.embedders.1.model.text_projection"),
        r"1 missing \(such as text_projection.weight\)",
    ),
    (
        without("conditioner.embedders.0.transformer.text_model.final_layer_norm.bias"),
        "1 missing",
    ),
    (without("first_stage_model.decoder.up.1.upsample.conv.bias"), "The VAE in .* is not that of"),
    (flattened(OPEN_CLIP), "The second text encoder in .* is not that of"),
]


@pytest.mark.parametrize(("spoil", "says"), SPOILED, ids=[says for _, says in SPOILED])
def test_a_spoiled_file_is_one_sentence(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    file = civitai.save(civitai.checkpoint(TINY), tmp_path / "file.safetensors")
    spoil(file)
    with pytest.raises(ModelError, match=says) as caught:
        load(TINY, file)
    assert "file.safetensors" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_older_stable_diffusion_s_directory(plain_sdxl: Path) -> None:
    edit_json(plain_sdxl / "unet/config.json", addition_embed_type=None)
    with pytest.raises(ModelError, match="that of an older Stable Diffusion"):
        load(TINY, plain_sdxl)
