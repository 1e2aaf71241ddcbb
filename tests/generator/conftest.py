"""What tests of the generator share: a hub to do without, and the recorded model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from generator.checkpoints import hub
from generator.model.loading import HotshotModel, load_model
from tests.generator.reference import CPU, TINY
from tests.generator.small_model import small_model


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing was fetched from a hub before, and the usual one is forgotten."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")  # where nobody answers


@pytest.fixture(scope="session")
def tiny() -> HotshotModel:
    """The recorded model, loaded once."""
    return load_model(str(TINY), device=CPU, dtype=torch.float32)


@pytest.fixture(scope="session")
def small() -> HotshotModel:
    """A small model, where no recorded number is asked for: loaded once, and quicker."""
    return load_model(str(small_model()), device=CPU, dtype=torch.float32)


@pytest.fixture
def copy_of_small(tmp_path: Path) -> Path:
    """A directory of its own, free to be broken."""
    return shutil.copytree(small_model(), tmp_path / "model")


@pytest.fixture
def copy_of_tiny(tmp_path: Path) -> Path:
    """A directory of its own: same content, small files copied, free to be broken."""
    return shutil.copytree(TINY, tmp_path / "model")
