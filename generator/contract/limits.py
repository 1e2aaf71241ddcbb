"""What a model can be asked for, read from its directory's JSON files alone. No torch.

The bot offers commands within these limits and the command line checks its flags against them. A
model directory may carry a ``generation_config.json`` with its own defaults; without one the
defaults are those of the original Hotshot-XL, at the model's native size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Self

from generator.contract import model_json
from generator.contract.bounds import (
    CONTROL_SCALE_LABEL,
    MAX_CLIP_FRAMES,
    MAX_CONTROL_SCALE,
    MAX_CONTROLS,
    MAX_FRAMES,
    MAX_GUIDANCE_SCALE,
    MAX_LORA_STRENGTH,
    MAX_LORAS,
    MAX_PROMPT_CHARACTERS,
    MAX_STEPS,
    MIN_IMAGE_STRENGTH,
    SCHEDULERS,
    STEPS_LABEL,
    check_order,
    check_range,
    scheduler_name,
    shorten,
)
from generator.contract.declared_limits import PUBLISHED_EDGE, DeclaredLimits
from generator.contract.errors import ModelError, RequestError
from generator.contract.messages import ChosenStage, Control, Request
from generator.contract.options.gif_options import OPTIONS, spec_named
from generator.contract.options.spec import check_choice
from generator.contract.paths import existing_path, parse_hub_id
from generator.contract.prompts import MAX_WEIGHT, parse_fragments, plain_text
from generator.contract.request_shape import remembered_by_shape
from generator.contract.stages import UPSCALE, check_stages, last_pass, plan, second_pass
from generator.contract.text import Text
from generator.contract.travel import check_text, strengths, text_keys
from generator.contract.windows import LOOP, MIN_WINDOW, frames_at_once

NANO = "nano"
NANO_DIRECTORY = Path(__file__).parents[1] / "nano" / "weights"

# What a ``generation_config.json`` may say; edges in pixels.
_ALLOWED: dict[str, model_json.Allowed] = {
    "scheduler": SCHEDULERS,
    "native_edge": (32, 8192),
    "max_frames": (1, MAX_FRAMES),
    "max_clip_frames": (1, MAX_CLIP_FRAMES),
    "steps": (1, MAX_STEPS),
    "max_steps": (1, MAX_STEPS),
    "guidance_scale": (0, MAX_GUIDANCE_SCALE),
    "guidance_rescale": (0, 1),
    "controlnet_conditioning_scale": (0, MAX_CONTROL_SCALE),
    "image_strength": (MIN_IMAGE_STRENGTH, 1),
    "upscale_strength": (MIN_IMAGE_STRENGTH, 1),
    "upscale_steps": (0, MAX_STEPS),
    "upscale_scheduler": ("", *SCHEDULERS),
}

# The seven buckets Hotshot-XL was trained on, as (name, width, height) at a native edge of 512.
_ASPECT_RATIOS = (
    ("tall", 320, 768),
    ("portrait", 384, 672),
    ("photo portrait", 416, 608),
    ("square", 512, 512),
    ("photo landscape", 608, 416),
    ("landscape", 672, 384),
    ("wide", 768, 320),
)
SIZE_LABELS = {
    "tall": Text("tall"),
    "portrait": Text("portrait"),
    "photo portrait": Text("photo portrait"),
    "square": Text("square"),
    "photo landscape": Text("photo landscape"),
    "landscape": Text("landscape"),
    "wide": Text("wide"),
}


@dataclass(frozen=True, slots=True)
class Size:
    """A named aspect ratio, in pixels."""

    name: str
    width: int
    height: int

    @property
    def label(self) -> Text:
        """What people call it."""
        return SIZE_LABELS[self.name]

    @property
    def full_label(self) -> Text:
        """What people call it, with its edges."""
        return Text(
            "{name} ({width} x {height})", name=self.label, width=self.width, height=self.height
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLimits(DeclaredLimits):
    """Limits and defaults of one model, and what follows from them."""

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The seven aspect ratios at this model's scale, each edge a multiple of 8."""
        return _sizes(self.native_edge)

    def size(self, name: str) -> Size:
        """Return the size of that name; there is one for each of SIZE_LABELS."""
        return next(size for size in self.sizes if size.name == name)

    @classmethod
    def believed(cls, declared: DeclaredLimits) -> Self:
        """Return what somebody else says of a model, such as a worker elsewhere.

        Raises ModelError where it says nonsense.
        """
        for field in fields(declared):
            value, allowed = getattr(declared, field.name), _ALLOWED[field.name]
            if not model_json.is_allowed(value, allowed):
                raise ModelError("A model can't have {what}.", what=f"{field.name} = {value!r:.40}")
        return cls(**asdict(declared))

    def with_declared(self, declared: Mapping[str, Any]) -> Self:
        """Return these limits with some that whoever runs the bot has said."""
        limits = replace(self, **declared)
        most = limits.max_steps
        return replace(
            limits, steps=min(limits.steps, most), upscale_steps=min(limits.upscale_steps, most)
        )

    @classmethod
    def of(cls, model: str) -> Self:
        """Read the limits of ``nano`` or a model directory; a hub id or a file gets the original's.

        Raises ModelError where a directory's JSON can't be read, or says nonsense.
        """
        path = local_path(model)
        if path is None or path.is_file() or _has_layers_alone(path):
            return cls()
        edge = model_json.read_native_edge(path / "unet" / "config.json", PUBLISHED_EDGE)
        own = path / "generation_config.json"
        defaults = {field.name: field.default for field in fields(cls)}
        said = model_json.read_values(own, defaults, _ALLOWED) if own.exists() else {}
        return cls(**{"native_edge": edge} | said)

    def upscale_stage(self, strength: float | None = None) -> ChosenStage:
        """Return the choice of a second pass as this model makes it, unless a strength is said."""
        return ChosenStage(
            UPSCALE,
            self.upscale_strength if strength is None else strength,
            self.upscale_steps,
            self.upscale_scheduler,
        )

    def upscaled(self, request: Request, image: str) -> Request:
        """Return a second pass at twice the size, from ``image``, which holds its own frames."""
        return second_pass(last_pass(request), image, self.upscale_stage())

    def allows(self, width: int, height: int) -> bool:
        """Return whether frames may be so large."""
        edges = sorted((width, height))
        return (
            self.min_edge <= edges[0]
            and edges[1] <= self.max_edge
            and width * height <= self.max_pixels
        )

    def check(self, request: Request) -> None:
        """Raise RequestError for what can't be made; it says what to ask for instead."""
        _check_text(request)
        spec_named("seed").check(self, request)
        _shape_check(self)(request)


