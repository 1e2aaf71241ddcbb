"""A hub that the commands of these tests fetch from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.generator.checkpoints.hub import Hub, serving
from tests.generator.cli.model_command import REPOSITORY


@pytest.fixture
def hub(empty_cache: None, copy_of_tiny: Path) -> Iterator[Hub]:
    with serving(REPOSITORY, copy_of_tiny) as started:
        yield started
