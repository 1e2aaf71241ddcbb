"""The forms of a panel: a field for each option of a group, and what was sent in them.

Fields come from the table of options, each of the kind that its option asks for. Files are only
counted here: ``bot.commands.panel_files`` takes them in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from discord import SelectOption, TextStyle
from discord.ui import Checkbox, FileUpload, Item, Label, Select, TextInput, View

from bot.commands.model_choice import labelled_models
from bot.commands.option_parsing import read_style, read_value
from bot.commands.panel_state import PanelState, group_specs
from bot.core.model_catalogue import DEFAULT
from bot.core.translations import translate
from bot.gateway.context import BotContext
from bot.ui import wording
from bot.ui.actions import YES, Values
from generator.contract.bounds import check_range
from generator.contract.limits import ModelLimits
from generator.contract.options.gif_options import OPTIONS
from generator.contract.options.spec import (
    FILES_A_FIELD,
    Group,
    Kind,
    OptionSpec,
    check_choice,
    resolve,
)
from generator.contract.text import Text
from generator.contract.travel import strengths

SEARCH, CLEAR = "search", "clear"
"""Fields of a panel's own: by what a LoRA is looked for, and whether a file is taken out."""
MAX_OPTIONS = 25  # of a menu, as Discord has it
_LONGEST_SEARCH = 100
_NUMBERS = (Kind.WHOLE_NUMBER, Kind.NUMBER)
_FILES = (Kind.FILE, Kind.FILES)
_CLEARED = {
    Group.MOTION: Text("Follow nothing"),
    Group.PICTURES: Text("Follow nothing"),
    Group.START: Text("Start without a picture"),
}
_LINKS = ("control_link", "image_link")


def limits_of(context: BotContext, state: PanelState) -> ModelLimits:
    """Return the limits of the model that is chosen, or of the usual one where it is gone."""
    if chosen := state.values.get("model"):
        found = context.models.find(str(chosen))
        return found.limits if found else context.models.default_limits
    return context.models.known_limits(state.base.model if state.base else DEFAULT)


def fields_of_group(
    context: BotContext, state: PanelState, group: Group, loras: Mapping[str, str]
) -> list[Item[View]]:
    """Return the fields of a group's form, filled in; ``loras`` are those on offer, by their ids.

    Discord takes five at most.
    """
    limits = limits_of(context, state)
    fields: list[Item[View]] = []
    for spec in offered_specs(context, group):
        offered = loras if spec.kind is Kind.LORA else choices_of(context, spec, limits)
        fields += fields_of(spec, limits, shown_value(context, state, spec, limits), offered)
    if group is Group.LORAS:
        text = translate("Look for others by part of the name")
        search: TextInput[View] = TextInput(
            custom_id=SEARCH, default=state.search, required=False, max_length=_LONGEST_SEARCH
        )
        fields.append(Label(text=text, component=search))
    is_there = state.has_image if group is Group.START else state.has_source
    if group in _CLEARED and is_there:
        fields.append(Label(text=translate(_CLEARED[group]), component=Checkbox(custom_id=CLEAR)))
    return fields


def offered_specs(
    context: BotContext, group: Group, specs: Sequence[OptionSpec] = OPTIONS
) -> list[OptionSpec]:
    """Return the options of a group of which there is anything to choose."""
    empty = {
        Kind.MODEL: not context.models.has_choice,
        Kind.STYLE: not context.settings.styles,
    }
    return [spec for spec in group_specs(group, tuple(specs)) if not empty.get(spec.kind)]


def fields_of(
    spec: OptionSpec,
    limits: ModelLimits,
    shown: str,
    choices: Mapping[str, str],
    about: str | None = None,
) -> list[Item[View]]:
    """Return the fields of an option with what they show; several only for many files.

    A few ``choices`` are a menu, and all others are typed. ``about`` stands in place of what the
    option says of itself.
    """
    label, form = field_label(spec), spec.form
    about = about or translate(resolve(spec.described, limits)) or None
    if form is None:
        return []
    if spec.kind in _FILES:
        most = FILES_A_FIELD if spec.kind is Kind.FILES else 1
        return [
            Label(
                text=label if number == 1 else f"{label} {number}",
                description=about,
                component=FileUpload(custom_id=upload, required=False, max_values=most),
            )
            for number, upload in enumerate(upload_names(spec), start=1)
        ]
    if spec.kind is Kind.SWITCH:
        box: Checkbox[View] = Checkbox(custom_id=spec.name, default=shown == YES)
        return [Label(text=label, description=about, component=box)]
    if choices and len(choices) <= MAX_OPTIONS:
        options = [
            SelectOption(label=said[:100], value=value, default=value == shown)
            for value, said in choices.items()
        ]
        menu: Select[View] = Select(custom_id=spec.name, options=options, required=False)
        return [Label(text=label, description=about, component=menu)]
    style = TextStyle.paragraph if form.long else TextStyle.short
    text: TextInput[View] = TextInput(
        custom_id=spec.name,
        default=shown[: form.longest],
        style=style,
        required=False,
        max_length=form.longest,
    )
    return [Label(text=label, description=about, component=text)]


def field_label(spec: OptionSpec) -> str:
    """Return what stands over an option's field: its own label, with a capital."""
    if spec.form is not None and spec.form.label:
        return translate(spec.form.label)
    words = translate(spec.label)
    return words[:1].upper() + words[1:]