def local_directory(model: str) -> Path | None:
    """Return the directory of a model given by name or path; None for what reads like a hub id.

    Raises ModelError for a path that doesn't exist, or is a file.
    """
    path = local_path(model)
    if path is not None and path.is_file():
        raise ModelError(
            f"{path} is a file, but a whole model is a directory; a single file can be the "
            "spatial UNet base, or the temporal layers beside one."
        )
    return path


def local_path(model: str) -> Path | None:
    """Return the directory or the .safetensors file of a model; None for what reads like a hub id.

    A file in a hub's repository (``owner/name/file``) reads like one too.

    Raises ModelError for a path that doesn't exist.
    """
    if model == NANO:
        return NANO_DIRECTORY
    path = existing_path(model)
    if path is not None and (path.is_dir() or path.is_file()):
        return path
    repository, inner = parse_hub_id(model) or ("", "")
    if repository and (not inner or inner.endswith(".safetensors")):
        return None
    if model.endswith(".safetensors"):
        raise ModelError(f"There is no file {model}; check its name, and the directory it is in.")
    raise ModelError(
        f"There is no model directory at {model}; give 'nano', a directory in the published layout "
        "of Hotshot-XL, or a hub id such as hotshotco/Hotshot-XL."
    )


@lru_cache(maxsize=64)  # edges
def _sizes(native_edge: int) -> tuple[Size, ...]:
    return tuple(
        Size(name, _scaled(width, native_edge), _scaled(height, native_edge))
        for name, width, height in _ASPECT_RATIOS
    )


def _scaled(edge_at_512: int, native_edge: int) -> int:
    return round(edge_at_512 * native_edge / 512 / 8) * 8


def _check_text(request: Request) -> None:
    keys = text_keys(request.prompt, request.video_length)
    for key in keys:
        if len(keys) > 1 and not plain_text(key.text).strip():
            raise RequestError(
                "The prompt says nothing at the key {key}; write what the GIF shows from there on.",
                key=key.name,
            )
    if not plain_text(keys[0].text if keys else request.prompt).strip():
        raise RequestError("The prompt is empty; describe the GIF in a few words.")
    for spec in (spec_named("prompt"), spec_named("negative_prompt")):
        what, text = spec.subject, spec.value_of(request) or ""
        if len(text) > MAX_PROMPT_CHARACTERS:
            raise RequestError(
                "{what} has {length:,} characters; at most {most:,} are allowed.",
                what=what,
                length=len(text),
                most=MAX_PROMPT_CHARACTERS,
            )
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise RequestError("{what} holds bytes that aren't text; write it in UTF-8.", what=what)
        keys = check_text(what, text, request.video_length)
        for fragment in chain(*map(parse_fragments, [key.text for key in keys] or [text])):
            of = Text("The weight of {text!r}", text=fragment.text[:40])
            check_range(of, fragment.weight, 0, MAX_WEIGHT)


