"""The hooks before a commit run what `make lint`, and with it CI, runs: no more and no less."""

from __future__ import annotations

from typing import Any

import yaml

from tests.installations import ROOT, run


def hooks() -> list[dict[str, Any]]:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    [repository] = yaml.safe_load(text)["repos"]
    assert repository["repo"] == "local"  # nothing is fetched
    found: list[dict[str, Any]] = repository["hooks"]
    return found


def test_the_commands_are_those_of_make_lint() -> None:
    # as if the environment were there already
    printed = run(["make", "--dry-run", "--assume-old=.venv/ready", "lint"], ROOT)
    lines = [line for line in printed.splitlines() if line.startswith(".venv/bin/")]
    assert [hook["entry"] for hook in hooks()] == lines
    assert len(lines) == 4


def test_each_looks_at_the_whole_tree_with_the_environment_s_programs() -> None:
    for hook in hooks():
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False
        assert hook["types_or"] == ["python", "toml"]
