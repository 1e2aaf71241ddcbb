"""The panel: everything that a GIF is made of, one line a group, with a form for each.

*Edit* under a result opens it with what made that GIF, and /gif without a prompt with what was
given. It waits as a draft in the database: it works after a restart, what was typed stays there
until *Go* or *Cancel*, and *Go*, pressed twice, makes one GIF.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from functools import partial
from typing import Any

import discord

from bot.commands.defaults import wants_private
from bot.commands.earlier_answer import edit_earlier_answer
from bot.commands.lora_choice import usable_lora, viewer_of
from bot.commands.make_gif import take_picture, take_source
from bot.commands.option_parsing import GivenOptions
from bot.commands.panel_fields import (
    CLEAR,
    MAX_OPTIONS,
    SEARCH,
    fields_of_group,
    is_file,
    read_group,
    upload_names,
)
from bot.commands.panel_files import has_files, take_files
from bot.commands.panel_message import (
    ALREADY_REQUESTED,
    change_panel,
    edit_or_send,
    group_action,
    own_panel,
    refusal_note,
    show_panel,
    write_panel,
)
from bot.commands.panel_order import submit_panel
from bot.commands.panel_state import LORA_NAMES, PanelState, kept_file
from bot.commands.result_actions import job_of
from bot.commands.submit import check_allowed, defer
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.storage import drafts
from bot.storage import loras as rows
from bot.storage.models import Job
from bot.ui.actions import Action, Form, Values, prefilled
from bot.ui.panel import closed_view
from generator.contract.messages import Request
from generator.contract.options.gif_options import OPTIONS, spec_named
from generator.contract.options.spec import Group
from generator.contract.text import TranslatableError

_Interaction = discord.Interaction[Any]


# -- how it is opened ------------------------------------------------------------------------------


async def open_new(interaction: _Interaction, given: GivenOptions) -> None:
    """Open the panel with what was given of /gif. Raises RefusedError, MediaError."""
    await check_allowed(interaction, [])
    values = {
        spec.name: value
        for spec in OPTIONS
        if (value := getattr(given, spec.name)) is not None and not is_file(spec)
    }
    values |= {name: value[0] for name, value in values.items() if isinstance(value, tuple)}
    names: dict[str, str] = {}
    for name in LORA_NAMES:
        if name in values:
            lora = await usable_lora(interaction, values[name])
            values[name], names[lora.id] = lora.id, lora.name
    if given.control_gif is not None or given.image is not None:
        await defer(interaction, private=True)
    if given.control_gif is not None:
        values["control_gif"] = kept_file(await take_source(interaction, given.control_gif))
    if given.image is not None:
        values["image"] = kept_file(await take_picture(interaction, given.image))
    await _open(interaction, PanelState(id="", user_id=0, values=values, names=names))


async def edit(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Open the panel with what made a GIF; of several in one message, the one that was chosen."""
    job = await job_of(interaction, values.get("choice", job_id))
    state = state_of_job(job)
    if job.origin.private and job.user_id == interaction.user.id:
        state = replace(state, values={"private": True})
    await _open(interaction, state)


async def open_request(interaction: _Interaction, request: Request, relation: str) -> None:
    """Open the panel with a request that came in a file."""
    names = await lora_names(interaction, request)
    state = PanelState(id="", user_id=0, base=request, relation=relation, names=names)
    await _open(interaction, state)


def state_of_job(job: Job) -> PanelState:
    """Return a panel that makes a GIF anew."""
    names = dict(zip((lora.path for lora in job.request.loras), job.lora_names, strict=False))
    return PanelState(
        id="", user_id=0, base=job.request, job_id=job.id, relation="edit", names=names
    )


async def lora_names(interaction: _Interaction, request: Request) -> dict[str, str]:
    """Return what those LoRAs of a request are called that this person may use, by their files."""
    database, viewer = context_of(interaction).database, viewer_of(interaction)
    found = [await database.read(rows.usable_by_blob, viewer, lora.path) for lora in request.loras]
    return {lora.blob: lora.name for lora in found if lora is not None}


async def _open(interaction: _Interaction, state: PanelState) -> None:
    """Write the draft of a new panel and show it."""
    await show_panel(interaction, await write_new(interaction, state))


async def write_new(interaction: _Interaction, state: PanelState) -> PanelState:
    """Write the draft of a new panel, which answers this interaction; return it."""
    values = dict(state.values)
    if await wants_private(interaction):  # said, so that it can be chosen otherwise
        values.setdefault("private", True)
    state = replace(
        state,
        id=secrets.token_hex(16),
        user_id=interaction.user.id,
        values=values,
        token=interaction.token,
    )
    await context_of(interaction).keep_draft(state.draft)
    return state


# -- its forms -------------------------------------------------------------------------------------


async def open_group(
    group: Group, interaction: _Interaction, draft_id: str, values: Values
) -> None:
    """Open the form of a group, filled in with what is set, or with what was refused."""
    del values
    context, state = context_of(interaction), await own_panel(interaction, draft_id)
    loras = await _offered_loras(interaction, state) if group is Group.LORAS else {}
    with prefilled(state.typed.get(group, {})):
        fields = fields_of_group(context, state, group, loras)
        form = Form(f"{group_action(group)}_send", draft_id, translate(group.label), fields)
    await interaction.response.send_modal(form)


async def send_group(
    group: Group, interaction: _Interaction, draft_id: str, values: Values
) -> None:
    """Take over what a form says; what is refused stays in it, and the panel says why."""
    with context_of(interaction).panels_in_hand.holding(draft_id):  # till its files are here
        await _take_form(group, interaction, draft_id, values)