@lru_cache(maxsize=64)  # models
def _shape_check(limits: ModelLimits) -> Callable[[Request], None]:
    """Return what checks all but the words and the seed; what passed once passes again."""

    @remembered_by_shape
    def check(request: Request) -> None:
        _check_size(limits, request)
        for spec in OPTIONS:
            if spec.field != "seed":
                spec.check(limits, request)
        scheduler_name(request.scheduler)
        check_order(Text("Guidance"), request.guidance_start, request.guidance_end)
        _check_loras(request)
        _check_controls(request)
        _check_motion(limits, request)
        _check_kept(request)
        _check_stages(limits, request)

    return check


def _check_size(limits: ModelLimits, request: Request) -> None:
    width, height = request.width, request.height
    for spec in (spec_named("width"), spec_named("height")):
        spec.check(limits, request)
        if (edge := spec.value_of(request)) % 8:
            raise RequestError(
                "{what} must be a multiple of 8, and {edge} isn't; try {near}.",
                what=spec.subject,
                edge=edge,
                near=edge // 8 * 8,
            )
    if width * height > limits.max_pixels:
        side = math.isqrt(limits.max_pixels)
        raise RequestError(
            "{width} x {height} is too large for this model; use at most {side} x {side} "
            "pixels, or the same number in another shape.",
            width=width,
            height=height,
            side=side,
        )


def _check_motion(limits: ModelLimits, request: Request) -> None:
    if request.motion:
        check_choice(spec_named("motion"), limits, request.motion)
    if request.motion == LOOP and request.video_length == 1:
        raise RequestError("A loop needs more than one frame; ask for more.")
    if frames_at_once(request) <= limits.max_frames:
        return
    if request.motion and request.video_length > request.window:
        check_range(spec_named("window").subject, request.window, MIN_WINDOW, limits.max_frames)
    raise RequestError(
        "This model makes at most {most} frames at once; for more, choose a motion: continue, "
        "stretch or loop.",
        most=limits.max_frames,
    )


def _check_kept(request: Request) -> None:
    if request.kept_frames and not request.image:
        raise RequestError("To keep frames, there must be an image that has them; give one.")
    if request.kept_frames >= request.video_length:
        raise RequestError(
            "Of {frames} frames {kept} are to be kept, so none is left to make; ask for more "
            "frames, or keep fewer.",
            frames=request.video_length,
            kept=request.kept_frames,
        )


def _check_stages(limits: ModelLimits, request: Request) -> None:
    check_stages(request)
    for chosen in request.stages:
        what = Text("The strength of {lora}", lora=chosen.name)  # as it is said of a LoRA
        check_range(what, chosen.strength, MIN_IMAGE_STRENGTH, 1)
        if chosen.steps:
            check_range(STEPS_LABEL, chosen.steps, 1, limits.max_steps)
        if chosen.scheduler:
            scheduler_name(chosen.scheduler)
    passes = (planned.request for planned in plan(request))
    for one in {(each.width, each.height): each for each in passes}.values():
        _check_size(limits, one)


def _check_loras(request: Request) -> None:
    if len(request.loras) > MAX_LORAS:
        raise RequestError(
            "At most {most} LoRAs can be combined; you gave {found}.",
            most=MAX_LORAS,
            found=len(request.loras),
        )
    for lora in request.loras:
        if not lora.path.strip():
            raise RequestError("A LoRA's name is empty; give a .safetensors file or a hub id.")
        what = Text("The strength of {lora}", lora=shorten(lora.path))
        check_range(what, lora.strength, -MAX_LORA_STRENGTH, MAX_LORA_STRENGTH)


def _check_controls(request: Request) -> None:
    controls = request.controls
    if controls and not request.control_source:
        raise RequestError(
            "The control type {kind} needs a GIF to follow; give one.",
            kind=shorten(controls[0].kind),
        )
    if request.control_source and not controls:
        raise RequestError(
            "To follow a GIF, choose a control type: depth, canny, or a ControlNet of your own."
        )
    if len(controls) > MAX_CONTROLS:
        raise RequestError(
            "At most {most} ControlNets can be combined; you gave {found}.",
            most=MAX_CONTROLS,
            found=len(controls),
        )
    for control in controls:
        for scale in _strengths(control, request.video_length):
            check_range(CONTROL_SCALE_LABEL, scale, 0, MAX_CONTROL_SCALE)
        check_range(Text("The ControlNet's start"), control.start, 0, 1)
        check_range(Text("The ControlNet's end"), control.end, 0, 1)
        check_order(Text("The ControlNet"), control.start, control.end)


def _strengths(control: Control, frames: int) -> tuple[float, ...]:
    return strengths(control.scales, frames)[1] if control.scales else (control.scale,)


def _has_layers_alone(directory: Path) -> bool:
    """Return whether a directory holds temporal layers for a spatial base, and no UNet."""
    return not (directory / "unet").exists() and any(directory.glob("*.safetensors"))
