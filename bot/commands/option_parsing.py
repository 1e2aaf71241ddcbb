"""Reads the options of a GIF: raw values in, a complete request out, or an error to read.

Discord's clients enforce the limits that were registered, but nothing makes others do so: all is
checked again, and an option of the wrong kind ends in the same clear sentence. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.core.config import Style
from bot.intake.attachments import IncomingFile, StoredFile
from bot.intake.file_names import plain_line
from generator.contract.bounds import MAX_PROMPT_CHARACTERS, MAX_SEED, check_range
from generator.contract.control_types import CONTROL_TYPES, parse_control
from generator.contract.errors import RequestError
from generator.contract.few_steps import FewSteps
from generator.contract.limits import ModelLimits, Size
from generator.contract.messages import Request
from generator.contract.options.conditioning import DEFAULT_CONTROL_STRENGTH
from generator.contract.options.gif_options import (
    DEFAULT_FORMAT,
    FORMATS,
    MAX_COUNT,
    OPTIONS,
    GifOptions,
    spec_named,
)
from generator.contract.options.spec import Kind, OptionSpec, check_choice
from generator.contract.text import Text

BroughtFile = IncomingFile | StoredFile
"""A file of which only the address is known, or one that was taken in before."""
GivenOptions = GifOptions[BroughtFile]
"""What somebody gave in Discord."""

_NO_STYLE = Style()


def read_options(given: Mapping[str, object]) -> GivenOptions:
    """Return the options of raw values by name, None for those left out. Raises RequestError."""
    return GivenOptions(
        **{spec.name: read_value(spec, given[spec.name]) for spec in OPTIONS if spec.name in given}
    )


def read_value(spec: OptionSpec, value: object) -> Any:
    """Return a raw value as an option has it; None stays None. Raises RequestError."""
    if value is None:
        return None
    found = _read_one(spec, value)
    return (found,) if spec.repeats else found


def read_setting(limits: ModelLimits, spec: OptionSpec, value: object) -> Any:
    """Return what was set as it is kept; None where it forgets the setting. Raises RequestError."""
    found = _read_one(spec, value)
    if spec.kind is Kind.SWITCH:
        return found
    if spec.kind is Kind.CHOICE:
        check_choice(spec, limits, found)
    elif spec.kind is Kind.TEXT:
        return plain_line(found, MAX_PROMPT_CHARACTERS) or None
    elif found and spec.bounds:
        check_range(spec.subject, found, *spec.bounds(limits))
    return found or None


def is_offered(
    limits: ModelLimits, styles: Mapping[str, Style], spec: OptionSpec, value: object
) -> bool:
    """Return whether a setting that was kept could still be set: configs, models and versions
    change, and what /settings no longer offers nobody could forget.
    """
    if spec.kind is Kind.STYLE:
        return value in styles
    try:
        read_setting(limits, spec, value)
    except RequestError:
        return False
    return True


def kept_defaults(
    limits: ModelLimits,
    styles: Mapping[str, Style],
    own: Mapping[str, object],
    server: Mapping[str, object],
    specs: Sequence[OptionSpec] = OPTIONS,
) -> dict[str, object]:
    """Return the raw defaults that are still offered: one's own before the server's."""
    if not (own or server):
        return {}
    found = [
        (spec, kept[spec.name])
        for spec in specs
        for setting, kept in ((spec.server, server), (spec.mine, own))
        if setting and setting.is_default and kept.get(spec.name) is not None
    ]
    return {spec.name: value for spec, value in found if is_offered(limits, styles, spec, value)}


def with_defaults(options: GivenOptions, defaults: Mapping[str, object]) -> GivenOptions:
    """Return the options with raw defaults for what was left out. Raises RequestError."""
    if not defaults:
        return options
    # an empty text was never a setting: nothing was set
    missing = {
        spec.name: read_value(spec, defaults[spec.name])
        for spec in OPTIONS
        if getattr(options, spec.name) is None and defaults.get(spec.name) not in (None, "")
    }
    return replace(options, **missing) if missing else options


def read_request(
    limits: ModelLimits,
    options: GivenOptions,
    style: Style | None = None,
    few: FewSteps | None = None,
) -> Request:
    """Return the complete request of the options in a style, without their files.

    A quality, and a distilled LoRA's ``few`` steps, go before what the style says. Raises
    RequestError, one sentence that says what to ask for instead.
    """
    typed = (options.prompt or "").strip()
    own = style or _NO_STYLE
    prompt, negative_prompt = own.applied_to(typed, options.negative_prompt)
    steps, guidance = style_sampling(own, options, few)
    request = replace(
        options,
        prompt=prompt if plain_line(typed, MAX_PROMPT_CHARACTERS) else "",
        negative_prompt=negative_prompt,
        steps=steps if options.steps is None else options.steps,
        guidance=guidance if options.guidance is None else options.guidance,
        image_strength=None,  # counts once there is an image
    ).to_request(limits, few=few)
    limits.check(request)
    return request


def style_sampling(
    style: Style, options: GivenOptions, few: FewSteps | None
) -> tuple[int | None, float | None]:
    """Return the steps and the guidance of a style, as far as nothing goes before them."""
    steps = style.steps if few is None and options.quality is None else None
    is_free = few is None or few.guidance_scale is None
    return steps, style.guidance if is_free else None


def with_control(
    limits: ModelLimits, request: Request, source: str, kind: object, strength: object
) -> Request:
    """Return the request, following ``source``'s motion. Raises RequestError."""
    name = next(iter(CONTROL_TYPES)) if kind is None else str(kind)
    check_choice(spec_named("control_type"), limits, name)
    spec = spec_named("control_strength")
    scale = DEFAULT_CONTROL_STRENGTH if strength is None else _read_one(spec, strength)
    followed = replace(request, controls=(parse_control(name, scale),), control_source=source)
    limits.check(followed)
    return followed


def with_image(
    limits: ModelLimits, request: Request, image: str, strength: float | None
) -> Request:
    """Return the request, starting from ``image``. Raises RequestError."""
    far = limits.image_strength if strength is None else strength
    with_start = replace(request, image=image, image_strength=far, kept_frames=0)
    limits.check(with_start)
    return with_start


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


def read_format(limits: ModelLimits, name: str | None) -> str:
    """Return the suffix of the file that was asked for. Raises RequestError."""
    chosen = DEFAULT_FORMAT if name is None else name
    check_choice(spec_named("format"), limits, chosen)
    return FORMATS[chosen]


def read_count(count: int | None) -> int:
    """Return how many variations were asked for. Raises RequestError."""
    if count is None:
        return 1
    check_range(spec_named("count").subject, count, 1, MAX_COUNT)
    return count


def _read_one(spec: OptionSpec, value: object) -> Any:
    has_keys = spec.is_by_frame and isinstance(value, str) and ":" in value
    if spec.kind in (Kind.FILE, Kind.FILES) or has_keys:  # keys are checked beside the frames
        return value
    if spec.kind is Kind.SWITCH:
        return bool(value)
    if spec.name == "seed":
        return _read_seed(value)
    if spec.kind is Kind.WHOLE_NUMBER:
        return read_whole_number(spec.subject, value, 0)
    if spec.kind is Kind.NUMBER:
        return read_number(spec.subject, value, 0)
    return str(value).strip() if spec.kind is Kind.TEXT else str(value)


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
