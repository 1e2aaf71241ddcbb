"""Low memory: the same frames, decoded one by one; on a device, only what computes is there."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from generator.contract.messages import Control, Lora
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.decoding import decode
from generator.model.block_stream import BlockStream
from generator.model.loading import HotshotModel, load_model
from generator.model.offload import Offloader, blocks_of
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_controlnet import CONTROLNET, shown
from tests.generator.model.test_lora_manager import KOHYA
from tests.generator.model.test_unet import conditioning
from tests.generator.reference import CPU, TINY, silent


@pytest.fixture(scope="module")
def low() -> HotshotModel:
    return load_model(str(TINY), device=CPU, dtype=torch.float32, low_vram=True)


@pytest.mark.slow
def test_the_same_frames_with_loras_and_controlnets_too(
    tiny: HotshotModel, low: HotshotModel
) -> None:
    request = replace(
        QUICK,
        video_length=3,
        guidance_scale=3.0,
        loras=(Lora(str(KOHYA)),),
        controls=(Control(str(CONTROLNET)),),
        control_source="a",
    )
    pictures = [shown(request=request)]
    heard: list[tuple[str, int, int]] = []
    exact, made = (
        HotshotPipeline(model)(
            request,
            report=lambda stage, step, steps: heard.append((stage, step, steps)),
            condition_images=pictures,
        )
        for model in (tiny, low)
    )
    tiny.loras.remove()
    assert np.abs(exact.astype(int) - made.astype(int)).max() <= 1
    assert [step for step in heard if step[0] == "decode"][-3:] == [
        ("decode", 1, 3),
        ("decode", 2, 3),
        ("decode", 3, 3),
    ]


def test_a_large_picture_is_decoded_in_tiles(low: HotshotModel) -> None:
    seen: list[int] = []
    watch = low.vae.decoder.register_forward_hook(
        lambda _module, given, _output: seen.append(given[0].shape[-1])
    )
    try:
        with torch.inference_mode():
            decoded = torch.cat([*decode(low, torch.zeros(1, 4, 1, 24, 24), silent)])
    finally:
        watch.remove()
    assert decoded.shape == (1, 3, 192, 192)
    assert len(seen) > 1
    assert max(seen) <= low.vae.tile_latent_min_size < 24


def test_only_what_computes_is_on_the_device() -> None:
    """No accelerator is needed to see where networks go: meta is a device as well."""
    meta = torch.device("meta")
    offloader = Offloader(meta, low_vram=True)
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    for network in (first, second):
        offloader.place(network)
    assert {first.weight.device, second.weight.device} == {CPU}
    first(torch.ones(1, 2))
    assert (first.weight.device, second.weight.device) == (meta, CPU)


@pytest.mark.slow
def test_the_unet_comes_block_by_block(tiny: HotshotModel) -> None:
    """Here the device is this memory too: what counts is what it would hold."""
    network, frames = copy.deepcopy(tiny.unet), torch.randn(2, 4, 3, 8, 8)
    stream = BlockStream.of(network, list(blocks_of(network)), CPU)
    whole = sum(one.numel() * one.element_size() for one in network.parameters())
    assert stream.resident_bytes < 0.35 * whole
    told = conditioning(2)
    with torch.inference_mode():
        for sample in (frames, frames[:, :, :1], frames):  # one frame skips some blocks
            for _ in range(2):  # the second time, it is known which comes next
                exact = tiny.unet(sample, 501, **told).sample
                assert torch.equal(network(sample, 501, **told).sample, exact)
        network.get_parameter("down_blocks.0.resnets.0.conv1.weight").mul_(2)
        stream.rest()
        changed = network(frames, 501, **told).sample
        stream.remove()
        assert torch.equal(network(frames, 501, **told).sample, changed)
    assert not torch.equal(changed, exact)


def test_where_networks_are_loaded() -> None:
    cuda = torch.device("cuda")
    assert Offloader(cuda).initial_device == cuda
    assert Offloader(cuda, low_vram=True).initial_device == CPU
    assert not Offloader(CPU, low_vram=True).is_enabled


def test_rest_clears_the_device_and_leaves_a_roomy_one_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moved: list[torch.device] = []
    network = torch.nn.Linear(2, 2)
    monkeypatch.setattr(network, "to", moved.append)
    Offloader(torch.device("cuda")).offload([network])
    assert moved == []
    Offloader(torch.device("cuda"), low_vram=True).offload([network])
    assert moved == [CPU]
