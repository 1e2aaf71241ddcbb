"""Reads what people type for a GIF: raw option values in, a complete request out, or a sentence.

Discord's clients enforce the limits that were registered, but nothing makes others do so: all is
checked again, and an option of the wrong kind ends in the same clear sentence. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from bot.config_library import Style
from generator.errors import RequestError
from generator.limits import MAX_SEED, ModelLimits, Size, draw_seed
from generator.protocol import Control, Lora, Request

DEFAULT_SIZE = "square"
DEFAULT_FRAMES = 8
DEFAULT_DURATION = 1000  # milliseconds
CONTROL_TYPES = ("depth", "canny")
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
    seed: object = None,
    style: Style | None = None,
    loras: tuple[Lora, ...] = (),
) -> Request:
    """A complete request of raw option values, None standing for the default.

    Raises RequestError, one sentence that says what to ask for instead.
    """
    own = style or Style()
    chosen = read_size(limits, size)
    words, without = own.applied_to(_text(prompt), _text(negative_prompt))
    length = whole("number of frames", frames, min(DEFAULT_FRAMES, limits.max_frames))
    request = Request(
        prompt=words if _text(prompt) else "",
        negative_prompt=without,
        seed=draw_seed() if seed is None else _seed(seed),
        width=chosen.width,
        height=chosen.height,
        steps=whole("number of steps", steps, own.steps or limits.steps),
        guidance_scale=number("guidance", guidance, _or(own.guidance, limits.guidance_scale)),
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
        video_length=length,
        video_duration=whole("duration", duration, DEFAULT_DURATION),
        loras=loras,
    )
    limits.check(request)
    return request


def with_control(
    limits: ModelLimits, request: Request, source: str, kind: object, strength: object
) -> Request:
    """The same, following ``source``'s motion. Raises RequestError."""
    name = CONTROL_TYPES[0] if kind is None else str(kind)
    if name not in CONTROL_TYPES:
        known = ", ".join(CONTROL_TYPES)
        raise RequestError(f"There is no control type {name[:40]!r}; choose one of {known}.")
    scale = number("control strength", strength, DEFAULT_CONTROL_STRENGTH)
    followed = replace(request, controls=(Control(name, scale),), control_source=source)
    limits.check(followed)
    return followed


def read_style(styles: Mapping[str, Style], value: object) -> Style | None:
    """The style of that name. Raises RequestError for one that isn't there."""
    if value is None:
        return None
    if (style := styles.get(str(value))) is None:
        known = ", ".join(styles) or "none here"
        raise RequestError(f"There is no style {str(value)[:40]!r}; the styles are: {known}.")
    return style


def read_format(value: object) -> str:
    """The suffix of the file that was asked for. Raises RequestError."""
    name = "gif" if value is None else str(value)
    if name not in FORMATS:
        raise RequestError(f"There is no format {name[:40]!r}; choose one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def read_count(value: object) -> int:
    """How many variations. Raises RequestError."""
    count = whole("count", value, 1)
    if not 1 <= count <= MAX_COUNT:
        raise RequestError(f"The count must be from 1 to {MAX_COUNT}, not {count}.")
    return count


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def read_size(limits: ModelLimits, value: object) -> Size:
    """One of the model's named sizes. Raises RequestError."""
    name = DEFAULT_SIZE if value is None else str(value)
    for size in limits.sizes:
        if size.name == name:
            return size
    names = ", ".join(size.name for size in limits.sizes)
    raise RequestError(f"There is no size {name[:40]!r}; choose one of {names}.")


def _seed(value: object) -> int:
    word = str(value).strip()
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise RequestError(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    if len(digits) > 100:  # int() takes long over thousands of digits
        raise RequestError(f"The seed must be from 0 to {MAX_SEED}.")
    return int(word)


def whole(name: str, value: object, default: int) -> int:
    """A whole number, or the default for None. Raises RequestError."""
    found = number(name, value, default)
    if found != int(found):
        raise RequestError(f"The {name} must be a whole number, not {found:g}.")
    return int(found)


def number(name: str, value: object, default: float) -> float:
    """A finite number, or the default for None. Raises RequestError."""
    if value is None:
        return default
    try:
        found = float(str(value))
    except ValueError:
        raise RequestError(f"The {name} must be a number, not {str(value)[:40]!r}.") from None
    if not math.isfinite(found):
        raise RequestError(f"The {name} must be a number, not {found}.")
    return found
