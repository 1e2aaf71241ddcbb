"""What every test needs: logging as it was, since a program that runs within a test sets it up.

And the order: the longest first, so that no process is at one of them when the others have ended.
And a start at less cost, which each of several processes has.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import signal
import sys
from collections.abc import Generator, Iterator

import pytest

_LONGEST = (
    "tests/test_readme.py",
    "tests/test_small_install.py",
    "tests/test_wheel.py",
    "tests/tools/",
    "tests/soak/",
)


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start; a shell that runs them in the background turns it off."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage in what is imported and collected, now or later: all of it stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # with all that frozen the rest looks few to Python, which would go through it all too often
        gc.set_threshold(10_000, 10, 10)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let one process at a time import a module of tests: what it compiles, the others find."""
    if not isinstance(collector, pytest.Module):
        return (yield)
    with collector.path.open("rb") as module:
        fcntl.flock(module, fcntl.LOCK_EX)
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first; the others stay as they are."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST))


def pytest_sessionfinish() -> None:
    """Stop and remove what tests share in this process."""
    if (postgres := sys.modules.get("tests.postgres")) is not None:
        postgres.stop_server()
    if (small_model := sys.modules.get("tests.generator.small_model")) is not None:
        small_model.remove()


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A level that a test, or what several share, leaves behind would keep lines from the next."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    _reset_levels()
    yield
    _reset_levels()
    root.handlers[:] = handlers


def _reset_levels() -> None:
    logging.getLogger().setLevel(logging.WARNING)
    for name in ("bot", "generator", "discord"):
        logging.getLogger(name).setLevel(logging.NOTSET)
