"""What every test needs: logging as it was, since a program that runs within a test sets it up."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A level that a test leaves behind would keep the next one's lines from it."""
    root = logging.getLogger()
    before, handlers = root.level, list(root.handlers)
    levels = {name: logging.getLogger(name).level for name in ("bot", "generator", "discord")}
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    root.setLevel(before)
    root.handlers[:] = handlers
