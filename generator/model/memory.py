"""Whether a model has room on a device: what it needs at work, and what is free there.

The one place that decides on low memory (``low_vram = "auto"``), and says what would have fitted.
"""

from __future__ import annotations

import logging
import math
import os
import re
from pathlib import Path
from typing import Literal

import torch

from generator.checkpoints.download import format_bytes
from generator.contract.messages import Request
from generator.contract.text import Text
from generator.contract.windows import frames_at_once
from generator.model import devices

AUTO: Literal["auto"] = "auto"
LowVram = bool | Literal["auto"]
"""Whether networks are on the device only while they compute; AUTO: where they have to."""

# What a GIF of the model's own size takes beside the weights, as a share of them (a Hotshot-XL of
# the published size, in half precision: 5.2 GiB of weights, 8.0 at the highest).
AT_WORK = 1.55
_MIN_EDGE = 64  # pixels
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")

logger = logging.getLogger(__name__)


def is_low(wanted: LowVram, device: torch.device, weights_bytes: int) -> bool:
    """Return whether a model with so large weights is to be held in low memory.

    By itself it is so only on CUDA, where it is logged.
    """
    if wanted != AUTO:
        return bool(wanted)
    if device.type != "cuda":
        return False
    free = devices.free_bytes(device)
    if has_room(weights_bytes, free):
        return False
    logger.warning(
        "%s has %s free, but the model needs about %s at work, so its networks are there only "
        "while they compute (low_vram).",
        device,
        format_bytes(free),
        format_bytes(needed_bytes(weights_bytes)),
    )
    return True


def needed_bytes(weights_bytes: int) -> int:
    """Return what a model needs at work whose weights stay on the device."""
    return int(weights_bytes * AT_WORK)


def has_room(weights_bytes: int, free_bytes: int) -> bool:
    """Return whether a model's weights can stay on a device beside what it computes."""
    return needed_bytes(weights_bytes) <= free_bytes


def what_would_fit(request: Request, fitting_pixels: int | None) -> Text:
    """Return a smaller request than one that had no room, as a sentence's end.

    ``fitting_pixels`` are those of all frames that are thought to fit, None where nothing is known;
    at any rate it is half of what was asked for at most.
    """
    frames, pixels = frames_at_once(request), request.width * request.height
    most = frames // 2
    if fitting_pixels is not None:
        most = min(most, fitting_pixels // pixels)
    if most >= 1:
        return Text("about {frames} frames of this size would fit", frames=most)
    share = math.sqrt(1 / 2 if fitting_pixels is None else min(1 / 2, fitting_pixels / pixels))
    width, height = (
        max(_MIN_EDGE, int(edge * share) // 8 * 8) for edge in (request.width, request.height)
    )
    return Text("about {width} x {height} would fit", width=width, height=height)


def available_bytes() -> int | None:
    """Return the RAM that programs could still take, within this container's limit."""
    found = [value for value in (_of_machine(), _of_container()) if value is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    if found := re.search(r"^MemAvailable: *(\d+) kB$", _content(_MEMINFO), re.MULTILINE):
        return int(found[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (ValueError, OSError):  # a system that has no such name, or no answer
        return None


def _of_container() -> int | None:
    """Return what is left to the control group that this process sees as its root."""
    most, used = (_content(_CGROUP / name).strip() for name in ("memory.max", "memory.current"))
    cached = re.search(r"^inactive_file (\d+)$", _content(_CGROUP / "memory.stat"), re.MULTILINE)
    if not (most.isdecimal() and used.isdecimal() and cached):  # "max" is no limit
        return None
    return max(0, int(most) - int(used) + int(cached[1]))  # files that were read give way


def _content(file: Path) -> str:
    """Return what a file of the kernel's says; nothing where this system has no such file."""
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
