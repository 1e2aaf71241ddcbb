"""A hub on loopback with one model, and ``hotshot model`` as it is called with it."""

from __future__ import annotations

import pytest

from generator.__main__ import main

REPOSITORY = "somebody/Hotshot-XL"


def command(*words: str) -> int:
    """Runs ``hotshot model`` with these words; returns its exit code."""
    return main(["model", *words])


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a command which can't be done leaves behind."""
    capsys.readouterr()
    assert command(*words) == 2
    return capsys.readouterr().err.strip().removeprefix("hotshot model: ")
