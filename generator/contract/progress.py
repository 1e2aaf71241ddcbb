"""How whatever takes long tells how far it is. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

ProgressCallback = Callable[[str, int, int], None]
"""Called as ``(stage, step, steps)``: ``step`` of ``steps`` of this stage are done.

May raise ``generator.contract.errors.CancelledError``.
"""


class JobProgressCallback(Protocol):
    """Called after every step of a job; may raise ``generator.contract.errors.CancelledError``.

    ``preview`` is the newest small animated picture of what comes, where the engine makes such; it
    is gone when the engine is done.
    """

    def __call__(self, stage: str, step: int, steps: int, preview: str = "") -> None: ...
