"""The recorded model, loaded once, and copies of its directory to spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from generator.hotshot.loading import HotshotModel, load_model
from tests.generator.hotshot.reference import CPU, TINY


@pytest.fixture(scope="session")
def tiny() -> HotshotModel:
    return load_model(str(TINY), device=CPU, dtype=torch.float32)


@pytest.fixture
def copy_of_tiny(tmp_path: Path) -> Path:
    """A directory of its own: same content, small files copied, free to be broken."""
    return shutil.copytree(TINY, tmp_path / "model")