async def _take_form(
    group: Group, interaction: _Interaction, draft_id: str, values: Values
) -> None:
    state = await own_panel(interaction, draft_id)
    try:
        changes, note = await _read(interaction, state, group, values)
    except TranslatableError as error:
        uploads = {name for spec in OPTIONS for name in upload_names(spec)}
        typed = {name: word for name, word in values.items() if name not in uploads}
        await change_panel(interaction, state, {"typed": {group: typed}}, refusal_note(error))
        return
    await change_panel(interaction, state, changes | {"typed": {group: {}}}, note)


async def _read(
    interaction: _Interaction, state: PanelState, group: Group, typed: Values
) -> tuple[dict[str, Any], str]:
    """Return what a form changes of a panel's draft, and what to say of it."""
    context = context_of(interaction)
    changed = read_group(context, state, group, typed)
    names: dict[str, str] = {}
    for name in LORA_NAMES:
        if changed.get(name) is not None:
            lora = await usable_lora(interaction, changed[name])
            changed[name], names[lora.id] = lora.id, lora.name
    changes: dict[str, Any] = {}
    note = ""
    if group is Group.LORAS:
        search = typed.get(SEARCH, "").strip()
        changes["search"] = search
        if search and search != state.search:
            note = await _search(interaction, state, search, changed, names)
    if has_files(group, typed) or typed.get(CLEAR):
        if has_files(group, typed):
            await interaction.response.defer()
        changed |= await take_files(interaction, group, typed)
    return changes | {"values": changed, "names": names}, note


async def _search(
    interaction: _Interaction,
    state: PanelState,
    search: str,
    changed: dict[str, Any],
    names: dict[str, str],
) -> str:
    """Look for LoRAs; choose the only one that there is. Raises RefusedError for none."""
    database = context_of(interaction).database
    found = await database.read(rows.matching, viewer_of(interaction), search, limit=MAX_OPTIONS)
    if not found:
        raise RefusedError(
            "None of the LoRAs that you can use here have {typed} in their name.", typed=search
        )
    if len(found) > 1:
        return translate("Several LoRAs were found; press LoRAs again to choose one.")
    taken = {**state.values, **changed}
    place = next((name for name in LORA_NAMES if not taken.get(name)), LORA_NAMES[0])
    changed[place], names[found[0].id] = found[0].id, found[0].name
    return ""


async def _offered_loras(interaction: _Interaction, state: PanelState) -> dict[str, str]:
    """Return the LoRAs of the form: those chosen, and the closest to what was looked for.

    One's own come first where nothing was.
    """
    database, viewer = context_of(interaction).database, viewer_of(interaction)
    if state.search:
        found = await database.read(rows.matching, viewer, state.search, limit=MAX_OPTIONS)
    else:
        found, _ = await database.read(rows.page, viewer, limit=MAX_OPTIONS, offset=0)
    limits = context_of(interaction).models.default_limits
    chosen = [state.value(spec_named(name), limits) for name in LORA_NAMES]
    offered = {
        value: state.names.get(value, translate("a LoRA")) for value in chosen if value is not None
    }
    offered |= {lora.id: lora.name for lora in found if lora.blob not in offered}
    return dict(list(offered.items())[:MAX_OPTIONS])


# -- its ends --------------------------------------------------------------------------------------


async def go(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Submit the GIF; once, however often Go is pressed."""
    del values
    await submit_state(interaction, await own_panel(interaction, draft_id))


async def submit_state(interaction: _Interaction, state: PanelState) -> None:
    """Submit the GIF of a panel; what was refused of its forms is tried once more before."""
    context = context_of(interaction)
    if state.id in context.panels_in_hand:
        raise RefusedError("A file that you sent is still being read; press Go again in a moment.")
    for group, typed in state.typed.items():  # what was refused, and nobody corrected
        if has_files(Group(group), typed):  # a link: it may be there by now
            await send_group(Group(group), interaction, state.id, typed)
            return
        try:
            changes, _ = await _read(interaction, state, Group(group), typed)
        except TranslatableError as error:
            await show_panel(interaction, state, refusal_note(error))
            return
        state = await write_panel(context, state, changes)
    if not await context.database.write(drafts.consume, state.id, interaction.user.id):
        raise GoneError(ALREADY_REQUESTED)
    try:
        await submit_panel(interaction, state)
    except Exception as error:  # nothing was taken on, so Go may be pressed again
        await context.database.write(drafts.add, state.draft)
        if isinstance(error, TranslatableError) and not interaction.response.is_done():
            await change_panel(interaction, state, {}, refusal_note(error))
            return
        raise
    view = closed_view(translate("Your GIF was requested."))
    await edit_earlier_answer(interaction, state.token, state.message_id, view=view)


async def cancel(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Discard the panel, and the files that nothing else needs."""
    del values
    context, state = context_of(interaction), await own_panel(interaction, draft_id)
    if not await context.database.write(drafts.consume, state.id, interaction.user.id):
        raise GoneError(ALREADY_REQUESTED)
    await edit_or_send(interaction, closed_view(translate("Cancelled; nothing was made.")))
    await context.drop_unreferenced([each.blob for each in state.files])


FORMS: dict[str, tuple[str, Values]] = {
    f"{group_action(group)}_send": (group_action(group), {}) for group in Group
}
ACTIONS: dict[str, Action] = {
    "edit": edit,
    "panel_go": go,
    "panel_cancel": cancel,
    **{group_action(group): partial(open_group, group) for group in Group},
    **{f"{group_action(group)}_send": partial(send_group, group) for group in Group},
}
