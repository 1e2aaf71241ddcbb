"""/moderation words: what a server's moderators keep out of prompts, by a form or a file."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import discord
from discord import AppCommandOptionType
from discord.ui import Label, TextInput, View

from bot.commands.options import AnyCommand, Bounded, Option, choice_of, command
from bot.commands.submit import defer
from bot.core.errors import RefusedError
from bot.core.translations import translate, translate_plural
from bot.gateway.context import context_of, guild_to_moderate
from bot.gateway.message_media import uploaded_file
from bot.storage import moderation
from bot.storage.moderation import AuditEntry
from bot.ui.actions import Form, Values, outdated_button_error
from bot.ui.answers import send_ephemeral
from generator.contract.text import Text
from generator.contract.text_files import EncodingError, decode

_WITHHOLD, _SPOILER, _ALLOW = "withhold", "spoiler", "allow"
_LABELS = {
    _WITHHOLD: Text("refuse"),
    _SPOILER: Text("mark as spoiler"),
    _ALLOW: Text("always allow"),
}
_ABOUT = {
    _WITHHOLD: Text("Prompts with one of these are refused."),
    _SPOILER: Text("GIFs whose prompt has one of these are posted as spoilers."),
    _ALLOW: Text("These are allowed even where another list has them."),
}
_LONGEST_FORM = 4000  # characters, as Discord has it


def build() -> AnyCommand:
    """Return /moderation words."""
    kinds = Option(choice_of(list(_LABELS), _LABELS), Text("Which list."), required=True)
    file = Option(
        Bounded(AppCommandOptionType.attachment), Text("The whole list as a text file, one a line.")
    )
    return command(
        "words",
        Text("Show or set the words that prompts on this server may not have."),
        words,
        {"list": kinds, "file": file},
    )


async def words(interaction: discord.Interaction[Any], *, file: Any = None, **given: Any) -> None:
    """Open the form of a list, or set it from a file; only moderators may."""
    guild_id, kind = guild_to_moderate(interaction), str(given["list"])
    if kind not in _LABELS:
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    context = context_of(interaction)
    if file is not None:
        await defer(interaction, private=True)
        data = await context.source_intake.take_text(interaction.user.id, uploaded_file(file))
        await _set(interaction, guild_id, kind, _text_of(data))
        return
    now = (await context.words.lists(guild_id)).get(kind, "")
    if len(now) > _LONGEST_FORM:
        sentence = translate(
            "This list is too long for a form; change the file, and send it with the option file."
        )
        shown = discord.File(BytesIO(now.encode()), filename=f"{kind}.txt")
        await interaction.response.send_message(sentence, file=shown, ephemeral=True)
        return
    field: TextInput[View] = TextInput(
        custom_id="words",
        style=discord.TextStyle.paragraph,
        default=now,
        required=False,
        max_length=_LONGEST_FORM,
        placeholder=translate("One word, phrase or /pattern/ a line"),
    )
    label: Label[View] = Label(
        text=translate("Words in prompts"), description=translate(_ABOUT[kind]), component=field
    )
    await interaction.response.send_modal(
        Form("words_send", kind, translate("Words in prompts"), [label])
    )


async def words_send(interaction: discord.Interaction[Any], target: str, values: Values) -> None:
    """Set a list as the form says."""
    if target not in _LABELS:
        raise outdated_button_error()
    await _set(interaction, guild_to_moderate(interaction), target, values.get("words", ""))


async def reopen(interaction: discord.Interaction[Any], target: str, values: Values) -> None:
    """Open the form of a list again."""
    del values
    await words(interaction, list=target)


async def _set(interaction: discord.Interaction[Any], guild_id: int, kind: str, text: str) -> None:
    context = context_of(interaction)
    count = await context.words.change(guild_id, kind, text)
    entry = AuditEntry(
        guild_id=guild_id,
        actor_id=interaction.user.id,
        action="words",
        target=kind,
        created_at=datetime.now(UTC),
    )
    await context.database.write(moderation.record, entry)
    if not count:
        await send_ephemeral(interaction, translate("✅ That list is empty now."))
        return
    sentence = translate_plural(
        "✅ That list has 1 entry now.", "✅ That list has {count} entries now.", count
    )
    await send_ephemeral(interaction, sentence)


def _text_of(data: bytes) -> str:
    try:
        return decode(data)
    except EncodingError as error:
        raise RefusedError(
            "That file isn't UTF-8 text; save it as UTF-8 in your editor, and send it again."
        ) from error


ACTIONS = {"words_send": words_send, "words_open": reopen}
FORMS: dict[str, tuple[str, Values]] = {"words_send": ("words_open", {})}
