"""The form that changes a request: filled in with what made a GIF, and read again."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.offered_options import form_field, form_specs
from bot.commands.option_parsing import read_form
from bot.core.translations import translate
from bot.ui.actions import Form, Values
from generator.contract.bounds import draw_seed
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request

_NAME = "edit"


def edit_form(action: str, target: str, request: Request) -> Form:
    """Return the form with the five fields that people change most; Discord takes no more."""
    fields = [form_field(spec, field, spec.value_of(request)) for spec, field in form_specs(_NAME)]
    return Form(action, target, translate("Make it again"), fields)


def read_edit_form(limits: ModelLimits, request: Request, values: Values) -> Request:
    """Return the request as the form changed it. Raises RequestError."""
    # A form can't tell "" from None: a field that stayed empty stays what it was.
    empty = "" if request.negative_prompt == "" else None
    base = replace(request, seed=draw_seed(), negative_prompt=empty)
    changed = read_form(_NAME, values).to_request(limits, base)
    limits.check(changed)
    return changed
