"""The measurements for a card, tried at their mini size on a CPU."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.gpu.gif import CASES, load, measure_gifs
from benchmarks.gpu.make_model import make_model, unet_shapes
from benchmarks.gpu.step import (
    StepPlan,
    compare_with_original,
    difference_from_f32,
    measure_decoding,
    measure_step,
)
from benchmarks.gpu.table import rows
from tools.nano import text


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "mini"
    with pytest.MonkeyPatch.context() as patch:  # the usual vocabulary is learnt for seconds
        patch.setattr(text, "READ", 2000)
        patch.setattr(text, "MERGES", 300)
        make_model(directory, "mini")
    return directory


def test_the_full_size_is_the_published_one() -> None:
    shapes = unet_shapes("full")
    assert len(shapes) == 2100
    assert sum(shape.numel() for shape in shapes.values()) == pytest.approx(2.8e9, rel=0.01)


@pytest.mark.parametrize("variant", ["hotshot", "channels-last", "fused", "plain"])
def test_a_step(mini: Path, variant: str) -> None:
    plan = StepPlan(mini, variant, frames=2, size=64, repeats=1)
    figures = measure_step(plan, is_profiled=True)
    assert figures["step_ms"] > 0
    assert figures["tflop"] >= 0


def test_other_precisions_are_near(mini: Path) -> None:
    exact = StepPlan(mini, frames=2, size=64)
    assert difference_from_f32(exact) == 0
    assert 0 < difference_from_f32(StepPlan(mini, precision="bf16", frames=2, size=64)) < 0.1


def test_products_in_fp8(mini: Path) -> None:
    pytest.importorskip("torchao")
    assert 0 < difference_from_f32(StepPlan(mini, precision="fp8", frames=2, size=64)) < 0.3


def test_beside_the_original(mini: Path) -> None:
    figures = compare_with_original(StepPlan(mini, frames=2, size=64))
    assert figures["difference"] < 1e-5
    drawn = StepPlan(Path("mini"), precision="f16", frames=1, size=64)  # as the table asks
    assert compare_with_original(drawn)["difference"] < 0.01


def test_decoding(mini: Path) -> None:
    figures = measure_decoding(StepPlan(mini, frames=2, size=16))
    assert len(figures) == 4


def test_every_row_that_the_documentation_calls_open_is_there(tmp_path: Path) -> None:
    there = {row.name for row in rows(tmp_path / "model", "full", tmp_path)}
    text = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text(encoding="utf-8")
    table = text.partition("| what | `--row` |")[2].partition("\n\n")[0]
    called = set(re.findall(r"\| `\"?([^`\"]+)\"?` \|$", table, re.MULTILINE))
    assert len(called) >= 7
    assert called <= there


def test_gifs_by_stage(mini: Path) -> None:
    engine, loaded = load(mini)
    assert loaded["dtype"] == "float32"
    cases = [case for case in CASES if case != "huge"]  # which is long and large at once
    for figures in measure_gifs(engine, cases, size=64, steps=2):
        assert "error" not in figures, figures
        assert {"denoise", "decode", "file"} <= figures["stages_s"].keys()
        assert sum(figures["stages_s"].values()) == pytest.approx(figures["total_s"], abs=0.1)
