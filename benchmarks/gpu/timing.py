"""What the measurements on a card share: waiting for it, medians, and its memory at the most."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch


def wait_for_device() -> None:
    """Until a graphics card has done what it was told; on a CPU that is so already."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def median_ms(action: Callable[[], object], *, repeats: int, warm_up: int = 1) -> float:
    """The median of so many calls in milliseconds, after some that aren't counted."""
    for _ in range(warm_up):
        action()
    wait_for_device()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        wait_for_device()
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds) * 1000, 1)


def forget_peak() -> None:
    """Let ``peak_gib`` count from here."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_gib() -> float:
    """The most memory of the card that tensors held; 0 on a CPU."""
    held = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return round(held / 2**30, 2)
