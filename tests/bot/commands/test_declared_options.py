"""Every declared option is offered where it says so, in every language, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import AppCommandOptionType, app_commands

from bot.commands import gif, settings
from bot.commands.offered_options import setting_options, slash_options
from bot.commands.option_names import as_option_name
from bot.commands.option_parsing import kept_defaults
from bot.commands.options import LocaleTranslator, Option, command
from bot.commands.panel_fields import fields_of, fields_of_group, is_file, read_group
from bot.commands.panel_state import PanelState, group_specs
from bot.commands.recipe_text import panel_hint, typed_command
from bot.core.config import Style
from bot.core.model_catalogue import ModelCatalogue, OfferedModel
from bot.core.translations import TRANSLATED, in_language, translate
from bot.ui.actions import YES, Form
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Lora, Request
from generator.contract.options.gif_options import OPTIONS, GifOptions
from generator.contract.options.spec import NO_SETTING, Group, Kind, OptionSpec, Setting, resolve
from generator.contract.text import Text
from tests.declared_options import BIG, SMALL, WITH_WOBBLE, sample_value
from tools import words

MODELS = pytest.mark.parametrize("limits", [BIG, SMALL], ids=["big", "small"])
LOCALES = {"de": "de", "fr": "fr", "es": "es-ES", "ja": "ja"}
STYLES = {"ink": Style()}
LABEL, DESCRIPTION = 45, 100  # what a form's field takes
OWN = {"mine": {"ping", "recipe"}, "server": {"channel", "role", "waiting"}}
TYPES = {
    Kind.TEXT: {AppCommandOptionType.string},
    Kind.WHOLE_NUMBER: {AppCommandOptionType.integer, AppCommandOptionType.string},
    Kind.NUMBER: {AppCommandOptionType.number},
    Kind.SWITCH: {AppCommandOptionType.boolean},
    Kind.CHOICE: {AppCommandOptionType.string},
    Kind.STYLE: {AppCommandOptionType.string},
    Kind.MODEL: {AppCommandOptionType.string},
    Kind.LORA: {AppCommandOptionType.string},
    Kind.FILE: {AppCommandOptionType.attachment},
}
SLASH = [spec for spec in OPTIONS if spec.slash]
SETTINGS: list[tuple[str, OptionSpec, Setting]] = [
    (place, spec, setting)
    for place in ("mine", "server")
    for spec in OPTIONS
    if (setting := getattr(spec, place))
]


async def _registered(options: dict[str, Option]) -> dict[str, dict[str, Any]]:
    """Return what Discord is told of these options, by name."""
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    made = command("gif", Text("Make a GIF of what you describe."), _nothing, options)
    told = await made.get_translated_payload(tree, LocaleTranslator())
    return {option["name"]: option for option in told["options"]}


async def _nothing(interaction: discord.Interaction[Any], **given: Any) -> None:
    del interaction, given


# -- /gif ----------------------------------------------------------------------------------------


@MODELS
def test_gif_has_the_tables_options_and_no_other(limits: ModelLimits) -> None:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    for styles, offers_models in (({}, False), (STYLES, False), (STYLES, True)):
        built = gif.build(limits, styles, offers_models=offers_models)
        told = built.to_dict(tree)["options"]
        empty = {Kind.STYLE: not styles, Kind.MODEL: not offers_models}
        wanted = [spec.name for spec in SLASH if not empty.get(spec.kind)]
        assert [option["name"] for option in told] == wanted


@MODELS
async def test_gifs_options_are_registered_as_declared(limits: ModelLimits) -> None:
    told = await _registered(slash_options(limits, STYLES, offers_models=True))
    for spec in SLASH:
        assert spec.slash is not None
        option = told[spec.name]
        assert AppCommandOptionType(option["type"]) in TYPES[spec.kind]
        assert option["description"] == str(resolve(spec.slash.description, limits))
        assert not option["required"]
        if spec.bounds is not None:
            assert _bounds(option) == _wanted_bounds(spec, limits), spec.name
        if spec.choices is not None:
            offered = [choice["value"] for choice in option["choices"]]
            assert offered == list(spec.choices(limits))
        assert bool(option.get("autocomplete")) == (spec.kind in (Kind.LORA, Kind.MODEL))


def _bounds(option: dict[str, Any]) -> tuple[float, float]:
    kind = "length" if option["type"] == AppCommandOptionType.string.value else "value"
    return option[f"min_{kind}"], option[f"max_{kind}"]


def _wanted_bounds(spec: OptionSpec, limits: ModelLimits) -> tuple[float, float]:
    assert spec.bounds is not None
    lowest, highest = spec.bounds(limits)
    # a seed is longer than Discord's integers
    return (lowest, highest) if highest < 2**53 else (1, len(str(highest)))


# -- /settings -----------------------------------------------------------------------------------


def test_settings_has_the_tables_options_and_its_own() -> None:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    for told in settings.build(BIG, STYLES, offers_models=True).to_dict(tree)["options"]:
        place = told["name"]
        names = [option["name"] for option in told["options"]]
        assert len(set(names)) == len(names)
        wanted = {spec.name for where, spec, _ in SETTINGS if where == place}
        assert set(names) == wanted | OWN[place]


@MODELS
@pytest.mark.parametrize("place", ["mine", "server"])
async def test_settings_are_registered_as_declared(limits: ModelLimits, place: Any) -> None:
    told = await _registered(setting_options(place, limits, STYLES, {}, offers_models=True))
    for where, spec, setting in SETTINGS:
        if where != place:
            continue
        option = told[spec.name]
        assert option["description"] == str(resolve(setting.description, limits))
        assert not option["required"]
        if spec.bounds is not None:
            lowest, highest = spec.bounds(limits)
            least = lowest if setting.lowest is None else setting.lowest
            assert _bounds(option) == (least, highest)
        if spec.choices is not None:
            offered = [choice["value"] for choice in option["choices"]]
            assert offered == [*spec.choices(limits), NO_SETTING]


def test_what_is_set_is_taken_where_nothing_is_given() -> None:
    """Each setting that is a default, of an option in tests too; the most of a server is none."""
    usual: dict[str, Any] = {"style": "ink", "private": True, "lora": "ink"}
    offered = [spec for spec in WITH_WOBBLE if spec.mine or spec.server]
    kept = {spec.name: usual.get(spec.name) or sample_value(spec, SMALL) for spec in offered}
    mine = {spec.name for spec in offered if spec.mine}
    assert kept_defaults(SMALL, STYLES, kept, {}, WITH_WOBBLE) == {
        name: kept[name] for name in mine
    }
    of_a_server = {"style", "lora", "model", "wobble"}
    assert kept_defaults(SMALL, STYLES, {}, kept, WITH_WOBBLE).keys() == of_a_server
    both = kept_defaults(SMALL, STYLES, {"wobble": 1.0}, {"wobble": 2.0}, WITH_WOBBLE)
    assert both == {"wobble": 1.0}


def test_what_is_offered_no_more_is_no_default() -> None:
    """Else it would refuse each /gif, and a style couldn't even be forgotten without styles."""
    own = {"style": "ink", "size": "giant", "image_strength": 7, "negative_prompt": "text"}
    assert kept_defaults(BIG, {}, own, {"style": "ink"}) == {"negative_prompt": "text"}
    assert kept_defaults(BIG, STYLES, {"style": "gone"}, {"style": "ink"}) == {"style": "ink"}


