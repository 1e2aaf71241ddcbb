"""Buttons, menus and forms that work after a restart, by what their custom_id says.

A custom_id is ``do:ACTION:ID``, ``pick:ACTION:ID`` or ``form:ACTION:ID:NONCE``, where the id is a
job's, a draft's or a LoRA's. Anybody can forge one, so whoever acts on it asks who is asking. What
each action does is a table on the client (``bot.commands.ACTIONS``), and so is how each form is
opened (``bot.commands.FORMS``); nothing is kept in memory.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Self

import discord
from discord import ButtonStyle, SelectOption
from discord.ui import Button, Checkbox, DynamicItem, Item, Label, Modal, Select, TextInput, View

from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.storage import drafts, sent_forms
from bot.storage.drafts import Draft
from bot.ui.answers import answer_errors, error_message, send_ephemeral
from generator.contract.text import TranslatableError

Values = Mapping[str, str]
"""What was chosen or filled in: a menu's choice as ``choice``, a form's fields by their names."""
Action = Callable[[discord.Interaction[Any], str, Values], Awaitable[None]]

YES = "yes"
_NOTHING: Values = MappingProxyType({})
_typed: ContextVar[Values] = ContextVar("typed", default=_NOTHING)
_TARGET = r"(?P<action>[a-z_]{1,24}):(?P<id>[0-9a-z]{1,40})"
_FORM = re.compile(rf"form:{_TARGET}:(?P<nonce>[0-9a-f]{{16}})")


class ActionButton(DynamicItem[Button[View]], template=rf"do:{_TARGET}"):
    """A button that does ``action`` to what ``target`` names."""

    def __init__(
        self,
        action: str,
        target: str,
        *,
        label: str = "…",
        style: ButtonStyle = ButtonStyle.secondary,
        row: int | None = None,
    ) -> None:
        self._action = action
        self._target = target
        custom_id = f"do:{action}:{target}"
        super().__init__(Button(label=label, style=style, custom_id=custom_id, row=row))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Item[Any], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(match["action"], match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await run_action(interaction, self._action, self._target, {})


class ActionMenu(DynamicItem[Select[View]], template=rf"pick:{_TARGET}"):
    """A menu that does ``action`` to what ``target`` names, with the option that was chosen."""

    def __init__(
        self,
        action: str,
        target: str,
        *,
        placeholder: str = "…",
        options: Sequence[SelectOption] = (),
        row: int | None = None,
    ) -> None:
        self._action = action
        self._target = target
        menu: Select[View] = Select(
            custom_id=f"pick:{action}:{target}",
            placeholder=placeholder,
            options=list(options) or [SelectOption(label="…", value="-")],
            row=row,
        )
        super().__init__(menu)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Item[Any], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(match["action"], match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        data: Any = interaction.data
        chosen = (data.get("values") or [""])[0]
        await run_action(interaction, self._action, self._target, {"choice": str(chosen)})


class Form(Modal):
    """A modal; what is sent comes back through ``handle_form``, also after a restart."""

    def __init__(self, action: str, target: str, title: str, fields: Sequence[Item[View]]) -> None:
        custom_id = f"form:{action}:{target}:{secrets.token_hex(8)}"
        super().__init__(title=title[:45], custom_id=custom_id, timeout=1)
        for field in fields:
            _fill_in(field, _typed.get())
            self.add_item(field)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Do nothing: ``handle_form`` handles every form, whether this process showed it or not."""


@contextmanager
def prefilled(values: Values) -> Iterator[None]:
    """Fill the fields of forms that are made inside with ``values``."""
    token = _typed.set(values)
    try:
        yield
    finally:
        _typed.reset(token)


def _fill_in(field: Item[View], values: Values) -> None:
    inner = field.component if isinstance(field, Label) else field
    if isinstance(inner, TextInput) and inner.custom_id in values:
        inner.default = values[inner.custom_id][: inner.max_length]
    elif isinstance(inner, Select) and inner.custom_id in values:
        chosen = values[inner.custom_id].split(",")
        for option in inner.options:
            option.default = option.value in chosen
    elif isinstance(inner, Checkbox) and inner.custom_id in values:
        inner.default = bool(values[inner.custom_id])


