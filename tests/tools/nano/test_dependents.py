"""What hangs on nano's weights: checks are run in order, once, each in its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.contract.limits import NANO_DIRECTORY
from tools.nano import bars, dependents
from tools.nano.dependents import Check


def test_checks_are_done_once_and_a_failed_one_is_tried_again(tmp_path: Path) -> None:
    works = Check("works", "", 5, ("platform",))
    fails = Check("fails", "", 5, ("json.tool", "{output}/nothing.json"))
    slow = Check("slow", "", 0, ("platform",))
    for said in ("done, 0 of 5 minutes", "done before"):
        lines = list(dependents.run([works, fails, slow], NANO_DIRECTORY, tmp_path))
        assert lines[0] == f"works: {said}"
        assert lines[1].startswith("fails: failed with status")
        assert lines[2].startswith("slow: ran out of its time")
    assert (tmp_path / "works.txt").read_text().strip()


def test_every_check_is_a_program_that_can_be_asked(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    for check in dependents.CHECKS:
        _, _, module, *words = check.words(NANO_DIRECTORY, tmp_path)
        assert (root / module.replace(".", "/")).with_suffix(".py").is_file()
        assert any(str(NANO_DIRECTORY) in word for word in words)


@pytest.mark.slow
def test_bars_are_measured_from_pixels(tmp_path: Path) -> None:
    found = bars.measure(
        str(NANO_DIRECTORY), 1, ["spinning"], tmp_path, {"steps": 1, "width": 64, "height": 64}
    )
    assert set(found["spinning"]) == {"shape in every frame"}
    assert (tmp_path / "spinning.png").is_file()
    assert (tmp_path / "bars.json").is_file()