# -- the panel and the typed command ---------------------------------------------------------------


def test_each_option_for_people_is_in_one_group_of_the_panel() -> None:
    grouped = [spec.name for group in Group for spec in group_specs(group)]
    assert len(set(grouped)) == len(grouped)
    assert set(grouped) == {spec.name for spec in OPTIONS if spec.label}
    assert {spec.name for spec in SLASH} <= set(grouped)


def _request(limits: ModelLimits) -> Request:
    """Return a request with another value than the usual one of every option of the panel."""
    given = {spec.name: sample_value(spec, limits) for spec in OPTIONS if spec.form and spec.field}
    changed = GifOptions[Any](**given).to_request(limits)
    size = limits.size("wide")
    return Request(
        **{name: getattr(changed, name) for name in Request.__dataclass_fields__}
        | {
            "width": size.width,
            "height": size.height,
            "loras": (Lora("a" * 64, 0.5), Lora("b" * 64, -1)),
            "controls": (Control("canny", 0.5), Control("depth", 0.5)),
            "control_source": "c" * 64,
            "image": "d" * 64,
            "image_strength": 0.25,
        }
    )


def _context(limits: ModelLimits) -> Any:
    """Return what the panel asks of a bot with two models and a style."""
    named = {"": "usual", "other": "other"}
    models = {
        name: OfferedModel(name=name, key=name, label=label, limits=limits, declared={})
        for name, label in named.items()
    }
    catalogue = ModelCatalogue(models.values())
    jobs = SimpleNamespace(models=lambda: set(models))
    return SimpleNamespace(models=catalogue, settings=SimpleNamespace(styles=STYLES), jobs=jobs)


def _filled(form: Form) -> dict[str, str]:
    """Return what a form shows, by the fields' ids."""
    found: dict[str, str] = {}
    for item in form.walk_children():
        if isinstance(item, discord.ui.TextInput):
            found[item.custom_id] = item.default or ""
        elif isinstance(item, discord.ui.Select):
            found[item.custom_id] = ",".join(each.value for each in item.options if each.default)
        elif isinstance(item, discord.ui.Checkbox):
            found[item.custom_id] = YES if item.default else ""
    return found


# What no GIF tells of itself: files, and how it was wanted.
_APART = {"control_gif", "control_link", "control_pictures", "image", "image_link"} | {
    *("style", "quality", "count", "format", "private", "search", "clear")
}


