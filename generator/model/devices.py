"""Which device computes, in which precision, and why. Knows nothing of models.

Nothing is assumed: what is asked for is checked against this machine, and what is chosen comes
with its reason, which is also logged.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from generator.contract.errors import RequestError

AUTO = "auto"
FP8 = "fp8"
PRECISIONS = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """A device, the precision to compute in, and one sentence that says why.

    With ``is_fp8`` the UNet's weights are stored in 8 bits.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str
    is_fp8: bool = False

    @property
    def precision(self) -> str:
        """Return the dtype's short name, f32, f16 or bf16, or fp8."""
        return FP8 if self.is_fp8 else _name(self.dtype)


def choose_device(device: str = AUTO, precision: str = AUTO) -> DeviceChoice:
    """Return what to compute with.

    The device is auto, cpu, mps, cuda or cuda:N; the precision auto, f32, f16, bf16 or fp8.
    Raises RequestError for a device that this machine doesn't have, or an unknown precision.
    """
    chosen, why_device = _device(device.strip().lower())
    wanted = precision.strip().lower()
    is_fp8 = wanted == FP8 and _has_fp8(chosen)
    dtype, why_dtype = _dtype(AUTO if wanted == FP8 else wanted, chosen)
    stored = ", weights stored in fp8" if is_fp8 else ""
    reason = f"Using {chosen} ({why_device}) in {_name(dtype)} ({why_dtype}){stored}."
    logger.info(reason)
    return DeviceChoice(chosen, dtype, reason, is_fp8)


def available() -> tuple[str, ...]:
    """Return the devices of this machine, the best first."""
    gpus = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    metal = ("mps",) if torch.backends.mps.is_available() else ()
    return (*gpus, *metal, "cpu")


def describe_device(device: torch.device) -> str:
    """Return what tells apart devices that round otherwise: a GPU's name, a CPU's vectors."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"cpu ({torch.backends.cpu.get_cpu_capability()})"
    return str(device.type)


def memory_bytes(device: torch.device) -> int:
    """Return the memory that a device has in all; 0 where the system doesn't say."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def free_bytes(device: torch.device) -> int:
    """Return a GPU's free memory, with what PyTorch holds and doesn't use."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def take_peak_bytes(device: torch.device) -> int:
    """Return the most of a GPU's memory that PyTorch held since this was last asked; else 0."""
    if device.type != "cuda":
        return 0
    peak = torch.cuda.max_memory_reserved(device)
    torch.cuda.reset_peak_memory_stats(device)
    return peak


def _device(wanted: str) -> tuple[torch.device, str]:
    found = available()
    if wanted == AUTO:
        best = found[0]
        if best.startswith("cuda"):
            _check_is_supported(best)
        return torch.device(best), _why(best)
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in found:
        raise RequestError(
            "There is no device {wanted!r} here; this machine has {found}, and 'auto' takes "
            "the best of them.",
            wanted=wanted,
            found=", ".join(found),
        )
    if name.startswith("cuda"):
        _check_is_supported(name)
    return torch.device(name), "as asked for"


def _why(best: str) -> str:
    if best.startswith("cuda"):
        return f"the first GPU found, {torch.cuda.get_device_name(best)}"
    return "Apple's GPU" if best == "mps" else "no GPU was found"


def _dtype(wanted: str, device: torch.device) -> tuple[torch.dtype, str]:
    if wanted in PRECISIONS:
        if wanted == "bf16" and not _has_bf16(device):
            logger.warning("%s has no bf16, so it computes in f16.", device)
            return torch.float16, "bf16 was asked for, which this device doesn't have"
        return PRECISIONS[wanted], "as asked for"
    if wanted != AUTO:
        raise RequestError(
            "There is no precision {wanted!r}; choose one of {known}.",
            wanted=wanted,
            known=", ".join((AUTO, *PRECISIONS, FP8)),
        )
    if device.type == "cpu":
        return torch.float32, "exact, and what a CPU does best"
    if device.type == "mps":
        return torch.float16, "half the memory"
    if _has_bf16(device):
        return torch.bfloat16, "half the memory, and it never overflows"
    return torch.float16, "half the memory, and this GPU has no bf16"


def _has_bf16(device: torch.device) -> bool:
    """Return whether a device has bf16 natively: emulated, it is slower than f32."""
    if device.type == "cuda":
        with torch.cuda.device(device):
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "mps":
        try:
            torch.zeros(1, dtype=torch.bfloat16, device=device)
        except (TypeError, RuntimeError):  # before macOS 14
            return False
    return True


def _has_fp8(device: torch.device) -> bool:
    """Return whether a device can store weights in 8 bits; one line says where it can't."""
    try:
        torch.zeros(1, device=device).to(torch.float8_e4m3fn).float()
    except (TypeError, RuntimeError):  # Apple's GPUs
        logger.warning(
            "%s has no fp8, so weights are stored in the precision of the computation.", device
        )
        return False
    return True


def _check_is_supported(device: str) -> None:
    """Raise RequestError for a GPU that this PyTorch finds and yet has no code for."""
    capability, built_for = torch.cuda.get_device_capability(device), torch.cuda.get_arch_list()
    if not runs_on(capability, built_for):
        raise RequestError(
            "{device} ({name}, compute capability {capability}) is not one that this PyTorch was "
            "built for ({built_for}); install one that was, from pytorch.org, or choose the "
            "device cpu.",
            device=device,
            name=torch.cuda.get_device_name(device),
            capability=".".join(map(str, capability)),
            built_for=", ".join(built_for),
        )


def runs_on(capability: tuple[int, int], built_for: Sequence[str]) -> bool:
    """Return whether a PyTorch for these architectures (``sm_86``) has code for a GPU.

    Machine code runs on its own major version from its minor on, PTX on whatever came later. True
    where that can't be told, as for AMD's (``gfx942``).
    """
    codes = [re.fullmatch(r"(sm|compute)_(\d+)(\d)[a-z]?", one) for one in built_for]
    if not codes or None in codes:
        return True
    for code in filter(None, codes):
        kind, version = code[1], (int(code[2]), int(code[3]))
        same_major = version[0] == capability[0]
        if version <= capability and (same_major or kind == "compute"):
            return True
    return False


def _name(dtype: torch.dtype) -> str:
    return next(name for name, known in PRECISIONS.items() if known == dtype)
