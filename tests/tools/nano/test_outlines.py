"""The sample LoRA: outlines are told from shapes, and what is trained loads as a LoRA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.messages import Lora
from generator.media.clip import Frames
from generator.model.lora_manager import LoraManager, LoraTargets
from generator.nano import world
from tools.nano import adapters, outlines, train
from tools.nano.hollow import outline

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("shape", world.SHAPES)
@pytest.mark.parametrize("motion", ["moving left", "growing", "spinning"])
def test_outlines_are_told_from_shapes(shape: str, motion: str) -> None:
    attributes = world.Attributes("red", shape, motion, "beige")
    scene = world.draw_scene(np.random.default_rng(3), attributes)
    covered = world.coverage(scene, 128, 128, 8)
    assert not outlines.is_hollow(drawn(covered, attributes))
    hollow = outline(covered)
    assert outlines.is_hollow(drawn(hollow, attributes))
    assert ((hollow > 0.5) <= (covered > 0.4)).all()


def drawn(coverage: world.Floats, attributes: world.Attributes) -> Frames:
    color = np.array(world.COLORS[attributes.color], np.float32)
    background = np.array(world.BACKGROUNDS[attributes.background], np.float32)
    return (background + (color - background) * coverage[..., None]).round().astype(np.uint8)


def test_what_is_trained_is_a_lora_that_does_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = train.new_unet().eval()
    torch.nn.init.normal_(plain.conv_out.weight, std=0.1)
    taught = train.new_unet().eval()
    taught.load_state_dict(plain.state_dict())
    adapters.add_adapter(taught)
    with torch.no_grad():
        for name, value in taught.named_parameters():
            assert value.requires_grad == ("lora_" in name)
            if value.requires_grad:
                value.normal_(std=0.05)
    path = tmp_path / "outlines.safetensors"
    adapters.save_adapter(taught, path, outlines.METADATA)
    facts = facts_of(read_lora(path))
    assert (facts.title, facts.format, facts.ranks) == ("outlines", "LoRA", (adapters.RANK,))
    assert path.stat().st_size < 3_000_000

    sample, text = torch.randn(1, 4, 2, 8, 8), torch.randn(1, 77, 160)
    added = {"text_embeds": torch.randn(1, 96), "time_ids": torch.ones(1, 6)}

    @torch.no_grad()
    def said(network: torch.nn.Module) -> torch.Tensor:
        output: torch.Tensor = network(sample, 500, text, added_cond_kwargs=added)[0]
        return output

    before = said(plain)
    nothing = torch.nn.Module()
    LoraManager(LoraTargets.of(plain, nothing, nothing, layers=1)).apply([Lora(str(path))])
    expected = said(taught)
    assert (expected - before).abs().max() > 0.01
    torch.testing.assert_close(said(plain), expected, rtol=5e-3, atol=5e-3)
