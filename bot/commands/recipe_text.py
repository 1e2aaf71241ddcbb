"""Writes what made a GIF for people to keep: as JSON, and as the command to type. Pure."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from bot.commands.option_names import option_name
from bot.jobs.request_files import without_files
from bot.storage.models import Job
from bot.ui import wording
from generator.contract.control_types import split_control
from generator.contract.limits import ModelLimits


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
    request = job.request
    sizes = {(size.width, size.height): size.name for size in limits.sizes}
    options: dict[str, object] = {
        "prompt": wording.shorten(request.prompt, 1000),
        "size": sizes.get((request.width, request.height)),
        "frames": request.video_length,
        "duration": request.video_duration,
        "steps": request.steps,
        "guidance": f"{request.guidance_scale:g}",
        "scheduler": request.scheduler,
        "seed": request.seed,
    }
    if request.negative_prompt is not None:
        options["negative_prompt"] = wording.shorten(request.negative_prompt, 500)
    chosen = zip(("lora", "lora_2"), job.lora_names, request.loras, strict=False)
    for option, name, lora in chosen:
        options |= {option: wording.shorten(name, 100), f"{option}_strength": f"{lora.strength:g}"}
    for control in request.controls[:1]:
        kind, strength = split_control(control)
        options |= {"control_type": kind, "control_strength": f"{strength:g}"}
    if request.image:
        options["image_strength"] = f"{request.image_strength:g}"
    words = [f"{option_name(name)}:{value}" for name, value in options.items() if value is not None]
    return " ".join(["/gif", *words]).replace("```", "'''")
