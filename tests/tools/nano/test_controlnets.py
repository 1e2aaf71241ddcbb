"""nano's ControlNets: sources are what they say, and training moves the ControlNet alone."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import ControlNetModel

from generator.contract.limits import NANO_DIRECTORY
from generator.model.controlnet_loading import load_controlnet
from generator.model.unet import HotshotUNet
from generator.nano import captions, world
from tools.nano import clips, controlnets, growth, source_paths, train
from tools.nano.drawn_sources import Sources, draw_sources
from tools.nano.evaluate_control import cases, overlap
from tools.nano.geometries import Bucket
from tools.nano.gifs import object_mask
from tools.nano.step_inputs import RandomInputs

pytestmark = pytest.mark.slow

BUCKET = Bucket(4, 64, 96)


def _loss(network: HotshotUNet, controlnet: ControlNetModel, kind: str) -> controlnets.ControlLoss:
    """Return the loss over a few captions and sources."""
    rng = np.random.default_rng(0)
    drawn = [captions.draw_caption(rng) for _ in range(20)]
    pool = clips.CaptionPool(
        [attributes for _, attributes, _ in drawn],
        [said for _, _, said in drawn],
        torch.randn(20, 77, 160).half(),
        torch.randn(20, 96).half(),
        torch.zeros(77, 160).half(),
        torch.zeros(96).half(),
    ).of_one_object()
    tables = clips.ClipTables(pool, 0, torch.device("cpu"))
    parts: list[Future[Sources]] = []
    for shape in world.SHAPES:
        parts.append(Future())
        parts[-1].set_result(draw_sources(kind, BUCKET, shape, 1))
    return controlnets.ControlLoss(controlnet, network, tables, {BUCKET: parts}, {BUCKET: 1.0})


@pytest.mark.parametrize("kind", source_paths.ANNOTATORS)
def test_pictures_show_where_the_object_is(kind: str) -> None:
    for index in range(8):
        rng = np.random.default_rng(index)
        covered = source_paths.draw_coverage(rng, world.SHAPES[index % 4], (128, 128), 4)
        seen = source_paths.ANNOTATORS[kind](rng, covered)
        assert seen.shape == (4, 128, 128, 3)
        assert seen.dtype == np.uint8
        bright = seen[..., 0] > seen.max() * 0.7
        if kind == "canny":  # edges run along the boundary
            near = np.abs(covered - 0.5) < 0.5
            assert bright.any()
            assert (bright & ~_grown(near)).mean() < 0.001
        else:
            assert overlap(bright, covered > 0.5) > 0.6


def _grown(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, ((0, 0), (2, 2), (2, 2)))
    height, width = mask.shape[1:]
    windows = [
        padded[:, top : top + height, left : left + width] for top in range(5) for left in range(5)
    ]
    return np.asarray(np.any(windows, axis=0))


def test_the_object_stays_in_the_picture() -> None:
    for index in range(20):
        for draw in (source_paths.draw_curve, source_paths.draw_unseen):
            rng = np.random.default_rng(index)
            covered = source_paths.draw_coverage(rng, world.SHAPES[index % 4], (96, 64), 8, draw)
            assert (covered.sum((1, 2)) > 40).all()
            assert covered.max() <= 1


def _inputs(loss: controlnets.ControlLoss) -> RandomInputs:
    inputs = loss.make_inputs(BUCKET)
    inputs.fill(torch.Generator().manual_seed(0))
    return inputs


def test_an_untrained_one_changes_nothing_and_training_moves_it_alone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = train.new_unet().requires_grad_(requires_grad=False)
    torch.nn.init.normal_(network.conv_out.weight, std=0.1)
    controlnet = controlnets.build(network)
    first, second = (
        controlnet.down_blocks.state_dict(),
        {name.removeprefix("down_blocks."): value for name, value in network.state_dict().items()},
    )
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    control_loss = _loss(network, controlnet, "canny")
    inputs = _inputs(control_loss)
    pictures = control_loss.pictures(BUCKET, inputs.even)
    assert pictures.shape == (len(inputs.even), 4, 3, 96, 64)
    assert 0 <= pictures.min() < pictures.max() <= 1
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(controlnet.parameters(), 1e-3)
    losses = []
    for _ in range(4):
        loss = control_loss(BUCKET, inputs)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    controlnets.save(controlnet, tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 7_500_000  # two in 15 MB
    assert json.loads((tmp_path / "config.json").read_text())["_class_name"] == "ControlNetModel"
    loaded = load_controlnet(tmp_path, network.published_config, dtype=torch.float32)
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, controlnet.state_dict()[name].half().float())


def test_training_goes_on_from_those_of_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.nano.finished_model.CAPTIONS", 16)
    monkeypatch.setattr(controlnets, "LATENTS_IN_A_STEP", 48)
    monkeypatch.setattr(controlnets, "buckets", lambda _: {Bucket(1, 32, 32): 1.0})
    base = growth.keep_base(NANO_DIRECTORY, tmp_path / "runs")
    shutil.copytree(base, tmp_path / "model", ignore=shutil.ignore_patterns("controlnet"))
    lengths = dict.fromkeys(source_paths.ANNOTATORS, 1)
    with ThreadPoolExecutor(1) as executor:
        drawings = controlnets.Drawings.submit(executor, lengths, 32, variants=1)
        controlnets.train(tmp_path / "model", tmp_path / "runs", lengths, drawings, base=base)
    for kind in lengths:
        before, after = (growth.load_controlnet(at, kind) for at in (base, tmp_path / "model"))
        assert before is not None
        assert after is not None
        learnt = after.state_dict()
        for name, value in before.state_dict().items():
            # a step is short, and a new one begins with zeros here
            if name.startswith("controlnet_"):
                assert (learnt[name] - value).norm() < 0.2 * value.norm(), name
    assert growth.load_controlnet(tmp_path, "canny") is None


def test_what_is_measured_is_what_was_drawn() -> None:
    for case in cases("canny", 4, 128):
        color = np.array(world.COLORS[case.attributes.color], np.float32)
        background = np.array(world.BACKGROUNDS[case.attributes.background], np.float32)
        frames = background + (color - background) * case.coverage[..., None]
        assert overlap(object_mask(frames.round().astype(np.uint8)), case.coverage > 0.5) > 0.9
        assert case.attributes.color in case.prompt