def upload_names(spec: OptionSpec) -> list[str]:
    """Return the ids of the fields for an option's files."""
    count = spec.form.uploads if spec.form and spec.kind in _FILES else 0
    return [spec.name if number == 1 else f"{spec.name}_{number}" for number in range(1, count + 1)]


def is_file(spec: OptionSpec) -> bool:
    """Return whether an option is a file, or a link to one: these are taken in."""
    return spec.kind in _FILES or spec.name in _LINKS


def shown_value(
    context: BotContext, state: PanelState, spec: OptionSpec, limits: ModelLimits
) -> str:
    """Return what an option's field shows."""
    value = state.value(spec, limits)
    if spec.kind is Kind.MODEL and value is None and state.base is not None:
        value = context.models.get(state.base.model).label if _is_here(context, state) else None
    if spec.kind is Kind.SWITCH:
        return YES if value else ""
    if value is None or isinstance(value, Mapping):
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _is_here(context: BotContext, state: PanelState) -> bool:
    return state.base is not None and context.models.has(state.base.model)


def choices_of(context: BotContext, spec: OptionSpec, limits: ModelLimits) -> dict[str, str]:
    """Return the values that an option offers, and what people read of each."""
    if spec.kind is Kind.STYLE:
        return {name: name for name in context.settings.styles}
    if spec.kind is Kind.MODEL:
        return {model.label: label for label, model in labelled_models(context)}
    if spec.choices is None:
        return {}
    own = spec.slash.choices if spec.slash is not None else None
    offered = (own or spec.choices)(limits)
    return {
        name: translate(said) if isinstance(said, Text) else said for name, said in offered.items()
    }


def read_group(
    context: BotContext, state: PanelState, group: Group, typed: Values
) -> dict[str, Any]:
    """Return what a form changes of its group, without files and LoRAs.

    What stands as it was shown is no change, and what was emptied is None. Raises RequestError and
    RefusedError.
    """
    limits, changes = limits_of(context, state), dict[str, Any]()
    for spec in offered_specs(context, group):
        if spec.name not in typed or is_file(spec):
            continue
        word = typed[spec.name].strip()
        if word == shown_value(context, state, spec, limits).strip():
            continue
        changes[spec.name] = _read_word(context, spec, word, limits)
    return changes


def _read_word(context: BotContext, spec: OptionSpec, word: str, limits: ModelLimits) -> Any:
    if spec.kind is Kind.SWITCH:
        return bool(word)
    if not word:
        return None
    if spec.kind in _NUMBERS:
        word = word.replace(",", ".")  # as half the world writes 0,8
    value = read_value(spec, word)
    value = value[0] if spec.repeats else value
    if spec.kind is Kind.CHOICE:
        check_choice(spec, limits, value)
    elif spec.kind is Kind.STYLE:
        read_style(context.settings.styles, value)
    elif spec.kind is Kind.MODEL:
        return context.models.named(value).label
    elif spec.kind in _NUMBERS and spec.bounds is not None:
        by_frame = isinstance(value, str)  # whether the keys are in the clip is asked by Go
        for number in strengths(value, limits.max_clip_frames)[1] if by_frame else (value,):
            check_range(spec.subject, number, *spec.bounds(limits))
    return value


# -- what is set -----------------------------------------------------------------------------------


def describe_group(context: BotContext, state: PanelState, group: Group) -> str:
    """Return what is set of a group on one line."""
    limits = limits_of(context, state)
    words = [
        said
        for spec in offered_specs(context, group)
        if (said := _described(context, state, spec, limits))
    ]
    return " · ".join(words) or translate("nothing chosen")


def _described(
    context: BotContext, state: PanelState, spec: OptionSpec, limits: ModelLimits
) -> str:
    value = state.value(spec, limits)
    if spec.kind in _FILES:
        return _described_file(state, spec)
    shown = shown_value(context, state, spec, limits)
    if not shown and value is None and spec.default is not None and spec.kind is not Kind.TEXT:
        usual = spec.default(limits)
        shown = (
            ""
            if spec.name == "seed"
            else f"{usual:.10g}"
            if isinstance(usual, float)
            else str(usual)
        )
    if not shown or (spec.off is not None and value == spec.off):
        return ""
    if spec.name == "prompt":
        return f"“{wording.excerpt(shown, 200)}”"
    label = translate(spec.label)
    if spec.kind is Kind.SWITCH:
        return label
    if spec.kind is Kind.LORA:
        shown = state.names.get(shown, translate("a LoRA"))
    if spec.name == "size":
        shown = translate(limits.size(shown).full_label)
    return f"{label}: {wording.excerpt(shown, 100)}{spec.unit and ' '}{spec.unit}"


def _described_file(state: PanelState, spec: OptionSpec) -> str:
    value = state.values.get(spec.name)
    label = translate(spec.label)
    if isinstance(value, Mapping):
        return f"{label}: {wording.excerpt(value['filename'], 60)}"
    is_kept = spec.name not in state.values and state.base is not None
    if is_kept and spec.name == "image" and state.has_image:
        return f"{label}: {translate('as before')}"
    if is_kept and spec.name == "control_gif" and state.has_source and state.source is None:
        return f"{label}: {translate('as before')}"
    return ""
