"""What is seen of a download: a bar in a terminal, a line for each tenth anywhere else."""

from __future__ import annotations

import logging
import sys
import threading
from typing import NoReturn

from tqdm import tqdm

from generator.checkpoints.download import format_bytes

logger = logging.getLogger(__name__)


class DownloadProgress:
    """A ProgressListener: with ``lines``, stderr gets the lines; without, the log does."""

    def __init__(self, title: str, *, lines: bool = False) -> None:
        self._title, self._lines = title, lines
        self._lock = threading.Lock()  # several files are fetched at once
        self._bar: tqdm[NoReturn] | None = None
        self._done, self._total, self._tenths_told = 0, 0, 0

    def begin(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        self._tenths_told = 10 * done // total if total else 10
        if done:
            self._say(
                f"Continuing: {format_bytes(done)} of {format_bytes(total)} are here already."
            )
        if sys.stderr.isatty():
            self._bar = tqdm(
                desc=self._title,
                initial=done,
                total=total,
                unit="B",
                unit_scale=True,
                leave=False,
                file=sys.stderr,
            )

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            if self._bar is not None:
                self._bar.update(count)
                return
            tenth = 10 * self._done // self._total if self._total else 10
            if tenth > self._tenths_told:
                self._tenths_told = tenth
                self._say(
                    f"{format_bytes(self._done)} of {format_bytes(self._total)} ({10 * tenth}%)"
                )

    def wait(self) -> None:
        self._say(f"{self._title} is being fetched by another process; waiting for it.")

    def close(self) -> None:
        """Remove the bar from the terminal."""
        if self._bar is not None:
            self._bar.close()

    def _say(self, line: str) -> None:
        if self._lines or sys.stderr.isatty():
            tqdm.write(line, file=sys.stderr)
        else:
            logger.info("%s: %s", self._title, line)
