"""Sentences to who watches a run. Standard library only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


def warn(sentence: str) -> None:
    """To stderr, once: of several processes the first one speaks."""
    if is_main_process():
        print(sentence, file=sys.stderr, flush=True)


def print_lines(lines: Iterable[str]) -> None:
    """What a run begins with, to stdout; of several processes the first one speaks."""
    if is_main_process():
        print(*lines, sep="\n", flush=True)


def is_main_process() -> bool:
    """Whether this is the first process of the run, or the only one."""
    return os.environ.get("RANK", "0") == "0"
