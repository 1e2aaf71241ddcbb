"""Errors have kinds; out of memory and a full disk are decided once, for every library."""

from __future__ import annotations

import errno
import multiprocessing

import pytest

from bot.core import errors as bot_errors
from generator.contract import errors
from generator.contract.errors import Failure, FailureKind, is_disk_full, is_out_of_memory
from generator.contract.text import Text, TranslatableError


class OutOfMemoryError(RuntimeError):
    """As torch's own is called, whatever it says."""


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (errors.OutOfMemoryError("No room."), True),
        (OutOfMemoryError("CUDA says something new"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), True),
        (RuntimeError("unable to mmap 12 bytes: Cannot allocate memory (12)"), True),
        (RuntimeError("could not create a primitive"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (RuntimeError("The size of tensor a must match"), False),
        (OSError(errno.ENOSPC, "out of memory cards"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_is_out_of_memory(error: Exception, *, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        (ValueError("No space left on device"), False),
    ],
)
def test_what_is_a_full_disk(error: Exception, *, is_full: bool) -> None:
    assert is_disk_full(error) is is_full


def test_every_error_class_has_a_kind() -> None:
    found = {
        value
        for module in (errors, bot_errors)
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, TranslatableError)
        and value is not TranslatableError
    }
    assert len(found) > 15
    for each in found:
        assert isinstance(each.kind, FailureKind), each  # type: ignore[attr-defined]
        assert isinstance(each.is_retryable, bool), each  # type: ignore[attr-defined]


def test_a_failure_travels_between_processes() -> None:
    error = errors.OutputError("{path} can't be written.", path="/x")
    failure = Failure.of(error)
    assert failure == Failure(FailureKind.DISK, error.words, is_retryable=True)
    here, there = multiprocessing.Pipe()
    here.send(failure)
    assert there.recv() == failure
    assert Failure.of(error, Text("Elsewhere.")).text == Text("Elsewhere.")
