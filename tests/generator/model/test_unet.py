"""The network computes what the original computed, and holds every tensor of the full size."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any

import pytest
import torch
from diffusers import UNetMotionModel
from torch import Tensor

from generator.checkpoints import unet_conversion
from generator.contract.errors import ModelError, RequestError
from generator.model.loading import HotshotModel
from generator.model.unet import HotshotUNet
from tests.generator.reference import REFERENCE, TINY, arguments, recorded

PUBLISHED_CONFIG = json.loads((TINY / "unet" / "config.json").read_text(encoding="utf-8"))


def told(values: dict[str, Tensor], case: int) -> dict[str, Any]:
    return {
        "encoder_hidden_states": values[f"{case}.encoder_hidden_states"],
        "added_cond_kwargs": {
            "text_embeds": values[f"{case}.text_embeds"],
            "time_ids": values[f"{case}.time_ids"],
        },
    }


def conditioning(batch: int) -> dict[str, Any]:
    values = recorded("unet_forward")
    return told({name: value[:1].repeat_interleave(batch, 0) for name, value in values.items()}, 0)


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("case", range(5))
def test_forward_is_the_original_s(tiny: HotshotModel, case: int) -> None:
    values = recorded("unet_forward")
    timestep = arguments(f"unet.{case}")["timestep"]
    with torch.inference_mode():
        predicted = tiny.unet(values[f"{case}.sample"], timestep, **told(values, case)).sample
    assert difference(predicted, values[f"{case}.output"]) < 1e-5


def test_channels_last_is_the_same_network(tiny: HotshotModel) -> None:
    values = recorded("unet_forward")
    network = copy.deepcopy(tiny.unet).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        predicted = network(values["0.sample"], 501, **told(values, 0)).sample
    assert difference(predicted, values["0.output"]) < 1e-5


def test_norms_of_the_plain_class_would_not_do() -> None:
    """With the same weights the two networks differ by far more than the tolerance above."""
    values = recorded("unet_forward")
    config = PUBLISHED_CONFIG | {"norm_num_groups": 32}
    torch.manual_seed(0)
    ours = HotshotUNet(config).eval()
    plain = UNetMotionModel(**unet_conversion.arguments(config)).eval()
    plain.load_state_dict(ours.state_dict())
    inputs = told(values, 0)
    texts = inputs.pop("encoder_hidden_states")
    with torch.inference_mode():
        here = ours(values["0.sample"], 501, texts, **inputs).sample
        there = plain(values["0.sample"], 501, texts.repeat_interleave(8, 0), **inputs).sample
    assert difference(here, there) > 0.01


@pytest.mark.slow
def test_all_tensors_of_the_full_size_find_their_place() -> None:
    with gzip.open(REFERENCE / "full_size_unet_keys.json.gz") as file:
        full_size = json.load(file)
    with torch.device("meta"):
        network = HotshotUNet(full_size["config"]).eval()
        predicted = network(
            torch.randn(2, 4, 8, 48, 84),
            torch.tensor(1),
            torch.randn(2, 77, 2048),
            added_cond_kwargs={"text_embeds": torch.randn(2, 1280), "time_ids": torch.ones(2, 6)},
        ).sample
    assert predicted.shape == (2, 4, 8, 48, 84)
    shapes = {name: list(value.shape) for name, value in network.published_state_dict().items()}
    assert len(shapes) == 2100
    assert shapes == full_size["tensors"]
    assert sum(value.numel() for value in network.parameters()) > 2_700_000_000
    assert 230_000_000 < sum(value.numel() for value in network.temporal_parameters()) < 240_000_000


def test_names_go_there_and_back(tiny: HotshotModel) -> None:
    published = tiny.unet.published_state_dict()
    back = unet_conversion.from_published(published)
    assert back.keys() == tiny.unet.state_dict().keys()
    again = unet_conversion.to_published(back)
    assert published.keys() == again.keys()
    assert all(torch.equal(value, published[name]) for name, value in again.items())


def test_temporal_and_spatial_parameters_are_the_whole(tiny: HotshotModel) -> None:
    temporal = list(tiny.unet.temporal_parameters())
    assert len(temporal) == 390
    assert sum(value.numel() for value in temporal) == 689_280
    spatial = list(tiny.unet.spatial_parameters())
    assert len(spatial) + len(temporal) == len(list(tiny.unet.parameters()))


def test_two_different_positional_tables_are_refused(tiny: HotshotModel) -> None:
    published = tiny.unet.published_state_dict()
    table = next(name for name in published if name.endswith("1.pos_encoder.positional_encoding"))
    published[table] = published[table] + 1
    with pytest.raises(ModelError, match="positional table"):
        unet_conversion.from_published(published)


def test_the_clips_of_a_batch_do_not_see_each_other(tiny: HotshotModel) -> None:
    values = recorded("unet_forward")
    both, alone = values["0.sample"], values["0.sample"][:1]
    first = {name: value[:1] for name, value in values.items()}
    with torch.inference_mode():
        together = tiny.unet(both, 501, **told(values, 0)).sample[:1]
        by_itself = tiny.unet(alone, 501, **told(first, 0)).sample
    assert difference(together, by_itself) < 1e-5


@pytest.mark.parametrize(("height", "width"), [(13, 11), (5, 18), (9, 9), (4, 30)])
def test_any_size_of_latents(tiny: HotshotModel, height: int, width: int) -> None:
    sample = torch.randn(1, 4, 3, height, width)
    with torch.inference_mode():
        predicted = tiny.unet(sample, 10, **conditioning(1)).sample
    assert predicted.shape == sample.shape
    assert predicted.isfinite().all()


def test_one_frame_skips_the_temporal_layers(tiny: HotshotModel) -> None:
    sample = torch.randn(1, 4, 1, 8, 8)
    changed = copy.deepcopy(tiny.unet)
    for value in changed.temporal_parameters():
        value.add_(1)
    with torch.inference_mode():
        before = tiny.unet(sample, 10, **conditioning(1)).sample
        after = changed(sample, 10, **conditioning(1)).sample
        two = changed(sample.expand(-1, -1, 2, -1, -1), 10, **conditioning(1)).sample
    assert torch.equal(before, after)
    assert difference(two[:, :, :1], before) > 0.01


def test_more_frames_than_the_table_has_is_one_sentence(tiny: HotshotModel) -> None:
    with pytest.raises(RequestError, match="from 1 to 24 frames at once, not 25"):
        tiny.unet(torch.randn(1, 4, 25, 8, 8), 10, **conditioning(1))


@pytest.mark.slow
def test_a_new_network_trains_in_bf16() -> None:
    network = HotshotUNet(PUBLISHED_CONFIG).train()
    sample = torch.randn(2, 4, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        predicted = network(sample, torch.tensor([3, 900]), **conditioning(2)).sample
    predicted.float().pow(2).mean().backward()
    gradients = [value.grad for value in network.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_new_temporal_layers_change_nothing() -> None:
    network = HotshotUNet(PUBLISHED_CONFIG).eval()
    still = torch.randn(1, 4, 1, 8, 8).expand(-1, -1, 6, -1, -1)
    with torch.inference_mode():
        clip = network(still, 10, **conditioning(1)).sample
        frame = network(still[:, :, :1], 10, **conditioning(1)).sample
    assert difference(clip, frame.expand_as(clip)) < 1e-5


@pytest.mark.slow
def test_low_precision_stays_near(tiny: HotshotModel) -> None:
    values = recorded("unet_forward")
    low = copy.deepcopy(tiny.unet).to(torch.bfloat16)
    inputs = told({name: value.bfloat16() for name, value in values.items()}, 0)
    with torch.inference_mode():
        predicted = low(values["0.sample"].bfloat16(), 501, **inputs).sample
    assert predicted.dtype == torch.bfloat16
    assert difference(predicted.float(), values["0.output"]) < 0.05


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]}, "DownBlock2D"),
        ({"up_block_types": None}, "up_block_types are missing"),
        ({"addition_embed_type": None}, "addition_embed_type = None"),
        ({"time_embedding_type": "fourier"}, "time_embedding_type = 'fourier'"),
        ({"class_embed_type": "timestep"}, "class_embed_type = 'timestep'"),
    ],
)
def test_a_config_of_another_architecture_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says):
        HotshotUNet(PUBLISHED_CONFIG | change)
