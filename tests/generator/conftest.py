"""A hub that tests can do without."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.hotshot import hub


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing was fetched from a hub before, and the usual one is forgotten."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
