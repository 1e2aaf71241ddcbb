"""What makes a process start sooner. Standard library only."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage while libraries are imported and a model is loaded.

    All that they make is there to stay, and is looked through again and again: a fifth of a start.
    Afterwards it is left out for good, so that the first clip doesn't pay for it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
