"""How long tests wait, and how: by what happens, never by the clock.

A wait ends when what it waits for has happened. `PATIENCE` only names what will never come; it is
ten times and more what an idle machine needs for the slowest single thing (a process that imports
torch and makes a GIF; two minutes were seen with a load of 12 on two cores), so that a busy machine
is slow and not red. It costs nothing where all is
well: use it for every limit, and write no other number. A machine slower still sets
`HOTSHOT_TEST_PATIENCE=3` for three times as long.

Two kinds of waits stay short: that something does *not* come (a busy machine can't turn that red),
and a limit of the product that is what the test is about.
"""

import asyncio
import os
import time
from collections.abc import Callable

PATIENCE = 300.0 * float(os.environ.get("HOTSHOT_TEST_PATIENCE", "1"))  # seconds

_LOOK_EVERY_S = 0.02


async def until(holds: Callable[[], object], shown: Callable[[], object] | None = None) -> None:
    """Return once `holds()` is true; fail after `PATIENCE` with what `shown()` says.

    Better than this is a condition that is told of changes, as the sandbox's own `until` is.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, _never(shown)
        await asyncio.sleep(_LOOK_EVERY_S)


def wait_until(holds: Callable[[], object], shown: Callable[[], object] | None = None) -> None:
    """As `until`, for tests without an event loop."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, _never(shown)
        time.sleep(_LOOK_EVERY_S)


def _never(shown: Callable[[], object] | None) -> str:
    said = f": {shown()}" if shown else ""
    return f"didn't happen within {PATIENCE:g} s{said}"
