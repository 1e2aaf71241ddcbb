"""What every test needs: logging as it was, since a program that runs within a test sets it up.

And the order: the longest first, so that no process is at one of them when the others have ended.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

_LONGEST = (
    "tests/test_readme.py",
    "tests/test_small_install.py",
    "tests/test_wheel.py",
    "tests/tools/",
    "tests/soak/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first; the others stay as they are."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


def pytest_sessionfinish() -> None:
    """Stop what tests share in this process."""
    if (postgres := sys.modules.get("tests.postgres")) is not None:
        postgres.stop_server()


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
