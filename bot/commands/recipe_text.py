"""Writes what made a GIF for people to keep: as JSON, and as the command to type. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from bot.commands.option_names import option_name
from bot.jobs.request_files import without_files
from bot.storage.models import Job
from bot.ui import wording
from generator.contract.control_types import split_control
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.gif_options import OPTIONS
from generator.contract.options.spec import Kind, OptionSpec

_LONGEST_PROMPT, _LONGEST_TEXT = 1000, 500  # of a message's 2000 characters


def recipe_values(job: Job) -> dict[str, Any]:
    """Return everything that made a GIF, with files by their hashes, which open nothing."""
    request = job.request
    values = without_files(request).to_dict() | {
        "model": PurePath(job.model).name,
        "style": job.origin.style,
        "loras": [
            {"name": name, "sha256": PurePath(lora.path).stem, "strength": lora.strength}
            for name, lora in zip(job.lora_names, request.loras, strict=False)
        ],
        "controls": [
            asdict(control) | {"kind": PurePath(control.kind).name} for control in request.controls
        ],
        "control_source": PurePath(request.control_source).stem,
        "image": PurePath(request.image).stem,
        "made_from": job.origin.parent_id,
        "relation": job.origin.relation,
    }
    return {name: value for name, value in values.items() if value not in ("", None, [])}


def typed_command(job: Job, limits: ModelLimits) -> str:
    """Return the command as it would be typed.

    Files are attached by hand, and the prompt has its style in it.
    """
    own = _own_values(job, limits)
    words = [
        f"{option_name(spec.name)}:{value}"
        for spec in OPTIONS
        if spec.slash and (value := _typed_value(spec, job.request, own)) is not None
    ]
    return " ".join(["/gif", *words]).replace("```", "'''")


def _typed_value(spec: OptionSpec, request: Request, own: Mapping[str, object]) -> object:
    """Return what would be typed for an option; None where it would be left out."""
    if spec.name in own or not spec.field:
        return own.get(spec.name)
    value = spec.value_of(request)
    if spec.kind is Kind.NUMBER:
        return f"{value:g}"
    return wording.shorten(value, _LONGEST_TEXT) if isinstance(value, str) else value


def _own_values(job: Job, limits: ModelLimits) -> dict[str, object]:
    """Return the values of those options that aren't one field of a request."""
    request = job.request
    sizes = {(size.width, size.height): size.name for size in limits.sizes}
    values: dict[str, object] = {
        "prompt": wording.shorten(request.prompt, _LONGEST_PROMPT),
        "size": sizes.get((request.width, request.height)),
        "model": request.model or None,
    }
    chosen = zip(("lora", "lora_2"), job.lora_names, request.loras, strict=False)
    for option, name, lora in chosen:
        values |= {option: wording.shorten(name, 100), f"{option}_strength": f"{lora.strength:g}"}
    for control in request.controls[:1]:
        kind, strength = split_control(control)
        values |= {"control_type": kind, "control_strength": f"{strength:g}"}
    if not request.image:
        values["image_strength"] = None
    return values
