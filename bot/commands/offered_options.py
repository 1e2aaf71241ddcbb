"""Offers the options of a GIF in Discord, as they are declared (``generator.contract.options``).

Of each entry it makes the option of /gif and those of /settings; the fields of forms are
``bot.commands.panel_fields``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from discord import AppCommandOptionType, TextStyle, app_commands
from discord.ui import TextInput, View

from bot.commands.lora_choice import suggest_loras
from bot.commands.model_choice import suggest_model_settings, suggest_models
from bot.commands.options import Bounded, CompletedOption, Option, choice_of
from bot.core.config import Style
from generator.contract.bounds import MAX_PROMPT_CHARACTERS
from generator.contract.limits import ModelLimits
from generator.contract.options.gif_options import OPTIONS
from generator.contract.options.spec import (
    NO_SETTING,
    Choices,
    Kind,
    OptionSpec,
    Setting,
    resolve,
)
from generator.contract.text import Text

_TYPES = {
    Kind.TEXT: AppCommandOptionType.string,
    Kind.WHOLE_NUMBER: AppCommandOptionType.integer,
    Kind.NUMBER: AppCommandOptionType.number,
    Kind.SWITCH: AppCommandOptionType.boolean,
    Kind.FILE: AppCommandOptionType.attachment,
}
_MAX_INTEGER = 2**53  # Discord's integers end there
_MAX_STYLES = 24  # of a setting, beside the choice that forgets it


def slash_options(
    limits: ModelLimits,
    styles: Mapping[str, Style],
    specs: Sequence[OptionSpec] = OPTIONS,
    *,
    offers_models: bool = False,
) -> dict[str, Option]:
    """Return the options of /gif in the order in which Discord offers them."""
    return {
        spec.name: Option(
            _slash_type(spec, limits, styles, offers_models=offers_models),
            resolve(spec.slash.description, limits),
            label=spec.label,
        )
        for spec in specs
        if spec.slash and _is_offered(spec, styles, offers_models=offers_models)
    }


def setting_options(
    place: Literal["mine", "server"],
    limits: ModelLimits,
    styles: Mapping[str, Style],
    own: Mapping[str, Option],
    specs: Sequence[OptionSpec] = OPTIONS,
    *,
    offers_models: bool = False,
) -> dict[str, Option]:
    """Return the options of a command of /settings; its ``own`` stand after those that lead."""
    found: list[tuple[OptionSpec, Setting]] = [
        (spec, setting)
        for spec in specs
        if (setting := getattr(spec, place))
        and _is_offered(spec, styles, offers_models=offers_models)
    ]
    offered = {
        spec.name: Option(
            _setting_type(spec, setting, limits, styles),
            resolve(setting.description, limits),
            label=spec.label,
        )
        for spec, setting in found
    }
    leading = {spec.name: offered[spec.name] for spec, setting in found if setting.leads}
    return leading | dict(own) | offered


def text_field(
    name: str,
    label: str,
    value: str,
    *,
    long: bool = False,
    needed: bool = True,
    longest: int = MAX_PROMPT_CHARACTERS,
) -> TextInput[View]:
    """Return a field for one text."""
    return TextInput(
        custom_id=name,
        label=label,
        default=value[:longest],
        style=TextStyle.paragraph if long else TextStyle.short,
        required=needed,
        max_length=longest,
    )


def _is_offered(spec: OptionSpec, styles: Mapping[str, Style], *, offers_models: bool) -> bool:
    """Return whether there is anything to choose."""
    if spec.kind is Kind.MODEL:
        return offers_models
    return bool(styles) or spec.kind is not Kind.STYLE


def _slash_type(
    spec: OptionSpec, limits: ModelLimits, styles: Mapping[str, Style], *, offers_models: bool
) -> app_commands.Transformer:
    if spec.kind is Kind.STYLE:
        return choice_of(list(styles))
    if spec.kind is Kind.CHOICE and spec.slash is not None:
        # with several models, a size's name has several numbers of pixels
        own = None if offers_models else spec.slash.choices
        return _choice(resolve(own or spec.choices or {}, limits))
    return _free_type(spec, limits)


def _setting_type(
    spec: OptionSpec, setting: Setting, limits: ModelLimits, styles: Mapping[str, Style]
) -> app_commands.Transformer:
    if spec.kind is Kind.STYLE:
        return choice_of([*list(styles)[:_MAX_STYLES], NO_SETTING])
    if spec.kind is Kind.MODEL:
        return CompletedOption(suggest_model_settings)
    if spec.kind is Kind.CHOICE:
        return _choice({**resolve(spec.choices or {}, limits), NO_SETTING: NO_SETTING})
    return _free_type(spec, limits, setting.lowest)


def _choice(choices: Choices) -> Bounded:
    said = {name: label for name, label in choices.items() if isinstance(label, Text)}
    return choice_of(list(choices), said)


def _free_type(
    spec: OptionSpec, limits: ModelLimits, lowest: float | None = None
) -> app_commands.Transformer:
    if spec.kind is Kind.LORA:
        return CompletedOption(suggest_loras)
    if spec.kind is Kind.MODEL:
        return CompletedOption(suggest_models)
    kind = _TYPES[spec.kind]
    if spec.bounds is None:
        return Bounded(kind)
    least, most = spec.bounds(limits)
    if spec.kind is Kind.WHOLE_NUMBER and most > _MAX_INTEGER:
        return Bounded(AppCommandOptionType.string, 1, len(str(most)))
    return Bounded(kind, least if lowest is None else lowest, most)
