"""Turns what a person chooses in a menu or fills into a form into what Discord's client sends.

The client lets nothing through that a component doesn't take: that raises NotOffered. A careless
one only knows which components there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bot.sandbox.client.command_options import FilledOptions
from bot.sandbox.components import (
    CHANNEL_SELECT,
    CHECKBOX,
    CHECKBOX_GROUP,
    FILE_UPLOAD,
    MENTIONABLE_SELECT,
    RADIO_GROUP,
    ROLE_SELECT,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    USER_SELECT,
    counts_of,
)
from bot.sandbox.errors import NotOffered

Json = dict[str, Any]

_LONGEST = 4000
# The type of a command's option that takes what a component does.
_OPTION_TYPES = {
    USER_SELECT: 6,
    CHANNEL_SELECT: 7,
    ROLE_SELECT: 8,
    MENTIONABLE_SELECT: 9,
    FILE_UPLOAD: 11,
}


def fields_of(form: Json) -> Iterator[Json]:
    """Yield what can be filled in, each with the label that people read."""
    for part in form["components"]:
        if "component" in part:
            yield {"label": part["label"], **part["component"]}
        else:
            yield from part.get("components") or ()


class FilledForm:
    """Choices and fields, and the things that they refer to: those are in ``resolved``."""

    def __init__(self, references: FilledOptions, *, careless: bool = False) -> None:
        self._references = references
        self._careless = careless
        self.resolved = references.resolved

    def components(self, form: Json, values: Mapping[str, Any]) -> list[Json]:
        """Return a form's components as they are submitted; ``values`` by custom_id or label.

        Texts are strings; options, people and uploads may be several in a list; a check box is True
        or False. What isn't named stays as the form was shown.
        """
        fields = list(fields_of(form))
        for name in values:
            if not any(name in (field["custom_id"], field.get("label")) for field in fields):
                names = ", ".join(str(field.get("label")) for field in fields) or "none"
                words = "There is no field {name}; there are: {names}."
                raise NotOffered(words, name=name, names=names)
        return [self._part(part, values) for part in form["components"]]

    def _part(self, part: Json, values: Mapping[str, Any]) -> Json:
        sent = {"type": part["type"], "id": part["id"]}
        if "component" in part:
            return sent | {"component": self._field(part["component"], part["label"], values)}
        if part["type"] == TEXT_DISPLAY:
            return sent
        inputs = [self._field(each, each.get("label"), values) for each in part["components"]]
        return sent | {"components": inputs}

    def _field(self, field: Json, label: str | None, values: Mapping[str, Any]) -> Json:
        given = values.get(field["custom_id"], values.get(label or ""))
        name = label or field["custom_id"]
        readers: dict[int, Callable[[Json, str, Any], Json]] = {
            TEXT_INPUT: self._text,
            RADIO_GROUP: self._radio,
            CHECKBOX: self._checkbox,
        }
        read = readers.get(field["type"], self._several)
        sent = {"type": field["type"], "id": field["id"], "custom_id": field["custom_id"]}
        return sent | read(field, name, given)

    def _text(self, field: Json, name: str, given: Any) -> Json:
        value = given if given is not None else field.get("value") or ""
        shortest, longest = field.get("min_length") or 0, field.get("max_length") or _LONGEST
        length = len(value) if isinstance(value, str) else -1
        self._check(
            shortest <= length <= longest if value else not _is_required(field), name, value
        )
        return {"value": value}

    def _checkbox(self, field: Json, name: str, given: Any) -> Json:
        value = bool(field.get("default")) if given is None else given
        self._check(isinstance(value, bool), name, value)
        return {"value": value}

    def _radio(self, field: Json, name: str, given: Any) -> Json:
        chosen = _chosen_before(field)
        if given is not None:
            chosen = [self._option(field, each) for each in _listed(field, given)]
        fits = len(chosen) == 1 or not (chosen or _is_required(field))
        self._check(fits, name, chosen)
        return {"value": chosen[0] if chosen else None}

    def _several(self, field: Json, name: str, given: Any) -> Json:
        if given is None:
            values = _chosen_before(field)
        else:
            values = self.picked(field, name, _listed(field, given))
        self._check_count(field, name, values, needed=_is_required(field))
        return {"values": values}

    # -- menus -------------------------------------------------------------------------------------

    def chosen(self, menu: Json, values: tuple[Any, ...]) -> list[str]:
        """Return what is chosen in a message's menu, as it is sent."""
        name = menu.get("placeholder") or menu["custom_id"]
        picked = self.picked(menu, name, list(values))
        self._check_count(menu, name, picked, needed=True)
        return picked

    def picked(self, field: Json, name: str, given: list[Any]) -> list[str]:
        """Return the values of options, or the ids of people, roles, channels and files."""
        if field["type"] in (STRING_SELECT, CHECKBOX_GROUP):
            return [self._option(field, each) for each in given]
        option = {"name": name, "type": _OPTION_TYPES[field["type"]]}
        kinds = field.get("channel_types") or ()
        for thing in given if kinds and not self._careless else ():
            self._check(getattr(thing, "type", None) in kinds, name, thing)
        return [str(self._references.typed(option, each)) for each in given]

    def _option(self, field: Json, wanted: str) -> str:
        for option in field["options"]:
            if wanted in (option["value"], option["label"]):
                return str(option["value"])
        if self._careless:
            return wanted
        names = ", ".join(option["label"] for option in field["options"])
        raise NotOffered("There is no option {name}; there are: {names}.", name=wanted, names=names)

    def _check_count(self, field: Json, name: str, values: list[str], *, needed: bool) -> None:
        fewest, most = counts_of(field)
        fits = fewest <= len(values) <= most or not (values or needed)
        self._check(fits and len(set(values)) == len(values), name, values)

    def _check(self, fits: bool, name: str, value: Any) -> None:
        if not (fits or self._careless):
            raise NotOffered("{name} does not take {value}.", name=name, value=repr(value))


def _is_required(field: Json) -> bool:
    return field.get("required") is not False


def _listed(field: Json, given: Any) -> list[Any]:
    """Return what is given as a list; options may come as one text, with commas between them."""
    if isinstance(given, list | tuple):
        return list(given)
    labels = [option[key] for option in field.get("options") or () for key in ("value", "label")]
    if isinstance(given, str) and given not in labels:
        return [each.strip() for each in given.split(",") if each.strip()]
    return [given]


def _chosen_before(field: Json) -> list[str]:
    """Return what a form shows as chosen when it is opened."""
    options = [option["value"] for option in field.get("options") or () if option.get("default")]
    return options + [str(each["id"]) for each in field.get("default_values") or ()]
