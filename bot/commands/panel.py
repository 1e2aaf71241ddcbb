"""The panel: everything that a GIF is made of, one line a group, with a form for each.

*Edit* under a result opens it with what made that GIF, and /gif without a prompt with what was
given. It waits as a draft in the database: it works after a restart, what was typed stays there
until *Go* or *Cancel*, and *Go*, pressed twice, makes one GIF.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
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
    describe_group,
    fields_of_group,
    is_file,
    offered_specs,
    read_group,
    upload_names,
)
from bot.commands.panel_files import has_files, take_files
from bot.commands.panel_order import submit_panel
from bot.commands.panel_state import KEY, LORA_NAMES, PanelState, amend, kept_file
from bot.commands.result_actions import job_of
from bot.commands.submit import check_allowed, defer
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.storage import drafts
from bot.storage import loras as rows
from bot.storage.models import Job
from bot.ui.actions import Action, Form, Values, prefilled
from bot.ui.answers import error_message
from bot.ui.panel import Line, closed_view, panel_note, panel_view
from generator.contract.messages import Request
from generator.contract.options.gif_options import OPTIONS, spec_named
from generator.contract.options.spec import Group
from generator.contract.text import Text, TranslatableError

logger = logging.getLogger(__name__)

_Interaction = discord.Interaction[Any]
_GONE = Text(
    "That panel was used, has expired, or is somebody else's; type /gif, or press Edit under a GIF."
)
_REQUESTED = Text("That GIF has already been requested.")


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
    """Open the panel with what made a GIF."""
    del values
    job = await job_of(interaction, job_id)
    state = _state_of_job(job)
    if job.origin.private and job.user_id == interaction.user.id:
        state = replace(state, values={"private": True})
    await _open(interaction, state)


async def open_request(interaction: _Interaction, request: Request, relation: str) -> None:
    """Open the panel with a request that came in a file."""
    names = await _lora_names(interaction, request)
    state = PanelState(id="", user_id=0, base=request, relation=relation, names=names)
    await _open(interaction, state)


def _state_of_job(job: Job) -> PanelState:
    names = dict(zip((lora.path for lora in job.request.loras), job.lora_names, strict=False))
    return PanelState(
        id="", user_id=0, base=job.request, job_id=job.id, relation="edit", names=names
    )


async def _lora_names(interaction: _Interaction, request: Request) -> dict[str, str]:
    database, viewer = context_of(interaction).database, viewer_of(interaction)
    found = [await database.read(rows.usable_by_blob, viewer, lora.path) for lora in request.loras]
    return {lora.blob: lora.name for lora in found if lora is not None}


async def _open(interaction: _Interaction, state: PanelState) -> None:
    """Write the draft of a new panel and show it."""
    await show(interaction, await write_new(interaction, state))


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
        form = Form(f"{_action(group)}_send", draft_id, translate(group.label), fields)
    await interaction.response.send_modal(form)


async def send_group(
    group: Group, interaction: _Interaction, draft_id: str, values: Values
) -> None:
    """Take over what a form says; what is refused stays in it, and the panel says why."""
    state = await own_panel(interaction, draft_id)
    try:
        changes, note = await _read(interaction, state, group, values)
    except TranslatableError as error:
        uploads = {name for spec in OPTIONS for name in upload_names(spec)}
        typed = {name: word for name, word in values.items() if name not in uploads}
        await change(interaction, state, {"typed": {group: typed}}, _refusal(error))
        return
    await change(interaction, state, changes | {"typed": {group: {}}}, note)


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
            "None of the LoRAs that you can use here has {typed} in its name.", typed=search
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
    await _go(interaction, await own_panel(interaction, draft_id))


async def _go(interaction: _Interaction, state: PanelState) -> None:
    context = context_of(interaction)
    for group, typed in state.typed.items():  # what was refused, and nobody corrected
        if has_files(Group(group), typed):  # a link: it may be there by now
            await send_group(Group(group), interaction, state.id, typed)
            return
        try:
            changes, _ = await _read(interaction, state, Group(group), typed)
        except TranslatableError as error:
            await show(interaction, state, _refusal(error))
            return
        state = await _write(context, state, changes)
    if not await context.database.write(drafts.consume, state.id, interaction.user.id):
        raise GoneError(_REQUESTED)
    try:
        await submit_panel(interaction, state)
    except Exception as error:  # nothing was taken on, so Go may be pressed again
        await context.database.write(drafts.add, state.draft)
        if isinstance(error, TranslatableError) and not interaction.response.is_done():
            await change(interaction, state, {}, _refusal(error))
            return
        raise
    view = closed_view(translate("Your GIF was requested."))
    await edit_earlier_answer(interaction, state.token, view=view)


async def cancel(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Discard the panel, and the files that nothing else needs."""
    del values
    context, state = context_of(interaction), await own_panel(interaction, draft_id)
    if not await context.database.write(drafts.consume, state.id, interaction.user.id):
        raise GoneError(_REQUESTED)
    await _edit_or_send(interaction, closed_view(translate("Cancelled; nothing was made.")))
    await context.drop_unreferenced([each.blob for each in state.files])


# -- forms of earlier versions ---------------------------------------------------------------------


