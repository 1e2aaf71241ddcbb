"""What the original Hotshot-XL computed, as recorded: its small model, its inputs, its results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from generator.contract.messages import REQUEST_VERSION, Request

REFERENCE = Path(__file__).parents[1] / "data" / "reference"
TINY = REFERENCE / "tiny"
CPU = torch.device("cpu")

_ABOUT_THE_RESULT = ("mean", "std", "frame_diff")


def recorded(name: str) -> dict[str, torch.Tensor]:
    """The tensors of one recording."""
    return load_file(REFERENCE / "golden" / f"{name}.safetensors")


def arguments(case: str) -> dict[str, Any]:
    """A case's arguments, as the original took them."""
    index = json.loads((REFERENCE / "golden" / "index.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = index[case]
    return arguments(found["same_as"]) if "same_as" in found else found


def request_of(case: str, *, leave_out: tuple[str, ...] = ()) -> Request:
    """The same as a request of ours; the original's default guidance is 5."""
    values = {"guidance_scale": 5.0} | arguments(case)
    values["steps"] = values.pop("num_inference_steps")
    for name in (*_ABOUT_THE_RESULT, *leave_out):
        values.pop(name, None)
    # Without a version, "" would be what earlier ones meant by it: no negative prompt at all.
    return Request.from_dict({"version": REQUEST_VERSION, **values})


def silent(_stage: str, _step: int, _steps: int) -> None:
    """A report that nobody reads."""
