"""Whatever can be loaded is, to the last tensor; whatever can't be is one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from generator.contract.errors import ModelError
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.decoding import decode
from generator.model.loading import HotshotModel, load_model
from generator.model.unet import HotshotUNet
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.reference import CPU, silent

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder_2/model.safetensors"


def load(directory: Path, **options: Any) -> HotshotModel:
    return load_model(str(directory), device=CPU, dtype=torch.float32, **options)


def edit_json(path: Path, **changes: Any) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | changes), encoding="utf-8")


def edit_weights(path: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = {name: value.clone() for name, value in load_file(path).items()}
    change(tensors)
    save_file(tensors, path)


def same_frames(one: HotshotModel, other: HotshotModel) -> bool:
    made = [HotshotPipeline(model)(QUICK, report=silent) for model in (one, other)]
    return bool((made[0] == made[1]).all())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# -- what can't be loaded --------------------------------------------------------------------------


def as_plain_sdxl(directory: Path) -> None:
    edit_json(directory / "unet/config.json", _class_name="UNet2DConditionModel")


def as_stable_diffusion_1(directory: Path) -> None:
    edit_json(
        directory / "unet/config.json",
        _class_name="UNet2DConditionModel",
        addition_embed_type=None,
        cross_attention_dim=768,
    )


def as_pickle(directory: Path) -> None:
    (directory / UNET).rename(directory / "unet/diffusion_pytorch_model.bin")


SPOILED: list[tuple[Callable[[Path], object], str]] = [
    (as_plain_sdxl, "plain Stable Diffusion XL, which has no temporal layers"),
    (as_stable_diffusion_1, "older Stable Diffusion"),
    (as_pickle, "only diffusion_pytorch_model.bin, which could run code"),
    (lambda at: shutil.rmtree(at / "unet"), r"unet/config\.json is missing"),
    (lambda at: shutil.rmtree(at / "vae"), r"vae/config\.json is missing"),
    (lambda at: shutil.rmtree(at / "text_encoder"), r"text_encoder/config\.json is missing"),
    (lambda at: shutil.rmtree(at / "scheduler"), r"scheduler_config\.json is missing"),
    (lambda at: (at / UNET).unlink(), r"model\.safetensors is missing"),
    (lambda at: (at / TEXT).unlink(), r"text_encoder_2/model\.safetensors is missing"),
    (lambda at: (at / "tokenizer/vocab.json").unlink(), r"tokenizer/vocab\.json is missing"),
    (lambda at: (at / "tokenizer_2/vocab.json").write_text("{"), "tokenizer_2 can't be read"),
    (lambda at: truncate(at / UNET), "unet/.* is cut off or isn't a safetensors"),
    (lambda at: truncate(at / TEXT), "text_encoder_2/.* is cut off or isn't a safetensors"),
    (lambda at: (at / UNET).write_bytes(b""), "is cut off or isn't a safetensors"),
    (lambda at: (at / "unet/config.json").write_text("{"), r"unet/config\.json can't be read"),
    (lambda at: (at / "unet/config.json").write_text("[]"), "isn't a JSON object"),
    (lambda at: (at / "unet/config.json").write_text("{}"), "of an unnamed class"),
    (
        lambda at: edit_json(at / "scheduler/scheduler_config.json", beta_schedule="cubic"),
        r"scheduler_config\.json doesn't describe a schedule",
    ),
    (
        lambda at: edit_json(at / "unet/config.json", norm_num_groups=7),
        "doesn't describe a network that can be built",
    ),
    (
        lambda at: edit_json(at / "vae/config.json", _class_name="AsymmetricAutoencoderKL"),
        "is AsymmetricAutoencoderKL; only AutoencoderKL, AutoencoderTiny",
    ),
    (
        lambda at: edit_json(at / "unet/config.json", cross_attention_dim=32),
        "don't fit their config: .* is 32 x 64 where 32 x 32 is wanted",
    ),
    (
        lambda at: edit_json(at / "unet/config.json", layers_per_block=1),
        "0 missing and .* unexpected",
    ),
    (
        lambda at: edit_json(at / "text_encoder/config.json", vocab_size=100),
        "don't fit their config",
    ),
    (
        lambda at: edit_weights(at / UNET, lambda them: them.pop("conv_in.weight")),
        r"1 missing \(such as conv_in.weight\) and 0 unexpected",
    ),
    (
        lambda at: edit_weights(at / UNET, lambda them: them.update(extra=torch.ones(1))),
        r"0 missing and 1 unexpected \(such as extra\)",
    ),
    (
        lambda at: edit_weights(
            at / UNET,
            lambda them: them.pop(next(name for name in them if "1.pos_encoder" in name)),
        ),
        "1 missing",
    ),
    (
        lambda at: edit_weights(
            at / UNET, lambda them: them.update({"conv_in.bias": torch.zeros(7)})
        ),
        "conv_in.bias is 7 where 32 is wanted",
    ),
    (
        lambda at: edit_weights(at / TEXT, lambda them: them.pop("text_projection.weight")),
        r"1 missing \(such as text_projection.weight\)",
    ),
    (lambda at: edit_json(at / "vae/config.json", _class_name=["x"]), "only AutoencoderKL,"),
    (
        lambda at: edit_json(at / "vae/config.json", scaling_factor="x"),
        "doesn't describe a network",
    ),
    (
        lambda at: edit_json(at / "vae/config.json", scaling_factor=None),
        "doesn't describe a network",
    ),
    (
        lambda at: edit_json(at / "vae/config.json", latents_mean=[1], latents_std="a"),
        "doesn't describe a network",
    ),
    (
        lambda at: edit_json(at / "unet/config.json", down_block_types=7),
        "block_types are missing",
    ),
    (
        lambda at: edit_json(at / "unet/config.json", down_block_types=[["a"]]),
        "isn't a Hotshot",
    ),
    (lambda at: (at / "unet/config.json").write_text("[" * 10**6), "can't be read"),
    (
        lambda at: shutil.copy(at / "vae/diffusion_pytorch_model.safetensors", at / UNET),
        "missing .* and .* unexpected",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "says"), SPOILED, ids=[says for _, says in SPOILED])
def test_a_bad_directory_is_one_sentence(
    copy_of_tiny: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(copy_of_tiny)
    with pytest.raises(ModelError, match=says) as caught:
        load(copy_of_tiny)
    assert str(copy_of_tiny) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_parts_of_different_models(copy_of_tiny: Path) -> None:
    config = json.loads((copy_of_tiny / "text_encoder/config.json").read_text(encoding="utf-8"))
    wider = CLIPTextModel(CLIPTextConfig(**(config | {"hidden_size": 64})))
    wider.save_pretrained(copy_of_tiny / "text_encoder")
    with pytest.raises(ModelError, match="text encoders' width is 96 where the UNet wants 64"):
        load(copy_of_tiny)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model directory"):
        load(tmp_path / "nowhere")


def test_a_tokenizer_of_another_model(copy_of_tiny: Path) -> None:
    vocabulary = copy_of_tiny / "tokenizer/vocab.json"
    edit_json(vocabulary, **{f"word{index}": 1000 + index for index in range(600)})
    with pytest.raises(ModelError, match="they belong to different models"):
        load(copy_of_tiny)


# -- what can --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_weights_in_shards(copy_of_tiny: Path, tiny: HotshotModel) -> None:
    tensors = load_file(copy_of_tiny / UNET)
    names = sorted(tensors)
    shards = {"a.safetensors": names[:500], "b.safetensors": names[500:]}
    for shard, held in shards.items():
        save_file({name: tensors[name] for name in held}, copy_of_tiny / "unet" / shard)
    (copy_of_tiny / UNET).unlink()
    places = {name: shard for shard, held in shards.items() for name in held}
    index = copy_of_tiny / "unet/diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    assert same_frames(load(copy_of_tiny), tiny)

    (copy_of_tiny / "unet/b.safetensors").unlink()
    with pytest.raises(ModelError, match=r"unet/b\.safetensors, a shard of .* is missing"):
        load(copy_of_tiny)


def test_weights_of_the_fp16_variant(copy_of_tiny: Path, tiny: HotshotModel) -> None:
    for path in list(copy_of_tiny.glob("*/*.safetensors")):
        path.rename(path.with_suffix(".fp16.safetensors"))
    assert same_frames(load(copy_of_tiny), tiny)


def test_without_a_model_index_the_negative_prompt_is_zeros(copy_of_tiny: Path) -> None:
    edit_json(copy_of_tiny / "model_index.json", force_zeros_for_empty_prompt=False)
    assert not load(copy_of_tiny).text.force_zeros_for_empty_prompt
    (copy_of_tiny / "model_index.json").unlink()
    assert load(copy_of_tiny).text.force_zeros_for_empty_prompt


@pytest.mark.slow
@pytest.mark.parametrize("scaling_factor", [1.0, 0.5])
def test_a_tiny_autoencoder_with_its_own_scaling(copy_of_tiny: Path, scaling_factor: float) -> None:
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
        scaling_factor=scaling_factor,
    ).eval()
    shutil.rmtree(copy_of_tiny / "vae")
    vae.save_pretrained(copy_of_tiny / "vae")
    pipeline = HotshotPipeline(load(copy_of_tiny))
    latents = torch.randn(1, 4, 2, 8, 8)
    with torch.inference_mode():
        ours = torch.cat([*decode(pipeline.model, latents, silent)])
        theirs = vae.decode(latents[0].transpose(0, 1) / scaling_factor).sample
    torch.testing.assert_close(ours, theirs)
    assert pipeline(QUICK, report=silent).shape == (2, 64, 64, 3)


def test_a_network_made_here_is_saved_and_loaded_as_published(
    copy_of_tiny: Path, tiny: HotshotModel
) -> None:
    torch.manual_seed(3)
    made = HotshotUNet(tiny.unet.published_config)
    published = set(load_file(copy_of_tiny / UNET))
    save_file(made.published_state_dict(), copy_of_tiny / UNET)
    config = json.dumps(made.published_config)
    (copy_of_tiny / "unet/config.json").write_text(config, encoding="utf-8")
    assert set(load_file(copy_of_tiny / UNET)) == published
    loaded = load(copy_of_tiny).unet.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in made.state_dict().items())


# -- a spatial base --------------------------------------------------------------------------------


def test_a_base_that_is_no_sdxl(copy_of_tiny: Path) -> None:
    model = shutil.copytree(copy_of_tiny, copy_of_tiny.parent / "base")
    edit_json(model / "unet/config.json", _class_name="Kandinsky3UNet")
    with pytest.raises(ModelError, match="a Kandinsky3UNet; give a Stable Diffusion XL"):
        load(copy_of_tiny, spatial_unet_base=str(model))


def test_a_base_for_inpainting_has_too_many_channels(copy_of_tiny: Path) -> None:
    base = shutil.copytree(copy_of_tiny, copy_of_tiny.parent / "base")
    edit_weights(base / UNET, lambda them: them.update({"conv_in.weight": torch.ones(32, 9, 3, 3)}))
    with pytest.raises(ModelError, match=r"conv_in\.weight is 32 x 9 x 3 x 3 where 32 x 4 x 3 x 3"):
        load(copy_of_tiny, spatial_unet_base=str(base))


def test_a_base_that_is_not_there(copy_of_tiny: Path) -> None:
    with pytest.raises(ModelError, match=r"no model directory at \./nowhere"):
        load(copy_of_tiny, spatial_unet_base="./nowhere")


def test_the_base_gives_no_temporal_layers(copy_of_tiny: Path, tiny: HotshotModel) -> None:
    """Another Hotshot-XL as base: its own temporal layers are left aside."""
    base = shutil.copytree(copy_of_tiny, copy_of_tiny.parent / "base")

    def zero_all(tensors: dict[str, torch.Tensor]) -> None:
        for value in tensors.values():
            value.zero_()

    edit_weights(base / UNET, zero_all)
    loaded = load(copy_of_tiny, spatial_unet_base=str(base)).unet
    assert not any(value.any() for value in loaded.spatial_parameters())
    pairs = zip(loaded.temporal_parameters(), tiny.unet.temporal_parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
