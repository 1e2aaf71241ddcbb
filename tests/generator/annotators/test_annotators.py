"""What a ControlNet is shown, looked at by its pixels; depth by a small model of random weights."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from generator.annotators.annotator import create_annotator, detect_canny_edges
from generator.annotators.contact_sheet import make_contact_sheet, write_preview
from generator.annotators.depth import DepthAnnotator
from generator.contract.control_types import ANNOTATORS, annotator_name, default_annotator
from generator.contract.errors import ModelError, RequestError
from tests.generator.annotators.depth_models import make_depth_model
from tests.generator.checkpoints.hub import serving
from tests.generator.checkpoints.unaligned import lie_well, unalign
from tests.generator.media.pictures import gradient, moving_ball, read_back
from tests.generator.sources.made import numbered

SOON = 30.0  # seconds on a busy machine; 0.5 on an idle one
WITHOUT_MODEL = [name for name in ANNOTATORS if name != "depth"]


@pytest.mark.parametrize("name", WITHOUT_MODEL)
def test_as_many_frames_of_the_same_size(name: str) -> None:
    frames = gradient(3, 40)[:, :, :33]
    seen = create_annotator(name)(frames)
    assert seen.shape == frames.shape
    assert seen.dtype == np.uint8


def test_none_leaves_everything() -> None:
    assert np.array_equal(create_annotator("none")(gradient()), gradient())


def test_canny_draws_the_outline_and_nothing_else() -> None:
    frames = moving_ball(4)
    edges = create_annotator("canny")(frames)
    assert set(np.unique(edges)) == {0, 255}
    for frame, edge in zip(frames, edges, strict=True):
        ball = (frame[..., 1] < 140).astype(np.uint8)
        rim = cv2.dilate(ball, np.ones((5, 5))) - cv2.erode(ball, np.ones((5, 5)))
        assert (edge[..., 0] > 0)[rim > 0].mean() > 0.1
        assert not (edge[..., 0] > 0)[rim == 0].any()


def test_lineart_finds_a_dark_line_and_not_an_area() -> None:
    frames = np.full((2, 64, 64, 3), 230, np.uint8)
    frames[:, 20] = 30
    frames[:, 40:] = 30
    lines = create_annotator("lineart")(frames)[0, :, 32, 0]
    assert lines[20] == 255
    assert lines[5] == 0
    assert lines[55] == 0


def test_gray_is_brightness_and_tile_has_no_details() -> None:
    frames = moving_ball(2)
    gray = create_annotator("gray")(frames)
    assert np.array_equal(gray[..., 0], gray[..., 2])
    assert abs(gray.mean() - cv2.cvtColor(frames[0], cv2.COLOR_RGB2GRAY).mean()) < 2
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    smooth = create_annotator("tile")(np.repeat(checks[None, ..., None], 3, axis=-1))
    assert smooth.std() < 2
    assert smooth.mean() == pytest.approx(127.5, abs=2)


def test_names() -> None:
    assert annotator_name("Canny") == "canny"
    with pytest.raises(RequestError, match="no annotator 'pose'; choose one of none, canny"):
        create_annotator("pose")
    assert default_annotator("canny") == "canny"
    assert default_annotator("diffusers/controlnet-depth-sdxl-1.0") == "depth"
    assert default_annotator("/models/mine") == "none"


# -- depth -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def depth_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_depth_model(tmp_path_factory.mktemp("depth"))


def test_depth_has_one_scale_for_the_whole_clip(depth_model: Path) -> None:
    frames = np.concatenate([gradient(3, 80), numbered(1, 80, 80)])
    seen = create_annotator("depth", depth_model=str(depth_model))(frames)
    assert seen.shape == frames.shape
    assert seen.dtype == np.uint8
    assert np.array_equal(seen[..., 0], seen[..., 1])
    assert (seen.min(), seen.max()) == (0, 255)
    spreads = [int(frame.max()) - int(frame.min()) for frame in seen]
    assert min(spreads) < 255  # a scale for each frame would make them all 255


def test_depth_agrees_with_the_model_called_by_hand(depth_model: Path) -> None:
    frames = gradient(2, 70)
    seen = create_annotator("depth", depth_model=str(depth_model))(frames).astype(float)
    model = transformers.DepthAnythingForDepthEstimation.from_pretrained(depth_model).eval()
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255 * 2 - 1
    with torch.inference_mode():
        depth = model(pixels).predicted_depth.numpy()
    scaled = (depth - depth.min()) / (depth.max() - depth.min()) * 255
    assert np.abs(seen[..., 0] - scaled).max() <= 1


def test_metres_are_turned_round(depth_model: Path) -> None:
    near = create_annotator("depth", depth_model=str(depth_model))
    far = create_annotator("depth", depth_model=str(depth_model))
    far.model.config.depth_estimation_type = "metric"  # type: ignore[attr-defined]  # a loaded one
    frames = gradient(1, 70)
    first, second = near(frames)[0, ..., 0].ravel(), far(frames)[0, ..., 0].ravel()
    assert np.corrcoef(first.argsort().argsort(), second.argsort().argsort())[0, 1] < 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/no/such/model", "There is no depth model at"),
        ("nothing", "There is no depth model at"),
        ("empty", r"depth model .* can't be loaded"),
    ],
)
def test_no_depth_model_is_a_sentence(name: str, says: str, tmp_path: Path) -> None:
    place = str(tmp_path) if name == "empty" else name
    with pytest.raises(ModelError, match=says) as caught:
        create_annotator("depth", depth_model=place)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("empty_cache")
def test_a_depth_model_from_a_hub_and_from_one_that_is_gone(depth_model: Path) -> None:
    with serving("owner/depth", depth_model) as hub:
        fetched = create_annotator("depth", depth_model="owner/depth")
        assert "model.safetensors" in hub.downloaded
    frames = gradient(2, 70)
    assert np.array_equal(
        fetched(frames), create_annotator("depth", depth_model=str(depth_model))(frames)
    )
    began = time.monotonic()
    with pytest.raises(ModelError, match="other/depth can't be downloaded"):
        create_annotator("depth", depth_model="other/depth")
    assert time.monotonic() - began < SOON


def test_a_depth_model_s_weights_lie_well_wherever_in_its_file(
    depth_model: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(depth_model, tmp_path / "depth")
    unalign(copy)
    loaded = DepthAnnotator.load(str(copy), "cpu")
    assert lie_well([loaded.model])
    frames = gradient(2, 70)
    assert np.array_equal(loaded(frames), DepthAnnotator.load(str(depth_model), "cpu")(frames))


def test_a_pickle_is_not_loaded(depth_model: Path, tmp_path: Path) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((depth_model / name).read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="can't be loaded"):
        create_annotator("depth", depth_model=str(tmp_path))


def test_weights_that_are_cut_off(depth_model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(depth_model, tmp_path / "depth")
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="can't be loaded"):
        create_annotator("depth", depth_model=str(copy))


def test_torch_is_imported_for_depth_alone() -> None:
    script = (
        "import sys, numpy; from generator.annotators import annotator, contact_sheet\n"
        "from generator.sources import fetch, reader\n"
        "annotator.create_annotator('canny')(numpy.zeros((2, 16, 16, 3), numpy.uint8))\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


# -- preview ---------------------------------------------------------------------------------------


def test_a_preview_moves_and_a_jpg_is_a_sheet(tmp_path: Path) -> None:
    edges = detect_canny_edges(moving_ball(6))
    write_preview(edges, 900, tmp_path / "edges.png")
    seen = read_back((tmp_path / "edges.png").read_bytes())
    assert np.array_equal(seen.frames, edges)
    assert sum(seen.durations) == 900
    write_preview(edges, 900, tmp_path / "edges.jpg")
    with Image.open(tmp_path / "edges.jpg") as sheet:
        assert sheet.size == (4 * 132 + 4, 2 * 132 + 4)


def test_a_sheet_shows_every_frame_in_order() -> None:
    frames = numbered(5, 10, 6)
    sheet = make_contact_sheet(frames)
    corners = [(index // 4 * 10 + 4, index % 4 * 14 + 4) for index in range(5)]
    assert [int(sheet[top, left, 0]) for top, left in corners] == [0, 10, 20, 30, 40]
    assert make_contact_sheet(frames[:1]).shape == (14, 18, 3)
