"""How whatever takes long tells how far it is. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from generator.contract.raw_clip import RawClip

ProgressCallback = Callable[[str, int, int], None]
"""Called as ``(stage, step, steps)``: ``step`` of ``steps`` of this stage are done.

May raise ``generator.contract.errors.CancelledError``.
"""


class JobProgressCallback(Protocol):
    """Called after every step of a job; may raise ``generator.contract.errors.CancelledError``.

    ``preview`` shows what comes, where the engine has a new look at it: it is made a file of and
    shown when that is written, or gives way to a newer one where nobody has the time.
    """

    def __call__(
        self, stage: str, step: int, steps: int, preview: RawClip | None = None
    ) -> None: ...
