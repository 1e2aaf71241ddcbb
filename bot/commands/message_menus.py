"""The menu of a message: "Use as motion", "Animate this", and "Remix" on a GIF of this bot's.

A GIF of this bot's that it has no row of (somebody uploaded it again) is remixed by the recipe in
the file. A recipe is a stranger's text: files that it names are never opened.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, replace
from typing import Any

import discord
from discord import ButtonStyle, app_commands
from discord.ui import View

from bot.commands import contact_sheet, panel, panel_earlier_forms
from bot.commands.defaults import server_defaults, wants_private
from bot.commands.found_recipe import find_recipe
from bot.commands.make_gif import make_gif
from bot.commands.offered_options import text_field
from bot.commands.option_parsing import GivenOptions, read_request, read_value
from bot.commands.options import localized
from bot.commands.result_actions import may_use
from bot.commands.submit import JobOrder, defer
from bot.core.errors import GoneError
from bot.core.model_catalogue import DEFAULT
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.gateway.message_media import find_media
from bot.intake.attachments import IncomingFile
from bot.storage import drafts, library
from bot.storage.drafts import Draft
from bot.ui import embeds
from bot.ui.actions import ActionButton, Form, Values
from bot.ui.answers import send_ephemeral
from bot.ui.group_layout import variation_menu
from generator.contract.messages import Request
from generator.contract.options.gif_options import spec_named
from generator.contract.text import Text, TranslatableError

_LONGEST_NUMBER = 8
_PLACEHOLDER_PROMPT = "motion"  # stands there until somebody says what


def build() -> list[app_commands.ContextMenu]:
    """Return the three menus."""
    return [
        app_commands.ContextMenu(name=localized(Text("Use as motion")), callback=use_as_motion),
        app_commands.ContextMenu(name=localized(Text("Animate this")), callback=animate),
        app_commands.ContextMenu(name=localized(Text("Remix")), callback=remix),
    ]


async def use_as_motion(interaction: discord.Interaction[Any], message: discord.Message) -> None:
    """Show the control preview of the message's first file."""
    context = context_of(interaction)
    found = find_media(message, context.source_intake.may_be_linked)
    await defer(interaction, private=True)
    file = await context.source_intake.take(interaction.user.id, found)
    options = replace(await server_defaults(interaction), prompt=_PLACEHOLDER_PROMPT)
    request = read_request(context.models.limits(options.model or DEFAULT), options)
    private = await wants_private(interaction)
    order = JobOrder(request=request, private=private, relation="motion")
    await contact_sheet.show(interaction, order, 1, file, asks_prompt=True)


async def animate(interaction: discord.Interaction[Any], message: discord.Message) -> None:
    """Ask what the message's first picture should do; it is fetched once that is known."""
    context = context_of(interaction)
    content = {"picture": asdict(find_media(message, context.source_intake.may_be_linked))}
    draft = Draft(secrets.token_hex(16), interaction.user.id, "", content)
    await context.keep_draft(draft)
    await animate_open(interaction, draft.id, {})


async def animate_open(
    interaction: discord.Interaction[Any], draft_id: str, values: Values
) -> None:
    """Open the form for a picture's prompt and strength."""
    del values
    draft = await _own_draft(interaction, draft_id, "picture")
    fields = (
        text_field("prompt", translate("What should move, and how"), "", long=True),
        text_field(
            "strength",
            translate("How far it may stray (0.05 to 1)"),
            "",
            needed=False,
            longest=_LONGEST_NUMBER,
        ),
    )
    await interaction.response.send_modal(
        Form("animate_send", draft.id, translate("Animate this"), fields)
    )


async def animate_send(
    interaction: discord.Interaction[Any], draft_id: str, values: Values
) -> None:
    """Submit what the form says, with the defaults of /gif for all else."""
    draft, context = await _own_draft(interaction, draft_id, "picture"), context_of(interaction)
    strength = values.get("strength", "").strip().replace(",", ".") or None
    given = GivenOptions(
        prompt=values.get("prompt", "").strip(),
        image=IncomingFile(**draft.content["picture"]),
        image_strength=read_value(spec_named("image_strength"), strength),
    )
    if not await context.database.write(drafts.consume, draft.id, interaction.user.id):
        raise GoneError("That GIF has already been requested.")
    try:
        await make_gif(interaction, given)
    except TranslatableError:  # nothing was taken on, so the form may be sent again
        await context.database.write(drafts.add, draft)
        raise


async def remix(interaction: discord.Interaction[Any], message: discord.Message) -> None:
    """Open the panel with what made a GIF: its job's request, or its file's recipe.

    Of several in one message it asks which.
    """
    context = context_of(interaction)
    posted = await context.database.read(library.posted_as, message.id)
    own = [job for job in posted if await may_use(interaction, job)]
    if len(own) > 1:
        view = View(timeout=None).add_item(variation_menu("edit", own, translate("Which one…")))
        words = translate("There are several GIFs in that message; choose the one to remix.")
        await send_ephemeral(interaction, words, view)
        return
    if own:
        await panel.edit(interaction, own[0].id, {})
        return
    media = find_media(message, context.source_intake.may_be_linked)
    await defer(interaction, private=True)
    file, _ = await context.source_intake.take_picture(interaction.user.id, media)
    found = await find_recipe(interaction, file)
    request = found.request
    content = {"request": request.to_dict()}
    draft = Draft(secrets.token_hex(16), interaction.user.id, file.blob, content)
    await context.keep_draft(draft)
    view = View(timeout=None)
    button = ActionButton(
        "remix_open", draft.id, label=translate("Edit"), style=ButtonStyle.success
    )
    view.add_item(button)
    words = translate("The recipe in that file.")
    if not found.is_complete:
        words = translate(
            "The recipe in that file, without the files in it that you can't use here."
        )
    if not found.is_model_here:
        usual = context.models.get(DEFAULT).label
        words += " " + translate("Its model isn't here; {name} would make it.", name=usual)
    embed = embeds.progress(request, f"{words} {found.note}".strip())
    await interaction.edit_original_response(embed=embed, view=view)


async def remix_open(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Open the panel with the recipe that was found."""
    del values
    draft = await _own_draft(interaction, draft_id, "request")
    request = Request.from_dict(draft.content["request"])
    await panel.open_request(interaction, request, "remix")


async def remix_send(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """Submit the recipe as the form of an earlier version changed it."""
    draft = await _own_draft(interaction, draft_id, "request")
    request = Request.from_dict(draft.content["request"])
    await panel_earlier_forms.send_old_remix(interaction, request, "remix", values)


async def _own_draft(interaction: discord.Interaction[Any], draft_id: str, has: str) -> Draft:
    """Return this person's own draft that ``has`` this key. Raises GoneError."""
    draft = await context_of(interaction).database.read(drafts.get, draft_id)
    if draft is None or draft.user_id != interaction.user.id or has not in draft.content:
        raise GoneError("That has expired; choose it from the message's menu again.")
    return draft


ACTIONS = {
    "animate_open": animate_open,
    "animate_send": animate_send,
    "remix_open": remix_open,
    "remix_send": remix_send,
}
