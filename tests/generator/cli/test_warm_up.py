"""``hotshot warm-up`` computes a step of each kind of clip; compiling itself is inductor's."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.__main__ import main
from generator.model.fused import compilation
from generator.model.fused.network import Functions
from tests.generator.reference import TINY


@pytest.mark.slow
def test_it_makes_a_step_of_each_kind_of_clip(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    asked: list[int] = []

    def functions() -> Functions:
        asked.append(1)
        return Functions()

    monkeypatch.setattr(compilation, "_compiled", functions)
    line = ["warm-up", "--pretrained-path", str(TINY), "--device", "cpu"]
    assert main([*line, "--width", "64", "--height", "64"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [one.partition(":")[0] for one in said[:3]] == ["one picture", "8 frames", "24 frames"]
    assert asked == [1]
    assert any((tmp_path / "hotshot" / "kernels").iterdir())
    assert main([*line, "--width", "7"]) == 2
