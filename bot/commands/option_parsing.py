"""Reads the options of a GIF: raw values in, a complete request out, or an error to read.

Discord's clients enforce the limits that were registered, but nothing makes others do so: all is
checked again, and an option of the wrong kind ends in the same clear sentence. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from bot.core.config import Style
from bot.intake.file_names import plain_line
from generator.contract.bounds import (
    FRAMES_LABEL,
    IMAGE_STRENGTH_LABEL,
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    STEPS_LABEL,
    check_image_strength,
    draw_seed,
    scheduler_name,
)
from generator.contract.control_types import LOOSE, parse_control
from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits, Size
from generator.contract.messages import Lora, Request
from generator.contract.text import Text

DEFAULT_SIZE = "square"
DEFAULT_FRAMES = 8
DEFAULT_DURATION = 1000  # milliseconds
CONTROL_TYPES = {
    "depth": Text("depth: follows shapes, and how near they are"),
    "canny": Text("canny: follows outlines, so a square stays a square"),
    LOOSE: Text("loose: follows where things move; their shape is up to your prompt"),
}
"""How a source can be followed, and what that means."""
FORMATS = {"gif": ".gif", "webp": ".webp", "mp4": ".mp4"}
MAX_COUNT = 4
DEFAULT_CONTROL_STRENGTH = 1.0


def read_request(
    limits: ModelLimits,
    *,
    prompt: object,
    size: object = None,
    frames: object = None,
    duration: object = None,
    negative_prompt: object = None,
    steps: object = None,
    guidance: object = None,
    scheduler: object = None,
    seed: object = None,
    style: Style | None = None,
    loras: tuple[Lora, ...] = (),
) -> Request:
    """Return the complete request of raw option values, with the default for None.

    Raises RequestError, one sentence that says what to ask for instead.
    """
    own = style or Style()
    chosen = read_size(limits, size)
    typed_negative = None if negative_prompt is None else _stripped(negative_prompt)
    words, negative = own.applied_to(_stripped(prompt), typed_negative)
    length = read_whole_number(FRAMES_LABEL, frames, min(DEFAULT_FRAMES, limits.max_frames))
    request = Request(
        prompt=words if plain_line(_stripped(prompt), MAX_PROMPT_CHARACTERS) else "",
        negative_prompt=negative,
        seed=draw_seed() if seed is None else _read_seed(seed),
        width=chosen.width,
        height=chosen.height,
        steps=read_whole_number(STEPS_LABEL, steps, own.steps or limits.steps),
        guidance_scale=read_number(
            Text("The guidance scale"), guidance, _or(own.guidance, limits.guidance_scale)
        ),
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler if scheduler is None else scheduler_name(str(scheduler)[:40]),
        video_length=length,
        video_duration=read_whole_number(
            Text("The duration in milliseconds"), duration, DEFAULT_DURATION
        ),
        loras=loras,
    )
    limits.check(request)
    return request


def with_control(
    limits: ModelLimits, request: Request, source: str, kind: object, strength: object
) -> Request:
    """Return the request, following ``source``'s motion. Raises RequestError."""
    name = next(iter(CONTROL_TYPES)) if kind is None else str(kind)
    if name not in CONTROL_TYPES:
        known = ", ".join(CONTROL_TYPES)
        raise RequestError(
            "There is no control type {name!r}; choose one of {known}.", name=name[:40], known=known
        )
    scale = read_number(Text("The control strength"), strength, DEFAULT_CONTROL_STRENGTH)
    followed = replace(request, controls=(parse_control(name, scale),), control_source=source)
    limits.check(followed)
    return followed


def with_image(limits: ModelLimits, request: Request, image: str, strength: object) -> Request:
    """Return the request, starting from ``image``. Raises RequestError."""
    image_strength = limits.image_strength if strength is None else read_image_strength(strength)
    with_start = replace(request, image=image, image_strength=image_strength)
    limits.check(with_start)
    return with_start


def read_image_strength(value: object) -> float:
    """Return how far frames may stray from a picture. Raises RequestError."""
    strength = read_number(IMAGE_STRENGTH_LABEL, value, 0)
    check_image_strength(strength)
    return strength


def nearest_size(limits: ModelLimits, width: int, height: int) -> Size:
    """Return the model's size whose shape is nearest to that of a picture."""
    shape = math.log(width / height)
    return min(limits.sizes, key=lambda size: abs(math.log(size.width / size.height) - shape))


def read_style(styles: Mapping[str, Style], value: object) -> Style | None:
    """Return the style of that name. Raises RequestError for one that doesn't exist."""
    if value is None:
        return None
    if (style := styles.get(str(value))) is None:
        known = ", ".join(styles) or Text("none here")
        raise RequestError(
            "There is no style {name!r}; the styles are: {known}.",
            name=str(value)[:40],
            known=known,
        )
    return style


def read_format(value: object) -> str:
    """Return the suffix of the file that was asked for. Raises RequestError."""
    name = "gif" if value is None else str(value)
    if name not in FORMATS:
        raise RequestError(
            "There is no format {name!r}; choose one of {known}.",
            name=name[:40],
            known=", ".join(FORMATS),
        )
    return FORMATS[name]


def read_count(value: object) -> int:
    """Return how many variations were asked for. Raises RequestError."""
    count = read_whole_number(Text("The count"), value, 1)
    if not 1 <= count <= MAX_COUNT:
        raise RequestError(
            "{what} must be from {lowest:g} to {highest}, not {value}.",
            what=Text("The count"),
            lowest=1,
            highest=MAX_COUNT,
            value=count,
        )
    return count


def _stripped(value: object) -> str:
    return "" if value is None else str(value).strip()


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def read_size(limits: ModelLimits, value: object) -> Size:
    """Return one of the model's named sizes. Raises RequestError."""
    name = DEFAULT_SIZE if value is None else str(value)
    for size in limits.sizes:
        if size.name == name:
            return size
    names = ", ".join(size.name for size in limits.sizes)
    raise RequestError(
        "There is no size {name!r}; choose one of {known}.", name=name[:40], known=names
    )


def _read_seed(value: object) -> int:
    word = str(value).strip()
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise RequestError("The seed must be a whole number from 0 to {most}.", most=MAX_SEED)
    if len(digits) > 100:  # int() takes long over thousands of digits
        raise RequestError("The seed must be from 0 to {most}.", most=MAX_SEED)
    return int(word)


def read_whole_number(what: Text, value: object, default: int) -> int:
    """Return a whole number, or the default for None. Raises RequestError."""
    found = read_number(what, value, default)
    if found != int(found):
        raise RequestError("{what} must be a whole number, not {found:g}.", what=what, found=found)
    return int(found)


def read_number(what: Text, value: object, default: float) -> float:
    """Return a finite number, or the default for None. Raises RequestError."""
    if value is None:
        return default
    try:
        found = float(str(value))
    except ValueError:
        raise RequestError(
            "{what} must be a number, not {value!r}.", what=what, value=str(value)[:40]
        ) from None
    if not math.isfinite(found):
        raise RequestError(
            "{what} must be a number, not {value!r}.", what=what, value=str(value)[:40]
        )
    return found
