"""What is said of an error where it ends a job, and of how a process ended.

Foreign errors are translated here, and nowhere later. Standard library only: libraries' errors are
known by their names and words.
"""

from __future__ import annotations

from generator.contract.errors import (
    Failure,
    FailureKind,
    HotshotError,
    is_disk_full,
    is_out_of_memory,
)
from generator.contract.extras import missing_extra
from generator.contract.text import Text


def failure_of(error: Exception) -> Failure:
    """Return what is said of an error, in one line."""
    error = missing_extra(error) or error
    if isinstance(error, HotshotError):
        return Failure.of(error, _one_line(error.words))
    if is_out_of_memory(error):
        return Failure(
            FailureKind.OUT_OF_MEMORY,
            Text("There isn't enough memory for this; ask for a smaller size or fewer frames."),
        )
    kind = FailureKind.DISK if is_disk_full(error) else FailureKind.INTERNAL
    text = Text(
        "Something went wrong inside the generator ({error}); its log says more.",
        error=type(error).__name__,
    )
    return Failure(kind, text, is_retryable=kind is FailureKind.DISK)


def describe_exit(exit_code: int | None) -> Text:
    """Return how a process ended, such as ``killed by signal 9`` or ``exit code 1``."""
    if exit_code is None:
        return Text("no exit code")
    if exit_code < 0:
        return Text("killed by signal {signal}", signal=-exit_code)
    return Text("exit code {code}", code=exit_code)


def _one_line(text: Text) -> Text:
    return text.mapped(_on_one_line) if text.values else Text(_on_one_line(str(text)))


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
