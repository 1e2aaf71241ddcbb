"""Writes what made a GIF for people to keep: as JSON, and as the command to type. Pure.

The command has what /gif offers; what the panel alone has stands below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from bot.commands.option_names import option_name
from bot.commands.panel_state import CONTROL_NAMES, LORA_NAMES
from bot.core.translations import translate
from bot.jobs.request_files import without_files
from bot.storage.models import Job
from bot.ui import wording
from generator.contract.control_types import split_control
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.conditioning import DEFAULT_CONTROL_STRENGTH
from generator.contract.options.gif_options import DEFAULT_FORMAT, FORMATS, OPTIONS, spec_named
from generator.contract.options.spec import Kind, OptionSpec

_LONGEST_PROMPT, _LONGEST_TEXT = 800, 400  # of a message's 2000 characters
_LONGEST_NAME = 100


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


def panel_hint(job: Job, limits: ModelLimits) -> str:
    """Return the sentence about what the command can't say; "" where it says all."""
    chosen = ", ".join(
        f"{translate(spec_named(name).label)}: {wording.excerpt(value, _LONGEST_NAME)}"
        for name, value in _panel_values(job, limits).items()
    )
    if not chosen:
        return ""
    return translate(
        "Type it without the prompt, and choose these in the panel that opens: {options}.",
        options=chosen,
    )


def _typed_value(spec: OptionSpec, request: Request, own: Mapping[str, object]) -> object:
    """Return what would be typed for an option; None where it would be left out."""
    if spec.name in own or not spec.field:
        return own.get(spec.name)
    value = spec.value_of(request)
    if spec.kind is Kind.CHOICE and not value:
        return None
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
    return values | _lora_values(job) | _control_values(request)


def _lora_values(job: Job) -> dict[str, str]:
    values: dict[str, str] = {}
    for option, name, lora in zip(LORA_NAMES, job.lora_names, job.request.loras, strict=False):
        values[option] = wording.shorten(name, _LONGEST_NAME)
        values[f"{option}_strength"] = f"{lora.strength:g}"
    return values


def _control_values(request: Request) -> dict[str, str]:
    controls = [split_control(control) for control in request.controls]
    return {name: kind for name, (kind, _) in zip(CONTROL_NAMES, controls, strict=False)}


def _panel_values(job: Job, limits: ModelLimits) -> dict[str, str]:
    """Return what the panel alone offers and is another than by default, in words."""
    request = job.request
    values = {
        name: value
        for name, value in (_lora_values(job) | _control_values(request)).items()
        if spec_named(name).slash is None
    }
    strengths = [split_control(control)[1] for control in request.controls[:1]]
    if any(strength != DEFAULT_CONTROL_STRENGTH for strength in strengths):
        values["control_strength"] = wording.strength(strengths[0])
    if request.image and request.image_strength != limits.image_strength:
        values["image_strength"] = f"{request.image_strength:g}"
    if request.scheduler != limits.scheduler:
        values["scheduler"] = request.scheduler
    if request.freeu:
        values["freeu"] = translate("yes")
    if request.pag_scale:
        values["pag"] = f"{request.pag_scale:g}"
    if job.origin.suffix != FORMATS[DEFAULT_FORMAT]:
        values["format"] = job.origin.suffix.removeprefix(".")
    return values
