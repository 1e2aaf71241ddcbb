"""/lora: adding LoRA files, sharing them, and trying them out.

Only the owner changes a LoRA; who manages a server may take one out of that server's list.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands
from discord.ui import View

from bot.commands.browse import browse
from bot.commands.defaults import server_defaults, wants_private
from bot.commands.lora_choice import (
    ChosenLora,
    read_strength,
    suggest_loras,
    usable_lora,
    viewer_of,
    with_trigger_words,
)
from bot.commands.option_parsing import read_request, read_whole_number
from bot.commands.options import Bounded, CompletedOption, Option, choice_of, command, localized
from bot.commands.sample_requests import forget_lora_sample
from bot.commands.submit import JobOrder, defer, submit_jobs
from bot.core.errors import RefusedError, WithheldError
from bot.core.model_catalogue import DEFAULT
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of, managed_guild
from bot.gateway.message_media import uploaded_file
from bot.intake.file_names import plain_line
from bot.intake.lora_upload import StoredUpload
from bot.storage import jobs
from bot.storage import loras as rows
from bot.storage.loras import LoraTrial, Shared, StoredLora
from bot.ui import lora_embeds
from bot.ui.actions import ActionButton, Values
from bot.ui.answers import send_ephemeral
from bot.ui.stored_files import result_file
from generator.contract.bounds import MAX_LORA_STRENGTH, MAX_PROMPT_CHARACTERS
from generator.contract.lora_tags import file_key
from generator.contract.text import Text

_KIND = AppCommandOptionType
_LONGEST_NAME = 60
_LONGEST_WORDS = 300
_PAGE_SIZE = 10
_SHARED_WITH = {
    str(Shared.ME): Text("me"),
    str(Shared.SERVER): Text("server"),
    str(Shared.EVERYBODY): Text("everybody"),
}


def build() -> app_commands.Group:
    """Return the group with all its commands."""
    group = app_commands.Group(
        name="lora", description=localized(Text("Your own LoRAs, and shared ones."))
    )
    which = Option(CompletedOption(suggest_loras), Text("Which one."), required=True)
    name = Option(Bounded(_KIND.string, 1, _LONGEST_NAME), Text("What to call it."))
    strength = Option(
        Bounded(_KIND.number, -MAX_LORA_STRENGTH, MAX_LORA_STRENGTH),
        Text("How strong its effect is, unless set in /gif (default: 1)."),
    )
    words = Option(
        Bounded(_KIND.string, 1, _LONGEST_WORDS),
        Text("Its trigger words, separated by commas."),
    )
    with_whom = Option(
        choice_of([str(each) for each in Shared], _SHARED_WITH),
        Text("Who may use it."),
        required=True,
    )
    prompt = Option(Bounded(_KIND.string, 1, MAX_PROMPT_CHARACTERS), Text("What the GIF shows."))
    file = Option(Bounded(_KIND.attachment), Text("A .safetensors file."))
    adult = Option(Bounded(_KIND.boolean), Text("It's only for age-restricted channels."))
    link = Option(Bounded(_KIND.string, 1, 500), Text("Or a link to one, on an allowed site."))
    for each in (
        command(
            "add",
            Text("Add a LoRA from a file or a link."),
            add,
            {"name": replace(name, required=True), "file": file, "link": link}
            | {"trigger_words": words, "strength": strength, "adult": adult},
        ),
        command(
            "list",
            Text("Show the LoRAs that you may use here."),
            list_,
            {"page": Option(Bounded(_KIND.integer, 1, 10_000), Text("Which page (default: 1)."))},
        ),
        command(
            "browse",
            Text("Choose a LoRA by GIFs that show what each one does."),
            browse,
            {"search": Option(Bounded(_KIND.string, 1, 100), Text("A part of the name."))},
        ),
        command(
            "info",
            Text("Show what a LoRA was made for, and its trigger words."),
            info,
            {"lora": which},
        ),
        command(
            "rename",
            Text("Rename one of your LoRAs."),
            rename,
            {"lora": which, "name": replace(name, required=True)},
        ),
        command(
            "share",
            Text("Choose who may use one of your LoRAs."),
            share,
            {"lora": which, "who": with_whom, "adult": adult},
        ),
        command("remove", Text("Remove one of your LoRAs."), remove, {"lora": which}),
        command(
            "try",
            Text("Make a GIF with a LoRA to see what it does."),
            try_,
            {"lora": which, "prompt": prompt},
        ),
    ):
        group.add_command(each)
    return group


async def add(
    interaction: discord.Interaction[Any],
    *,
    name: Any,
    file: discord.Attachment | None = None,
    link: Any = None,
    trigger_words: Any = None,
    strength: Any = None,
    adult: Any = None,
) -> None:
    """Fetch and check a LoRA, and answer what it is."""
    context, owner_id = context_of(interaction), interaction.user.id
    new_name = _read_name(name)
    default = read_strength(strength, 1.0)
    if (file is None) == (link is None):
        raise RefusedError("Give either a file or a link to one, and not both.")
    bytes_left = await _bytes_left(context, owner_id, new_name)
    await defer(interaction, private=True)
    if file is not None:
        upload = await context.lora_intake.take(
            owner_id, uploaded_file(file), room_bytes=bytes_left
        )
    else:
        upload = await context.lora_intake.take_link(owner_id, str(link), room_bytes=bytes_left)
    words = plain_line(str(trigger_words or ""), _LONGEST_WORDS) or ", ".join(
        upload.facts.trigger_words
    )
    lora = StoredLora(
        id=uuid.uuid4().hex,
        owner_id=owner_id,
        guild_id=None,
        shared=Shared.ME,
        name=new_name,
        trigger_words=words[:_LONGEST_WORDS],
        strength=default,
        blob=upload.blob,
        size_bytes=upload.size_bytes,
        facts=upload.facts.to_dict() | _search_keys(upload),
        created_at=datetime.now(UTC),
        adult=bool(adult),
    )
    await context.lora_quota.add(lora)
    view = _try_view(lora, translate("Make a preview"))
    await interaction.followup.send(embed=lora_embeds.lora_added(lora), view=view, ephemeral=True)


async def list_(interaction: discord.Interaction[Any], *, page: Any = None) -> None:
    """Show this person's own LoRAs and those shared here, page by page."""
    number = max(1, min(read_whole_number(Text("The page"), page, 1), 10_000))
    found, total = await context_of(interaction).database.read(
        rows.page, viewer_of(interaction), limit=_PAGE_SIZE, offset=(number - 1) * _PAGE_SIZE
    )
    pages = max(1, -(-total // _PAGE_SIZE))
    embed = lora_embeds.lora_list(found, interaction.user.id, page=number, pages=pages, total=total)
    await interaction.response.send_message(embed=embed, ephemeral=True)


async def info(interaction: discord.Interaction[Any], *, lora: Any) -> None:
    """Show what a LoRA's file says, and a GIF that shows what it does."""
    context = context_of(interaction)
    found = await usable_lora(interaction, lora)
    trial = await context.database.read(
        rows.last_trial, found, interaction.user.id, interaction.guild_id
    )
    await defer(interaction, private=True)  # an upload may take longer than Discord waits
    embed = lora_embeds.lora_details(found, trial, is_mine=found.owner_id == interaction.user.id)
    preview = await _preview(interaction, trial, found.name)
    if preview is not None:
        embed.set_image(url=f"attachment://{preview.filename}")
    await interaction.edit_original_response(
        embed=embed,
        attachments=[preview] if preview else [],
        view=_try_view(
            found, translate("Another preview") if preview else translate("Make a preview")
        ),
    )


async def _preview(
    interaction: discord.Interaction[Any], trial: LoraTrial | None, name: str
) -> discord.File | None:
    """Return a trial's GIF; none where it isn't stored, is too large or may not just be shown."""
    context = context_of(interaction)
    job = await context.database.read(jobs.get, trial.job_id) if trial else None
    if job is None:
        return None
    words = translate("A GIF made with {name}.", name=name)
    try:
        preview = await result_file(
            context,
            job,
            interaction.guild_id,
            "preview",
            words,
            most=interaction.filesize_limit,
        )
    except WithheldError:
        return None
    # an embed, which is where it goes, has no cover
    return None if preview is None or preview.spoiler else preview


async def rename(interaction: discord.Interaction[Any], *, lora: Any, name: Any) -> None:
    """Rename a LoRA; only its owner may."""
    context = context_of(interaction)
    found = await _own_lora(interaction, lora)
    new_name = _read_name(name)
    other = await context.database.read(rows.own_named, found.owner_id, new_name)
    if other is not None and other.id != found.id:
        raise RefusedError(
            "You already have a LoRA called {name}; choose another name.", name=new_name
        )
    await context.database.write(rows.change, found.id, name=new_name)
    await send_ephemeral(
        interaction, translate("✏️ It is now called {name}.", name=lora_embeds.shown_name(new_name))
    )


async def share(
    interaction: discord.Interaction[Any], *, lora: Any, who: Any, adult: Any = None
) -> None:
    """Choose who may use a LoRA.

    Its owner may, and who manages the server may take it out of the server's list.
    """
    context = context_of(interaction)
    found = await usable_lora(interaction, lora)
    wanted = next((each for each in Shared if each == str(who)), None)
    if wanted is None:
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    if found.owner_id != interaction.user.id:
        adult = None
        _check_manages(interaction, found)
        if wanted is not Shared.ME:
            raise RefusedError("Only its owner can share it with more people.")
    if wanted is Shared.SERVER and interaction.guild_id is None:
        raise RefusedError(
            "This isn't a server; use the command on the server you want to share it with."
        )
    guild_id = interaction.guild_id if wanted is Shared.SERVER else None
    marked = {} if adult is None else {"adult": bool(adult)}
    await context.database.write(rows.change, found.id, shared=wanted, guild_id=guild_id, **marked)
    await send_ephemeral(interaction, lora_embeds.shared_with(found, wanted))


async def remove(interaction: discord.Interaction[Any], *, lora: Any) -> None:
    """Remove a LoRA; only its owner may."""
    found = await _own_lora(interaction, lora)
    context = context_of(interaction)
    await context.database.write(rows.remove, found.id)
    await forget_lora_sample(context, found)
    await context.drop_unreferenced([found.blob])
    await send_ephemeral(
        interaction, translate("🗑️ {name} was removed.", name=lora_embeds.shown_name(found.name))
    )


async def try_(interaction: discord.Interaction[Any], *, lora: Any, prompt: Any = None) -> None:
    """Submit a GIF with a LoRA, which /lora info shows afterwards."""
    context = context_of(interaction)
    found = await usable_lora(interaction, lora)
    chosen = ChosenLora(found, found.strength)
    words = str(prompt or found.trigger_words or found.name)
    options = replace(
        await server_defaults(interaction),
        prompt=with_trigger_words(words, [chosen]),
        loras=(chosen.request_lora,),
    )
    limits, few = context.models.limits(options.model or DEFAULT), chosen.few_steps
    if few is not None and options.steps is not None:  # the server's most
        options = replace(options, steps=min(options.steps, few.steps_at(None)))
    request = read_request(limits, options, few=few)
    order = JobOrder(
        request=request,
        files=(chosen.attachment,),
        private=await wants_private(interaction),
        parent_id=found.id,
        relation=rows.TRY,
    )
    await submit_jobs(interaction, [order])


async def try_by_button(
    interaction: discord.Interaction[Any], lora_id: str, values: Values
) -> None:
    """Submit a GIF with the LoRA of a button."""
    del values
    await try_(interaction, lora=lora_id)


def _search_keys(upload: StoredUpload) -> dict[str, str]:
    """Return what else a prompt may call the LoRA."""
    return {"file_key": file_key(upload.file_name), "title_key": file_key(upload.facts.title)}


def _try_view(lora: StoredLora, label: str) -> View:
    view = View(timeout=None)
    view.add_item(ActionButton("lora_try", lora.id, label=label))
    return view


async def _bytes_left(context: BotContext, owner_id: int, name: str) -> int:
    """Return how many bytes this person may still store. Raises RefusedError."""
    left = await context.lora_quota.bytes_left(owner_id)
    if await context.database.read(rows.own_named, owner_id, name) is not None:
        raise RefusedError("You already have a LoRA called {name}; choose another name.", name=name)
    return left


async def _own_lora(interaction: discord.Interaction[Any], value: object) -> StoredLora:
    found = await usable_lora(interaction, value)
    if found.owner_id != interaction.user.id:
        raise RefusedError("That LoRA is somebody else's; only its owner can do this.")
    return found


def _check_manages(interaction: discord.Interaction[Any], lora: StoredLora) -> None:
    guild_id = managed_guild(interaction)
    if guild_id is None or lora.shared is not Shared.SERVER or lora.guild_id != guild_id:
        raise RefusedError("That LoRA is somebody else's; only its owner can do this.")


def _read_name(value: object) -> str:
    new_name = plain_line(str(value), _LONGEST_NAME)
    if not new_name:
        raise RefusedError("That name has no visible characters; choose another.")
    return new_name


ACTIONS = {"lora_try": try_by_button}
