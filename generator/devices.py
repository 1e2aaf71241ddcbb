"""Which device computes, in which precision, and why. Knows nothing of models.

Nothing is assumed: what is asked for is checked against this machine, and what is chosen comes
with its reason, which is also logged.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from generator.errors import RequestError

AUTO = "auto"
PRECISIONS = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """A device, the precision to compute in, and one sentence that says why."""

    device: torch.device
    dtype: torch.dtype
    reason: str

    @property
    def precision(self) -> str:
        """The dtype's short name: f32, f16 or bf16."""
        return _name(self.dtype)


def choose(device: str = AUTO, precision: str = AUTO) -> Choice:
    """``device`` is auto, cpu, mps, cuda or cuda:N; ``precision`` auto, f32, f16 or bf16.

    Raises RequestError for a device that this machine doesn't have, or an unknown precision.
    """
    chosen, why_device = _device(device.strip().lower())
    dtype, why_dtype = _dtype(precision.strip().lower(), chosen)
    reason = f"Using {chosen} ({why_device}) in {_name(dtype)} ({why_dtype})."
    logger.info(reason)
    return Choice(chosen, dtype, reason)


def available() -> tuple[str, ...]:
    """The devices of this machine, the best first."""
    gpus = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    metal = ("mps",) if torch.backends.mps.is_available() else ()
    return (*gpus, *metal, "cpu")


def kind_of(device: torch.device) -> str:
    """Return what tells apart devices that round otherwise: a GPU's name, a CPU's vectors."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"cpu ({torch.backends.cpu.get_cpu_capability()})"
    return str(device.type)


def _device(wanted: str) -> tuple[torch.device, str]:
    found = available()
    if wanted == AUTO:
        best = found[0]
        return torch.device(best), _why(best)
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in found:
        raise RequestError(
            "There is no device {wanted!r} here; this machine has {found}, and 'auto' takes "
            "the best of them.",
            wanted=wanted,
            found=", ".join(found),
        )
    return torch.device(name), "as asked for"


def _why(best: str) -> str:
    if best.startswith("cuda"):
        return f"the first GPU found, {torch.cuda.get_device_name(best)}"
    return "Apple's GPU" if best == "mps" else "no GPU was found"


def _dtype(wanted: str, device: torch.device) -> tuple[torch.dtype, str]:
    if wanted in PRECISIONS:
        return PRECISIONS[wanted], "as asked for"
    if wanted != AUTO:
        raise RequestError(
            "There is no precision {wanted!r}; there are {known}.",
            wanted=wanted,
            known=", ".join((AUTO, *PRECISIONS)),
        )
    if device.type == "cpu":
        return torch.float32, "exact, and what a CPU does best"
    if device.type == "mps":
        return torch.float16, "half the memory"
    with torch.cuda.device(device):
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "half the memory, and it never overflows"
    return torch.float16, "half the memory, and this GPU has no bf16"


def _name(dtype: torch.dtype) -> str:
    return next(name for name, known in PRECISIONS.items() if known == dtype)
