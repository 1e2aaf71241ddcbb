"""Pages of LoRAs and styles with a GIF of each: in the panel, and /lora browse.

A page stands in the panel's own message, and what is chosen in it goes into the panel. The GIFs
are samples that the bot makes for itself (``bot.jobs.samples``); only LoRAs that this person may
use here are shown, and looked up again when one is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import discord

from bot.commands.lora_choice import usable_lora, viewer_of
from bot.commands.option_parsing import read_style
from bot.commands.panel import write_new
from bot.commands.panel_fields import limits_of
from bot.commands.panel_message import change_panel, own_panel, show_panel
from bot.commands.panel_state import LORA_NAMES, PanelState
from bot.commands.sample_requests import lora_sample, style_sample
from bot.commands.submit import check_allowed, defer
from bot.core.errors import RefusedError, WithheldError
from bot.core.translations import translate
from bot.gateway.context import context_of, place_of
from bot.intake.file_names import plain_line
from bot.jobs.samples import Sample
from bot.storage import loras as rows
from bot.storage.loras import StoredLora
from bot.storage.models import Job, State
from bot.ui import lora_embeds, wording
from bot.ui.actions import Action, Values
from bot.ui.answers import error_message
from bot.ui.browse_page import PAGE_SIZE, BrowsePage, Exhibit, browse_view, parse_target
from bot.ui.result_layout import ShownFile
from bot.ui.stored_files import result_file
from generator.contract.options.gif_options import spec_named

LORA, STYLE = "lora", "style"
_LONGEST_SEARCH = 100
_LAST_PAGE = 10_000

_Interaction = discord.Interaction[Any]


# -- how it is opened, and its pages ---------------------------------------------------------------


async def browse(interaction: _Interaction, *, search: Any = None) -> None:
    """Show the LoRAs that this person may use here; what is chosen opens a panel."""
    await check_allowed(interaction, [])
    await defer(interaction, private=True)  # an upload may take longer than Discord waits
    words = plain_line(str(search or ""), _LONGEST_SEARCH)
    state = await write_new(interaction, PanelState(id="", user_id=0, search=words))
    await _show(interaction, state, LORA, 0)


async def turn(kind: str, interaction: _Interaction, target: str, values: Values) -> None:
    """Show a page in place of the panel, or of another page."""
    del values
    draft_id, number = parse_target(target)
    state = await own_panel(interaction, draft_id)
    await interaction.response.defer()
    await _show(interaction, state, kind, min(number, _LAST_PAGE))


async def back(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Show the panel again."""
    del values
    await show_panel(interaction, await own_panel(interaction, draft_id))


async def _show(interaction: _Interaction, state: PanelState, kind: str, number: int) -> None:
    pages = {LORA: _lora_page, STYLE: _style_page}
    page, files = await pages[kind](interaction, state, number)
    others = []
    if kind == LORA and context_of(interaction).settings.styles:
        others.append(("panel_style_page", translate("Styles")))
    elif kind == STYLE:
        others.append(("panel_lora_page", translate("LoRAs")))
    others.append(("panel_back", translate("All settings")))
    view = browse_view(state.id, page, others)
    await interaction.edit_original_response(view=view, attachments=files)


async def _lora_page(
    interaction: _Interaction, state: PanelState, number: int
) -> tuple[BrowsePage, list[discord.File]]:
    context = context_of(interaction)
    found, number, has_more = await _loras(interaction, state.search, number)
    samples = [lora_sample(context, lora) for lora in found]
    lines = [lora_embeds.lora_line(lora, interaction.user.id) for lora in found]
    named = [(lora.id, lora.name) for lora in found]
    exhibits, files = await _exhibits(interaction, named, lines, samples)
    title = translate("LoRAs that you can use here")
    empty = translate("None here yet. Add one with /lora add!")
    if state.search:
        looked_for = wording.excerpt(state.search, 60)
        title = translate("LoRAs with {typed} in the name", typed=looked_for)
        empty = translate("None of the LoRAs that you can use here have that in their name.")
    page = BrowsePage(
        kind=LORA, title=title, exhibits=exhibits, number=number, has_more=has_more, empty=empty
    )
    return page, files


async def _loras(
    interaction: _Interaction, search: str, number: int
) -> tuple[list[StoredLora], int, bool]:
    """Return the LoRAs of a page, or of the first where that has none, and whether more follow."""
    database, viewer = context_of(interaction).database, viewer_of(interaction)
    start = number * PAGE_SIZE
    if search:
        most = start + PAGE_SIZE + 1
        found = (await database.read(rows.matching, viewer, search, limit=most))[start:]
    else:
        found, _ = await database.read(rows.page, viewer, limit=PAGE_SIZE + 1, offset=start)
    if not found and number:
        return await _loras(interaction, search, 0)
    return found[:PAGE_SIZE], number, len(found) > PAGE_SIZE


