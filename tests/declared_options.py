"""A value for each declared option, and an option that is declared in tests alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from generator.contract.limits import ModelLimits
from generator.contract.messages import Lora, Request
from generator.contract.options.gif_options import GifOptions
from generator.contract.options.spec import (
    Flag,
    FlagGroup,
    FormField,
    Group,
    Kind,
    OptionSpec,
    Setting,
    Slash,
    specs_of,
)
from generator.contract.text import Text

BIG = ModelLimits()
SMALL = ModelLimits(native_edge=128, max_frames=6, steps=10, guidance_scale=2.5)


def sample_value(spec: OptionSpec, limits: ModelLimits) -> Any:
    """Return a value within bounds that no model has by default; one, where several may be."""
    if spec.choices is not None:
        return list(spec.choices(limits))[-1]
    if spec.kind is Kind.LORA:
        return Lora("ink.safetensors", 0.5)
    if spec.kind is Kind.SWITCH:
        return True
    if spec.bounds is None or spec.kind is Kind.TEXT:
        return "words"
    lowest, highest = spec.bounds(limits)
    if spec.kind is Kind.NUMBER:
        return round(lowest * 0.3 + highest * 0.7, 2)
    number = int(lowest * 0.3 + highest * 0.7)
    return number // 8 * 8 if spec.field in ("width", "height") else number


@dataclass(frozen=True, kw_only=True)
class OptionsWithWobble(GifOptions[str]):
    """The table with one more entry."""

    wobble: float | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("wobble"),
        field="wobble",
        subject=Text("The wobble"),
        bounds=lambda limits: (0, limits.max_frames / 2),
        default=lambda _: 0.0,
        slash=Slash(lambda limits: Text("How much it wobbles, up to {most}.", most=limits.steps)),
        mine=Setting(Text("How much your GIFs wobble."), lowest=0),
        server=Setting(Text("How much GIFs wobble here."), label=Text("most wobble")),
        form=FormField(group=Group.FINE, label=Text("Wobble"), longest=4),
        flag=Flag(name="--wobble-scale", group=FlagGroup.SAMPLING, help="how much to wobble"),
    ).declared


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWithWobble(Request):
    """What the entry sets."""

    wobble: float = 0.0


WITH_WOBBLE = specs_of(OptionsWithWobble)
