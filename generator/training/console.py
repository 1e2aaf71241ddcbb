"""What a run prints, once for all of its processes. Standard library only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def warn(sentence: str) -> None:
    """Print a sentence to stderr; of several processes only the first does."""
    if is_main_process():
        print(sentence, file=sys.stderr, flush=True)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to stdout; of several processes only the first does."""
    if is_main_process():
        print(*lines, sep="\n", flush=True)


def is_main_process() -> bool:
    """Return whether this is the first process of the run, or the only one."""
    return os.environ.get("RANK", "0") == "0"
