"""/privacy: what is kept of somebody, an export of it all, and its end.

Each button names whom it is for, and does nothing for anybody else. An export goes to its owner
alone: as direct messages, or where they take none, as answers that only they see.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

import discord

from bot.commands.options import AnyCommand, command
from bot.commands.recipe_text import recipe_values
from bot.core.errors import RefusedError
from bot.core.translations import in_language, translate
from bot.gateway.context import BotContext, context_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.privacy.export import PartWriter, entries_of, write_parts
from bot.storage import erasure, holdings
from bot.ui import privacy_sheet as sheet
from bot.ui.actions import Action, Values
from bot.ui.wording import file_size
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_LARGEST_PART = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
_MARGIN = 64 * 1024  # bytes of a message beside its file
_MOST_FOLLOWUPS = 5  # that Discord lets an app send where it is no member
_CLOSED = Text(
    "The export has more than {most} parts, and you take no direct messages from this bot; allow "
    "them in the privacy settings of a server that you share with it, then ask again."
)
_NOT_TAKEN = Text("Discord rejected a part of your export; try again later.")
_TEXT = "privacy.md"

_Interaction = discord.Interaction[Any]


def build() -> AnyCommand:
    """Return /privacy."""
    return command(
        "privacy",
        Text("Show what the bot keeps about you; export it, or erase it."),
        privacy,
        {},
    )


async def privacy(interaction: _Interaction) -> None:
    """Show the sheet to whom it is about."""
    context, user_id = context_of(interaction), interaction.user.id
    held = await context.database.read(holdings.count, user_id)
    going = await context.database.read(erasure.pending_of, user_id)
    await interaction.response.send_message(
        embed=sheet.sheet_embed(held, context.settings, going[1] if going else 0),
        view=sheet.sheet_view(user_id, context.settings),
        ephemeral=True,
    )


def _check_own(interaction: _Interaction, target: str) -> None:
    if target != str(interaction.user.id):
        raise RefusedError("Those buttons are somebody else's; type /privacy for your own.")


async def show_policy(interaction: _Interaction, target: str, values: Values) -> None:
    """Send the text that ships, where the operator has none of their own."""
    del target, values
    text = resources.files("bot.ui").joinpath(_TEXT).read_bytes()
    file = discord.File(BytesIO(text), filename=_TEXT)
    words = translate("What the bot keeps, and why; in English.")
    await interaction.response.send_message(words, file=file, ephemeral=True)


# -- erasing ---------------------------------------------------------------------------------------


async def ask_to_erase(interaction: _Interaction, target: str, values: Values) -> None:
    """Say what goes and what stays, and ask once more."""
    del values
    _check_own(interaction, target)
    await interaction.response.send_message(
        sheet.question(context_of(interaction).settings),
        view=sheet.question_view(interaction.user.id),
        ephemeral=True,
    )


async def erase(interaction: _Interaction, target: str, values: Values) -> None:
    """Erase everything of whoever presses."""
    del values
    _check_own(interaction, target)
    language = str(interaction.locale)

    async def tell() -> None:
        with in_language(language):
            words = translate(
                "🗑️ Your data has been erased. Messages in channels are being deleted now; "
                "/privacy says how many are left."
            )
        try:
            with readable_answers():
                await interaction.edit_original_response(content=words)
        except SEND_ERRORS as error:
            logger.info("nobody could be told that all is erased: %s", error)

    # answered first: it may be over before a second answer could come
    words = translate("🗑️ Your data is being erased…")
    await context_of(interaction).eraser.begin(interaction.user.id, tell)
    await interaction.response.edit_message(content=words, view=None)


# -- exporting -------------------------------------------------------------------------------------


async def export(interaction: _Interaction, target: str, values: Values) -> None:
    """Send everything of whoever presses to them, part by part."""
    del values
    _check_own(interaction, target)
    context, user_id = context_of(interaction), interaction.user.id
    if str(user_id) in context.exports_in_hand:
        raise RefusedError("Your export is already being made.")
    with context.exports_in_hand.holding(str(user_id)):
        await context.daily_exports.record(user_id, 1)
        await interaction.response.defer(ephemeral=True, thinking=True)
        async with context.exporting:
            await _send_parts(interaction, context)


async def _send_parts(interaction: _Interaction, context: BotContext) -> None:
    user_id, most = interaction.user.id, context.settings.privacy.export_mb
    held = await context.database.read(holdings.count, user_id)
    total = held.files_bytes + held.sources_bytes + held.loras_bytes
    read_me = sheet.read_me(datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    entries = entries_of(
        context.database, context.blobs, user_id, read_me=read_me, recipe=recipe_values
    )
    context.leaving.check(user_id)  # since it had to wait for others
    async with _directory(context.scratch) as directory:
        limit = min(interaction.filesize_limit, _LARGEST_PART) - _MARGIN
        writer = PartWriter(directory, limit, total=most * 2**20)
        mailbox = await _Mailbox.open(interaction)
        async for part in write_parts(entries, writer):
            context.leaving.check(user_id)
            await mailbox.send(part)
            await asyncio.to_thread(part.unlink)
            await _show(
                interaction,
                translate(
                    "Exporting: {done} of about {total}, part {part}…",
                    done=file_size(writer.progress.done_bytes),
                    total=file_size(max(total, writer.progress.done_bytes)),
                    part=mailbox.sent,
                ),
            )
    words = mailbox.summary()
    if left_out := len(writer.progress.left_out):
        words += " " + translate(sheet.LEFT_OUT, count=left_out, most=most)
    await _show(interaction, words)


class _Mailbox:
    """Where an export's owner gets its parts, and nobody else."""

    def __init__(self, interaction: _Interaction, direct: discord.DMChannel | None) -> None:
        self._interaction = interaction
        self._direct = direct
        self.sent = 0

    @classmethod
    async def open(cls, interaction: _Interaction) -> _Mailbox:
        """Return the way by direct messages, or that by answers."""
        try:
            with readable_answers():
                direct = await interaction.client.create_dm(interaction.user)
        except SEND_ERRORS as error:
            logger.info("an export can't go by direct message: %s", error)
            direct = None
        return cls(interaction, direct)

    async def send(self, part: Path) -> None:
        """Send a part. Raises RefusedError."""
        self.sent += 1
        name = f"hotshot-export-{self.sent}.zip"
        if self._direct is not None and await self._send_directly(part, name):
            return
        if self.sent > _MOST_FOLLOWUPS:
            raise RefusedError(_CLOSED, most=_MOST_FOLLOWUPS)
        file = await _opened(part, name)
        try:
            with readable_answers():
                await self._interaction.followup.send(self._words(), file=file, ephemeral=True)
        except SEND_ERRORS as error:
            raise RefusedError(_NOT_TAKEN) from error

    async def _send_directly(self, part: Path, name: str) -> bool:
        """Return whether they take direct messages; only the first part can tell."""
        direct = self._direct
        if direct is None:
            return False
        file = await _opened(part, name)
        try:
            with readable_answers():
                await direct.send(self._words(), file=file)
        except discord.Forbidden:
            self._direct = None
            return False
        except SEND_ERRORS as error:
            raise RefusedError(_NOT_TAKEN) from error
        return True

    def _words(self) -> str:
        return translate("📦 Your export, part {part}.", part=self.sent)

    def summary(self) -> str:
        """Return what is said once all is sent."""
        if self._direct is not None:
            return translate(
                "📦 Your export is in your direct messages: {parts} zip files, each of which "
                "opens by itself.",
                parts=self.sent,
            )
        return translate(
            "📦 Your export is below: {parts} zip files, each of which opens by itself. Save them "
            "now: only you can see them, and they disappear when Discord is reloaded.",
            parts=self.sent,
        )


async def _opened(part: Path, name: str) -> discord.File:
    return await asyncio.to_thread(discord.File, part, filename=name)


async def _show(interaction: _Interaction, words: str) -> None:
    """Say how far it is, as long as Discord takes it."""
    try:
        with readable_answers():
            await interaction.edit_original_response(content=words)
    except SEND_ERRORS as error:
        logger.info("an export's progress can't be shown: %s", error)


@asynccontextmanager
async def _directory(scratch: Path) -> AsyncIterator[Path]:
    """Make a directory for parts, gone with whatever is in it at the end."""
    directory = scratch / f"export-{secrets.token_hex(8)}"
    await asyncio.to_thread(directory.mkdir)
    try:
        yield directory
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


ACTIONS: dict[str, Action] = {
    sheet.EXPORT: export,
    sheet.ERASE: ask_to_erase,
    sheet.ERASE_SURE: erase,
    sheet.POLICY: show_policy,
}
