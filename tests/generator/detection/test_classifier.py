"""A classifier of transformers as a detector: what it sees, and what is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from generator.contract.errors import MissingExtraError, ModelError
from generator.detection.classifier import Classifier
from generator.detection.detector import load_detector
from tests.generator.detection.red_model import make_red_model


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_red_model(tmp_path_factory.mktemp("red"))


def clip(*colours: tuple[int, int, int]) -> np.ndarray:
    frames = np.zeros((len(colours), 48, 80, 3), np.uint8)
    for frame, colour in zip(frames, colours, strict=True):
        frame[10:30, 20:40] = colour
    return frames


RED, BLUE = (230, 20, 20), (20, 20, 230)


def test_one_frame_of_many_is_enough(red: Path) -> None:
    detector = load_detector(str(red))
    assert tuple(detector.classes) == ("other", "red")
    assert detector.look(clip(*[BLUE] * 9))["red"] < 0.01
    assert detector.look(clip(*[BLUE] * 8, RED))["red"] > 0.99
    assert detector.look(clip(RED))["other"] < 0.01


def test_scores_of_labels_by_themselves_need_not_add_up(red: Path) -> None:
    detector = Classifier.load(str(red))
    detector.model.config.problem_type = "multi_label_classification"
    assert detector.look(clip(RED)) == {"other": 0.5, "red": pytest.approx(1.0, abs=1e-3)}


def test_scores_that_are_no_numbers_are_none(red: Path) -> None:
    detector = Classifier.load(str(red))
    with torch.no_grad():
        detector.model.classifier[1].bias[0] = float("nan")
    with pytest.raises(FloatingPointError):
        detector.look(clip(BLUE))


def test_what_is_no_detector_is_refused_in_a_sentence(red: Path, tmp_path: Path) -> None:
    untrained = make_red_model(tmp_path / "untrained", is_trained=False)
    text = tmp_path / "detector.txt"
    text.write_text("this is no model")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in red.iterdir():
        cut = len(file.read_bytes()) // (2 if file.suffix == ".safetensors" else 1)
        (damaged / file.name).write_bytes(file.read_bytes()[:cut])
    for model, reason in (
        (untrained, "no trained classes"),
        (text, "detector.txt"),
        (damaged, "damaged"),
        (tmp_path, "config.json"),
        (tmp_path / "nothing", "nothing of that name"),
        ("nowhere", "nothing of that name"),
        ("owner/name/file.bin", "nothing of that name"),
    ):
        with pytest.raises(ModelError, match="image-classification model") as refused:
            load_detector(str(model))
        assert reason in str(refused.value), model


def test_nudenet_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generator.contract.extras.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r'pip install "hotshot-bot\[nudenet\]"'):
        load_detector("nudenet")
