"""``--json``: one object for programs, whatever there is to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import main


class Command:
    """``hotshot-bot`` with a config of its own, and no bot that runs."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = directory / "config.toml"
        self.file.write_text(f'[storage]\ndata_dir = "{directory / "data"}"\n', encoding="utf-8")
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, Any]:
        code = main([*words, "--json", "--config", str(self.file)])
        return code, json.loads(self._capsys.readouterr().out)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


def test_the_status_of_no_bot(command: Command) -> None:
    code, said = command("status")
    assert (code, said["process"], said["workers"], said["seen"]) == (3, None, [], None)
    assert set(said["jobs"].values()) == {0}


def test_a_doctor_who_finds_no_config(command: Command) -> None:
    command.file.unlink()
    code, said = command("doctor")
    assert (code, said["is_healthy"]) == (1, False)
    assert [each["verdict"] for each in said["findings"]] == ["ok", "fix"]


@pytest.mark.parametrize("words", [("status",), ("pause", "nano"), ("announce", "soon")])
def test_what_nobody_is_there_to_do(command: Command, words: tuple[str, ...]) -> None:
    code, said = command("owner", *words)
    assert code == 3
    assert said["error"].startswith("No bot takes commands at ")
