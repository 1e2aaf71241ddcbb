"""The report about the house: a small tree whose figures are known, and one real delivery."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.delivery_path import DeliveryPath, follow
from tools.house_report import ROOT, HouseReport

LOOP = """
def {name}(values):
    total = 0
    for each in values:
        if each:
            total += each.{attribute}
    return total
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "bot/__init__.py": "",
        "bot/jobs/__init__.py": "",
        "bot/jobs/service.py": "from bot.ui import text\n" + LOOP.format(name="a", attribute="x"),
        "bot/jobs/model.py": "",
        "bot/ui/__init__.py": "",
        "bot/ui/text.py": "from bot.jobs.model import Job\n",
        "bot/ui/long.py": "\n" * 401,
        "generator/__init__.py": "",
        "generator/limits.py": LOOP.format(name="b", attribute="x"),
        "tests/test_all.py": "def test_one():\n    pass\n\nasync def test_two():\n    pass\n",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path


def test_a_tree_is_counted(tree: Path) -> None:
    report = HouseReport.of(tree, with_delivery=False)
    assert report.rooms == {"bot.jobs": 2, "bot.ui": 2, "generator": 1}
    assert report.two_way() == report.two_way(depth=2) == [("bot.jobs", "bot.ui")]
    assert report.long_files == ["bot/ui/long.py (401)"]
    assert report.short_files == [
        "bot/jobs/model.py (0), for bot/ui/text.py",
        "bot/ui/text.py (1), for bot/jobs/service.py",
    ]
    assert report.duplicates == [("bot/jobs/service.py:a", "generator/limits.py:b")]
    assert report.tests == 2


def test_a_return_is_a_file_entered_again() -> None:
    path = DeliveryPath.through(["a/1", "a/2", "a/2", "a/1", "b/3", "a/2"])
    assert (path.file_count, path.return_count) == (3, 2)
    assert path.among(["a/"]).steps == ("a/1", "a/2", "a/1", "a/2")


def test_a_delivery_is_followed() -> None:
    path = follow(ROOT)
    assert path.steps[0] == path.steps[-1] == "bot/jobs/outcome_handler.py"
    assert {"bot/jobs/completion.py", "bot/storage/database.py"} < set(path.steps)
