"""The preview of what a control GIF is followed in: its key frames, choices, and Go or Cancel.

What was asked for waits as a draft in the database, so the message works after a restart; pressed
twice, it makes one GIF. Depth takes a model and seconds, so its maps are drawn in after the key
frames. A preview whose draft is used up is closed: its buttons and menus go.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import discord
from discord import ButtonStyle, SelectOption, TextStyle
from discord.ui import TextInput, View

from bot.commands.earlier_answer import edit_earlier_answer
from bot.commands.option_parsing import with_control
from bot.commands.submit import JobOrder, submit_jobs, variations
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.intake.contact_sheets import cut_part, draw_depth_preview, draw_preview
from bot.storage import drafts
from bot.storage.drafts import Draft
from bot.storage.models import Attachment
from bot.ui import wording
from bot.ui.actions import ActionButton, ActionMenu, Form, Values
from generator.contract.bounds import MAX_PROMPT_CHARACTERS
from generator.contract.control_types import CONTROL_TYPES, DEPTH_MODEL, LOOSE
from generator.contract.messages import Request
from generator.contract.text import Text, TranslatableError

WHOLE = "0-100"
_PARTS = {
    WHOLE: Text("All of it"),
    "0-50": Text("The first half"),
    "25-75": Text("The middle"),
    "50-100": Text("The second half"),
}
_STRENGTHS = ("0.3", "0.5", "0.7", "1", "1.3")
_DEPTH_TYPES = ("depth", LOOSE)
_SHOWS_CONDITION = Text(
    "The key frames of your GIF, and what will be followed in them. Choose, then press Go."
)
_DEPTH_FOLLOWS = Text(
    "The key frames of your GIF; what depth sees in them will follow in a moment. Choose, "
    "then press Go."
)
_SHOWS_KEY_FRAMES = Text("The key frames of your GIF. Choose, then press Go.")
_FIRST_TYPE = "canny"  # its picture needs no model


async def show(
    interaction: discord.Interaction[Any],
    order: JobOrder,
    count: int,
    file: Attachment,
    *,
    asks_prompt: bool = False,
) -> None:
    """Answer a deferred interaction with the preview. Raises RefusedError.

    With ``asks_prompt``, Go first asks what is to move like that.
    """
    content = {
        "request": order.request.to_dict(),
        "source": asdict(file),
        "files": [asdict(each) for each in order.files],
        "part": WHOLE,
        "type": _FIRST_TYPE,
        "strength": "1",
        "suffix": order.suffix,
        "private": order.private,
        "count": count,
        "asks_prompt": asks_prompt,
        "parent_id": order.parent_id,
        "relation": order.relation,
        "style": order.style,
        "token": interaction.token,  # edits the preview once it is to be closed
    }
    draft = Draft(secrets.token_hex(16), interaction.user.id, file.blob, content)
    await context_of(interaction).keep_draft(draft)
    await _update(interaction, draft)


async def change_type(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Choose another control type."""
    await _change(interaction, draft_id, "type", values.get("choice", ""), tuple(CONTROL_TYPES))


