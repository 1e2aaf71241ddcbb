"""What nano trains on: the device, the numbers it is fast at, the processes that draw."""

from __future__ import annotations

import functools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager

import torch

CPU = torch.device("cpu")


def choose_training_device() -> torch.device:
    """Return the GPU that CUDA offers, with its faster float32 switched on, or the CPU."""
    if not torch.cuda.is_available():
        return CPU
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    return torch.device("cuda")


def make_executor() -> ProcessPoolExecutor:
    """Make a pool of processes, one for each core, that forget nothing of a GPU's state."""
    return ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn"))


@functools.cache
def fast_type(device_type: str) -> torch.dtype:
    """Return the shortest number type that a kind of device multiplies at full speed.

    A processor without bf16 in hardware takes ten times as long over it as over float32.
    """
    if device_type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return torch.float32
    return torch.bfloat16


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return the context of a forward pass: bf16 on processors that have it, else as it is.

    On a GPU tf32 is as good, and saves copies of every weight.
    """
    is_on = device.type == "cpu" and fast_type("cpu") == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=is_on)