async def send_old_form(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make the GIF of a form that an earlier version showed; where that is refused, the panel."""
    state = _state_of_job(await job_of(interaction, job_id))
    await _send_old(interaction, state, values)


async def send_old_remix(
    interaction: _Interaction, request: Request, relation: str, values: Values
) -> None:
    """Make the GIF of a form about a file's recipe, as ``send_old_form`` does of a GIF's."""
    names = await _lora_names(interaction, request)
    state = PanelState(id="", user_id=0, base=request, relation=relation, names=names)
    await _send_old(interaction, state, values)


async def _send_old(interaction: _Interaction, state: PanelState, values: Values) -> None:
    context = context_of(interaction)
    typed = _renamed(values)
    state = replace(state, id=secrets.token_hex(16), user_id=interaction.user.id)
    await context.keep_draft(state.draft)
    for group in Group:
        names = {spec.name for spec in offered_specs(context, group)}
        sent = {name: word for name, word in typed.items() if name in names}
        if not sent:
            continue
        try:
            changed = read_group(context, state, group, sent)
        except TranslatableError as error:
            await change(interaction, state, {"typed": {group: sent}}, _refusal(error))
            return
        state = await _write(context, state, {"values": changed})
    await _go(interaction, state)


def _renamed(values: Values) -> dict[str, str]:
    """Return an old form's fields by the options' names; several kinds stood in one field."""
    typed = dict(values)
    if "strength" in typed:
        typed["control_strength"] = typed.pop("strength")
    if kinds := typed.pop("kinds", ""):
        first, _, second = kinds.partition(",")
        typed |= {"control_type": first, "control_type_2": second.partition(",")[0]}
    return typed


# -- what they share -------------------------------------------------------------------------------


async def own_panel(interaction: _Interaction, draft_id: str) -> PanelState:
    """Return this person's own panel. Raises GoneError."""
    draft = await context_of(interaction).database.read(drafts.get, draft_id)
    if draft is None or draft.user_id != interaction.user.id or KEY not in draft.content:
        raise GoneError(_GONE)
    return PanelState.of(draft)


async def change(
    interaction: _Interaction, state: PanelState, changes: Mapping[str, Any], note: str
) -> None:
    """Write what was changed, and show the panel with it. Raises GoneError."""
    context = context_of(interaction)
    now = await _write(context, state, {**changes, "token": interaction.token})
    await show(interaction, now, note)
    kept = {each.blob for each in now.files}
    await context.drop_unreferenced([each.blob for each in state.files if each.blob not in kept])


async def _write(context: BotContext, state: PanelState, changes: Mapping[str, Any]) -> PanelState:
    draft = await context.database.write(amend, state.id, state.user_id, dict(changes))
    if draft is None:
        raise GoneError(_REQUESTED)
    return PanelState.of(draft)


async def show(interaction: _Interaction, state: PanelState, note: str = "") -> None:
    """Show a panel: in its own message where that was pressed, else in a new one."""
    context = context_of(interaction)
    lines = [
        Line(translate(group.label), describe_group(context, state, group), _action(group))
        for group in Group
        if offered_specs(context, group)
    ]
    buttons = (("panel_go", translate("Go")), ("panel_cancel", translate("Cancel")))
    tools = [("panel_lora_page", translate("Browse LoRAs"))]
    if context.settings.styles:
        tools.append(("panel_style_page", translate("Browse styles")))
    title = translate("Make it again") if state.base else translate("Your GIF")
    view = panel_view(state.id, title, lines, note=note, buttons=buttons, tools=tools)
    await _edit_or_send(interaction, view)


async def _edit_or_send(interaction: _Interaction, view: discord.ui.LayoutView) -> None:
    """Edit the panel that was pressed; send it where there is none yet, or no longer."""
    try:
        with readable_answers():
            if interaction.response.is_done():
                await interaction.edit_original_response(view=view, attachments=[])
                return
            if _is_on_panel(interaction):
                await interaction.response.edit_message(view=view, attachments=[])
                return
    except SEND_ERRORS as error:
        logger.info("the panel is gone, so it is sent anew: %s", error)
    if interaction.response.is_done():
        await interaction.followup.send(view=view, ephemeral=True)
    else:
        await interaction.response.send_message(view=view, ephemeral=True)


def _is_on_panel(interaction: _Interaction) -> bool:
    """Return whether what was pressed or sent stands in a panel, or was opened by one."""
    data: Any = interaction.data
    message = interaction.message
    is_own = message is not None and message.flags.ephemeral
    return is_own and ":panel_" in str(data.get("custom_id"))


def _refusal(error: TranslatableError) -> str:
    return panel_note(error_message(error))


def _action(group: Group) -> str:
    return f"panel_{group}"


FORMS: dict[str, tuple[str, Values]] = {
    f"{_action(group)}_send": (_action(group), {}) for group in Group
}
ACTIONS: dict[str, Action] = {
    "edit": edit,
    "edit_send": send_old_form,
    "sampling_send": send_old_form,
    "model_send": send_old_form,
    "panel_go": go,
    "panel_cancel": cancel,
    **{_action(group): partial(open_group, group) for group in Group},
    **{f"{_action(group)}_send": partial(send_group, group) for group in Group},
}