async def change_part(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Choose another part of the source."""
    await _change(interaction, draft_id, "part", values.get("choice", ""), tuple(_PARTS))


async def change_strength(
    interaction: discord.Interaction[Any], draft_id: str, values: Values
) -> None:
    """Choose another strength."""
    await _change(interaction, draft_id, "strength", values.get("choice", ""), _STRENGTHS)


async def go(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Submit the job; once, however often Go is pressed."""
    del values
    draft = await _own_draft(interaction, draft_id)
    if not draft.content["asks_prompt"]:
        await _submit(interaction, draft)
        return
    field: TextInput[View] = TextInput(
        custom_id="prompt",
        label=translate("What should move like this"),
        style=TextStyle.paragraph,
        max_length=MAX_PROMPT_CHARACTERS,
    )
    await interaction.response.send_modal(
        Form("sheet_prompt", draft_id, translate("Your GIF"), (field,))
    )


async def prompt(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Submit the job with the prompt of the form."""
    draft = await _own_draft(interaction, draft_id)
    request = draft.content["request"] | {"prompt": values.get("prompt", "").strip()}
    context_of(interaction).models.check(Request.from_dict(request))
    await _submit(interaction, replace(draft, content=draft.content | {"request": request}))


async def cancel(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Discard the draft, and the files that nothing else needs."""
    del values
    draft, context = await _own_draft(interaction, draft_id), context_of(interaction)
    if not await context.database.write(drafts.consume, draft.id, interaction.user.id):
        raise GoneError("That GIF has already been requested.")
    words = translate("Cancelled; nothing was made.")
    await interaction.response.edit_message(content=words, attachments=[], view=None)
    await context.drop_unreferenced(
        [draft.blob, *(each["blob"] for each in draft.content["files"])]
    )


async def _submit(interaction: discord.Interaction[Any], draft: Draft) -> None:
    context = context_of(interaction)
    await interaction.response.defer(thinking=True, ephemeral=draft.content["private"])
    answer = await interaction.original_response()
    order = await _job_order(context, draft)
    if not await context.database.write(drafts.consume, draft.id, interaction.user.id):
        raise GoneError("That GIF has already been requested.")
    try:
        await submit_jobs(interaction, variations(order, draft.content["count"]), answer.id)
    except TranslatableError:  # nothing was taken on, so Go may be pressed again
        await context.database.write(drafts.add, draft)
        raise
    await _close(interaction, draft)
    await context.drop_unreferenced([draft.blob])  # where a part of it was chosen


async def _job_order(context: BotContext, draft: Draft) -> JobOrder:
    """Return the order that Go submits. Raises RefusedError and RequestError."""
    content = draft.content
    file = await _selected_part(context, draft)
    asked = Request.from_dict(content["request"])
    request = with_control(
        context.models.limits(asked.model),
        asked,
        file.blob,
        content["type"],
        content["strength"],
    )
    return JobOrder(
        request=request,
        files=(*(Attachment(**each) for each in content["files"]), file),
        suffix=content["suffix"],
        private=content["private"],
        parent_id=content["parent_id"],
        relation=content["relation"],
        style=content.get("style", ""),  # a draft of an earlier version has none
    )


async def _close(interaction: discord.Interaction[Any], draft: Draft) -> None:
    """Edit the preview so that it says that Go was heard and can't be pressed again.

    Go may come from a form that was opened again elsewhere, so the preview is edited by the token
    that drew it. Where that has expired, the next press closes it.
    """
    quoted = wording.excerpt(draft.content["request"]["prompt"])
    words = f"> {quoted}\n{translate('Your GIF was requested.')}"
    await edit_earlier_answer(interaction, draft.content.get("token", ""), content=words, view=None)


async def _change(
    interaction: discord.Interaction[Any],
    draft_id: str,
    key: str,
    value: str,
    offered: tuple[str, ...],
) -> None:
    await _own_draft(interaction, draft_id)
    if value not in offered:
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    await interaction.response.defer()
    changed = {key: value, "token": interaction.token}
    draft = await context_of(interaction).database.write(drafts.change, draft_id, changed)
    if draft is not None:
        await _update(interaction, draft)


async def _own_draft(interaction: discord.Interaction[Any], draft_id: str) -> Draft:
    """Return this person's own draft. Raises RefusedError, and closes the preview pressed."""
    draft = await context_of(interaction).database.read(drafts.get, draft_id)
    # a button can be forged to name a draft of another kind
    is_preview = draft is not None and "part" in draft.content
    if draft is not None and is_preview and draft.user_id == interaction.user.id:
        return draft
    pressed = interaction.message
    if pressed is not None and pressed.flags.ephemeral:  # a forged press closes nothing for others
        await interaction.response.edit_message(view=None)
    raise GoneError("That contact sheet was already used or has expired; attach the GIF again.")


async def _update(interaction: discord.Interaction[Any], draft: Draft) -> None:
    """Draw the preview and edit the message; where it shows depth, edit it again with that."""
    context, content = context_of(interaction), draft.content
    file = await _selected_part(context, draft)
    source, request = context.blobs.path(file.blob), Request.from_dict(content["request"])
    picture = context.scratch / f"sheet-{secrets.token_hex(8)}.png"
    depth_model = context.settings.generator.depth_model or DEPTH_MODEL
    try:
        preview = await draw_preview(
            draft.user_id,
            source,
            picture,
            request,
            control_type=content["type"],
            depth_model=depth_model,
        )
        uses_depth = content["type"] in _DEPTH_TYPES
        sentence = (
            _DEPTH_FOLLOWS
            if preview.depth_follows
            else _SHOWS_KEY_FRAMES
            if uses_depth
            else _SHOWS_CONDITION
        )
        await _edit_message(interaction, draft, [sentence, *preview.notes], picture)
        if not preview.depth_follows:
            return
        trouble = await draw_depth_preview(draft.user_id, source, picture, request, depth_model)
        sentence = _SHOWS_KEY_FRAMES if trouble else _SHOWS_CONDITION
        drawn = None if trouble else picture
        await _edit_message(interaction, draft, [sentence, *preview.notes, *trouble], drawn)
    finally:
        await asyncio.to_thread(picture.unlink, missing_ok=True)


async def _edit_message(
    interaction: discord.Interaction[Any],
    draft: Draft,
    words: Sequence[Text],
    picture: Path | None,
) -> None:
    """Edit the preview, unless it was changed or used meanwhile; None keeps its picture."""
    now = await context_of(interaction).database.read(drafts.get, draft.id)
    if now is None or _selection(now.content) != _selection(draft.content):
        return
    content: dict[str, Any] = {"content": _content(draft, words), "view": _view(draft)}
    if picture is not None:
        description = translate("The key frames.")
        content["attachments"] = [
            discord.File(picture, filename="sheet.png", description=description)
        ]
    await interaction.edit_original_response(**content)


def _selection(content: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(content[key] for key in ("type", "part", "strength"))


async def _selected_part(context: BotContext, draft: Draft) -> Attachment:
    """Return the selected part of the source, stored by its hash like the whole."""
    whole, part = Attachment(**draft.content["source"]), draft.content["part"]
    if part == WHOLE:
        return whole
    start, end = (int(percent) / 100 for percent in part.split("-"))
    part_file = context.scratch / f"part-{secrets.token_hex(8)}.png"
    try:
        await cut_part(draft.user_id, context.blobs.path(whole.blob), part_file, start, end)
        return await asyncio.to_thread(_store, context, part_file, whole.filename)
    finally:
        await asyncio.to_thread(part_file.unlink, missing_ok=True)


def _store(context: BotContext, part_file: Path, name: str) -> Attachment:
    size = part_file.stat().st_size
    return Attachment(context.blobs.adopt(part_file), name, size)


def _content(draft: Draft, words: Sequence[Text]) -> str:
    content = draft.content
    quoted = (
        [] if content["asks_prompt"] else [f"> {wording.excerpt(content['request']['prompt'])}"]
    )
    return "\n".join([*quoted, *map(translate, words)])


def _view(draft: Draft) -> View:
    view = View(timeout=None)
    content = draft.content
    view.add_item(ActionMenu("sheet_type", draft.id, options=_type_options(content["type"])))
    parts = [
        SelectOption(label=translate(label), value=value, default=value == content["part"])
        for value, label in _PARTS.items()
    ]
    view.add_item(ActionMenu("sheet_part", draft.id, placeholder=translate("Part"), options=parts))
    view.add_item(
        _menu(
            "sheet_strength",
            draft.id,
            Text("strength {name}"),
            content["strength"],
            _STRENGTHS,
        )
    )
    view.add_item(
        ActionButton("sheet_go", draft.id, label=translate("Go"), style=ButtonStyle.success)
    )
    view.add_item(ActionButton("sheet_cancel", draft.id, label=translate("Cancel")))
    return view


def _type_options(now: str) -> list[SelectOption]:
    return [
        SelectOption(label=translate(words), value=name, default=name == now)
        for name, words in CONTROL_TYPES.items()
    ]


def _menu(action: str, target: str, what: Text, now: str, names: tuple[str, ...]) -> ActionMenu:
    """Return a menu of ``names``; ``what`` is each option's label, with its ``name``."""
    options = [
        SelectOption(label=translate(what.with_values(name=name)), value=name, default=name == now)
        for name in names
    ]
    return ActionMenu(action, target, options=options)


ACTIONS = {
    "sheet_type": change_type,
    "sheet_part": change_part,
    "sheet_strength": change_strength,
    "sheet_go": go,
    "sheet_prompt": prompt,
    "sheet_cancel": cancel,
}