async def handle_form(interaction: discord.Interaction[Any]) -> None:
    """Act on a form; for interactions of other types, do nothing.

    One that was sent before, also to an earlier run, is a mistake or a trick. Where one is refused,
    it can be opened again with all that was typed.
    """
    data: Any = interaction.data
    if interaction.type is not discord.InteractionType.modal_submit:
        return
    match = _FORM.fullmatch(str(data.get("custom_id")))
    async with answer_errors(interaction):
        if match is None:
            raise RefusedError("This form is no longer valid; open it again.")
        action, target, typed = match["action"], match["id"], _read_fields(data)
        if not await context_of(interaction).database.write(
            sent_forms.record_if_new, match["nonce"]
        ):
            raise RefusedError("That form has already been sent; open it again to send another.")
        try:
            await _run(interaction, action, target, typed)
        except TranslatableError as error:
            view = None
            if not isinstance(error, GoneError):
                view = await _reopen_view(interaction, action, target, typed)
            await send_ephemeral(interaction, error_message(error), view)


async def run_action(
    interaction: discord.Interaction[Any], action: str, target: str, values: Values
) -> None:
    """Run an action by its name; whatever goes wrong is answered by an ephemeral message."""
    async with answer_errors(interaction):
        await _run(interaction, action, target, values)


async def _run(
    interaction: discord.Interaction[Any], action: str, target: str, values: Values
) -> None:
    actions: Mapping[str, Action] = interaction.client.actions
    if action not in actions:
        raise outdated_button_error()
    await actions[action](interaction, target, values)


async def _reopen_view(
    interaction: discord.Interaction[Any], action: str, target: str, typed: Values
) -> View | None:
    """Return a button that opens a form as it was sent; None where the quota is used up."""
    if action not in interaction.client.forms:
        return None
    content = {"form": action, "target": target, "typed": dict(typed)}
    draft = Draft(secrets.token_hex(16), interaction.user.id, "", content)
    try:
        await context_of(interaction).keep_draft(draft)
    except RefusedError:
        return None
    view = View(timeout=None)
    return view.add_item(
        ActionButton("form_open", draft.id, label=translate("Open the form again"))
    )


async def reopen_form(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Open a refused form again with all that was typed in it. Raises RefusedError.

    Whatever opened it first does so again.
    """
    del values
    draft = await context_of(interaction).database.read(drafts.get, draft_id)
    if draft is None or draft.user_id != interaction.user.id or "form" not in draft.content:
        raise RefusedError("This form is no longer valid; open it again.")
    client: Any = interaction.client
    opener, chosen = client.forms.get(draft.content["form"], ("", {}))
    if opener not in client.actions:
        raise outdated_button_error()
    with prefilled(draft.content["typed"]):
        await client.actions[opener](interaction, draft.content["target"], chosen)


def outdated_button_error() -> RefusedError:
    """Return the error for a button that nothing answers to."""
    return RefusedError("This button is from another version of the bot; use a newer message.")


def _read_fields(data: Any) -> dict[str, str]:
    """Return a form's values by the custom_ids of their fields.

    Fields may be wrapped in anything. Of a menu, the choices stand with commas between them, and so
    do the ids of uploads; of a check box, ``YES`` or nothing.
    """
    found: dict[str, str] = {}
    todo = list(data.get("components") or ())
    while todo:
        part = todo.pop()
        if "value" in part:
            value = YES if part["value"] is True else part["value"] or ""
            found[str(part.get("custom_id"))] = str(value)
        elif "values" in part:
            found[str(part.get("custom_id"))] = ",".join(map(str, part["values"] or ()))
        todo += part.get("components") or ()
        todo += [part["component"]] if part.get("component") else []
    return found
