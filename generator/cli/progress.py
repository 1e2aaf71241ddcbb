"""What a terminal shows while a pipeline works; silent anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from tqdm import tqdm


class ProgressBar:
    """A ``generator.engine.Report`` that draws a bar, anew with each stage."""

    def __init__(self) -> None:
        self._bar = tqdm(
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
            leave=False,
            dynamic_ncols=True,
            bar_format="{desc:<8} {bar} {n_fmt}/{total_fmt} {remaining} left",
        )
        self._stage = ""

    def say(self, line: str) -> None:
        """A line above the bar."""
        if not self._bar.disable:
            self._bar.write(line, file=sys.stderr)

    def __call__(self, stage: str, step: int, steps: int) -> None:
        if stage != self._stage:
            self._stage = stage
            self._bar.set_description_str(stage, refresh=False)
            self._bar.reset(total=steps)
        self._bar.update(step - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()
