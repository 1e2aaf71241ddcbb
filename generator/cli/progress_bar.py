"""What a terminal shows while a pipeline works; silent anywhere else."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm


class ProgressBar:
    """A ``JobProgressCallback`` that draws a bar, anew with each stage."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""

    def say(self, line: str) -> None:
        """Print a line of its own, before the bar begins."""
        if self._is_terminal:
            print(line, file=sys.stderr, flush=True)

    def __call__(self, stage: str, step: int, steps: int) -> None:
        if not self._is_terminal:
            return
        if self._bar is None or stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = _bar(stage.replace("_", " "), steps)
        self._bar.update(step - self._bar.n)

    def close(self) -> None:
        """Remove the bar from the terminal."""
        if self._bar is not None:
            self._bar.close()


def _bar(title: str, steps: int) -> tqdm[NoReturn]:
    from tqdm import tqdm  # of an extra; what needs no model works without

    size = shutil.get_terminal_size()  # 80 x 24 where a terminal doesn't know
    return tqdm(
        desc=title,
        total=steps,
        file=sys.stderr,
        leave=False,
        mininterval=0,  # a step takes long enough
        ncols=size.columns,
        nrows=size.lines,
        bar_format="{desc:<13} {bar} {n_fmt}/{total_fmt} {remaining} left",
    )