async def _style_page(
    interaction: _Interaction, state: PanelState, number: int
) -> tuple[BrowsePage, list[discord.File]]:
    del state
    context = context_of(interaction)
    styles = list(context.settings.styles.items())
    number = number if number * PAGE_SIZE < len(styles) else 0
    start = number * PAGE_SIZE
    shown = styles[start : start + PAGE_SIZE]
    samples = [style_sample(context, style) for _, style in shown]
    lines = [f"**{wording.excerpt(name, 100)}**" for name, _ in shown]
    named = [(name, name) for name, _ in shown]
    exhibits, files = await _exhibits(interaction, named, lines, samples, of_styles=True)
    page = BrowsePage(
        kind=STYLE,
        title=translate("Styles"),
        exhibits=exhibits,
        number=number,
        has_more=start + PAGE_SIZE < len(styles),
        empty=translate("There are no styles here."),
    )
    return page, files


# -- their GIFs ------------------------------------------------------------------------------------


async def _exhibits(
    interaction: _Interaction,
    named: Sequence[tuple[str, str]],
    lines: Sequence[str],
    samples: Sequence[Sample | None],
    *,
    of_styles: bool = False,
) -> tuple[list[Exhibit], list[discord.File]]:
    """Return what a page shows, and the files that fit into one message."""
    context, place = context_of(interaction), place_of(interaction)
    asked = [sample for sample in samples if sample is not None]
    found = await context.samples.look_up(asked)
    jobs = {sample.key: job for sample, job in zip(asked, found, strict=True)}
    left = interaction.filesize_limit
    exhibits: list[Exhibit] = []
    files: list[discord.File] = []
    for (value, name), line, sample in zip(named, lines, samples, strict=True):
        exhibit = Exhibit(value=value, name=name, line=line)
        if sample is None:
            note = translate("This model can't make a GIF in this style.")
            exhibits.append(replace(exhibit, note=note))
            continue
        job = jobs[sample.key]
        try:
            await context.policy.check_shown(place, sample.request, value if of_styles else "")
        except RefusedError as error:
            exhibits.append(replace(exhibit, note=error_message(error)))
            continue
        file, note = await _sample_file(interaction, job, name, len(files) + 1, left)
        if file is not None:
            files.append(file)
            left -= job.size_bytes or 0 if job else 0
            shown = ShownFile(file.filename, file.description or name)
            exhibit = replace(exhibit, file=shown)
        exhibits.append(replace(exhibit, note=note))
    return exhibits, files


async def _sample_file(
    interaction: _Interaction, job: Job | None, name: str, number: int, most: int
) -> tuple[discord.File | None, str]:
    """Return a sample's file; where there is none, why."""
    context, guild_id = context_of(interaction), interaction.guild_id
    if job is None or not job.state.is_final:
        return None, translate(
            "Its GIF is made as soon as nobody is waiting for one; look again later."
        )
    if job.state is not State.DONE:
        reason = wording.excerpt(wording.failure_reason(job), 200)
        return None, translate("It has no GIF: {reason}", reason=reason)
    words = translate("A GIF made with {name}.", name=name)
    try:
        file = await result_file(context, job, guild_id, f"sample-{number}", words, most=most)
    except WithheldError as error:
        return None, translate("It has no GIF: {reason}", reason=translate(error.words))
    if file is not None:
        return file, ""
    if (job.size_bytes or 0) > most:
        return None, translate("Its GIF is too large to be shown here.")
    await context.samples.forget([job.origin.parent_id or ""])  # its file is lost
    return None, translate(
        "Its GIF is made as soon as nobody is waiting for one; look again later."
    )


# -- what is chosen --------------------------------------------------------------------------------


async def pick_lora(interaction: _Interaction, target: str, values: Values) -> None:
    """Put a LoRA into the panel: in the first place that is free, else in the first."""
    state = await own_panel(interaction, parse_target(target)[0])
    lora = await usable_lora(interaction, values.get("choice", ""))
    limits = limits_of(context_of(interaction), state)
    taken = {name: state.value(spec_named(name), limits) for name in LORA_NAMES}
    changes: dict[str, Any] = {"names": {lora.id: lora.name}}
    if lora.id not in taken.values() and lora.blob not in taken.values():
        place = next((name for name in LORA_NAMES if not taken[name]), LORA_NAMES[0])
        changes["values"] = {place: lora.id, f"{place}_strength": None}
    await change_panel(interaction, state, changes, "")


async def pick_style(interaction: _Interaction, target: str, values: Values) -> None:
    """Put a style into the panel. Raises RequestError for one that is gone."""
    state = await own_panel(interaction, parse_target(target)[0])
    name = values.get("choice", "")
    read_style(context_of(interaction).settings.styles, name)
    await change_panel(interaction, state, {"values": {"style": name}}, "")


ACTIONS: dict[str, Action] = {
    "panel_lora_page": partial(turn, LORA),
    "panel_style_page": partial(turn, STYLE),
    "panel_lora_pick": pick_lora,
    "panel_style_pick": pick_style,
    "panel_back": back,
}