@MODELS
@pytest.mark.parametrize("group", Group)
def test_a_form_shows_what_made_a_gif_and_changes_nothing(
    limits: ModelLimits, group: Group
) -> None:
    """In each language it fits into Discord, which takes five fields."""
    context, request = _context(limits), replace(_request(limits), model="other")
    state = PanelState(id="d", user_id=1, base=request)
    loras = {"a" * 64: "Ink", "b" * 64: "Wool"}
    for locale in ("en-US", *LOCALES.values()):
        with in_language(locale):
            form = Form("send", "d", "Form", fields_of_group(context, state, group, loras))
            for label in form.children:
                assert isinstance(label, discord.ui.Label)
                assert 0 < len(label.text) <= LABEL
                assert len(label.description or "") <= DESCRIPTION
    shown = _filled(form)
    assert all(shown[name] for name in shown if name not in _APART)
    assert read_group(context, state, group, shown) == {}


@pytest.mark.parametrize("group", Group)
def test_what_is_emptied_or_changed_is_told_apart(group: Group) -> None:
    context, state = (
        _context(BIG),
        PanelState(id="d", user_id=1, base=replace(_request(BIG), model="other")),
    )
    specs = [spec for spec in group_specs(group) if not is_file(spec)]
    emptied = read_group(context, state, group, dict.fromkeys((spec.name for spec in specs), ""))
    assert set(emptied) == {spec.name for spec in specs if spec.name not in _APART}
    assert not any(emptied.values())


def test_the_typed_command_has_every_option_that_made_a_gif() -> None:
    """What the panel alone offers stands below it, where it is another than by default."""
    origin = SimpleNamespace(suffix=".webp")
    job: Any = SimpleNamespace(request=_request(BIG), lora_names=("Ink", "Wool"), origin=origin)
    typed, hint = typed_command(job, BIG), panel_hint(job, BIG)
    # files are attached by hand, a style stands in the prompt, and the rest made no GIF another
    apart = {"control_gif", "control_link", "control_pictures", "image", "image_link"} | {
        *("style", "quality", "count", "private")
    }
    for spec in OPTIONS:
        if spec.slash is not None:
            assert (f" {spec.name}:" in typed) == (spec.name not in apart), spec.name
        elif spec.label:
            assert (f"{spec.label}: " in hint) == (spec.name not in apart), spec.name
    usual = GifOptions[Any](prompt="a cat").to_request(BIG)
    plain: Any = SimpleNamespace(
        request=usual, lora_names=(), origin=SimpleNamespace(suffix=".gif")
    )
    assert panel_hint(plain, BIG) == ""
    assert "motion" not in typed_command(plain, BIG)


# -- languages -----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", TRANSLATED)
async def test_an_options_name_and_description_are_localized(language: str) -> None:
    locale = LOCALES[language]
    told = await _registered(slash_options(BIG, STYLES, offers_models=True))
    for spec in SLASH:
        assert spec.slash is not None
        option = told[spec.name]
        with in_language(locale):
            assert option["name_localizations"][locale] == as_option_name(spec.label)
            description = translate(resolve(spec.slash.description, BIG))
            assert option["description_localizations"][locale] == description


@pytest.mark.parametrize("language", TRANSLATED)
def test_all_that_is_declared_for_people_is_translated(language: str) -> None:
    translated = {message.id for message in words.catalogue(language) if message.string}
    for spec in OPTIONS:
        for text in _texts(spec):
            assert text.template in translated, text


def _texts(spec: OptionSpec) -> Iterator[Text]:
    yield from filter(None, (spec.label, spec.subject, spec.refusal))
    for offer in (spec.slash, spec.mine, spec.server):
        if offer is not None:
            yield resolve(offer.description, BIG)
    yield from (setting.label for setting in (spec.mine, spec.server) if setting and setting.label)
    yield resolve(spec.described, BIG)
    if spec.form is not None and spec.form.label:
        yield spec.form.label
    choices: Sequence[Any] = list(spec.choices(BIG).values()) if spec.choices else []
    yield from (each for each in choices if isinstance(each, Text))


# -- a new entry ---------------------------------------------------------------------------------


async def test_a_new_entry_is_offered_everywhere() -> None:
    [added] = [spec for spec in WITH_WOBBLE if spec not in OPTIONS]
    slash = await _registered(slash_options(SMALL, STYLES, WITH_WOBBLE))
    assert slash["wobble"]["description"] == "How much it wobbles, up to 10."
    assert _bounds(slash["wobble"]) == (0, 3)
    assert set(slash["wobble"]["name_localizations"]) == {"de", "fr", "es-ES", "es-419", "ja"}
    places: list[Any] = ["mine", "server"]
    for place in places:
        told = await _registered(setting_options(place, SMALL, STYLES, {}, WITH_WOBBLE))
        assert _bounds(told["wobble"]) == (0, 3)
    assert added in group_specs(Group.FINE, WITH_WOBBLE)
    shown = _filled(Form("send", "job", "Form", fields_of(added, SMALL, "1.5", {})))
    assert shown == {"wobble": "1.5"}
