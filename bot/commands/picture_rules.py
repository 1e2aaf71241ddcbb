"""/moderation pictures: what a server does with pictures in which the detector sees something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import discord

from bot.commands.options import AnyCommand, Option, choice_of, command
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of, guild_to_moderate
from bot.storage import moderation
from bot.storage.moderation import AuditEntry
from bot.storage.preferences import PICTURES, SERVER
from bot.ui.answers import send_ephemeral
from generator.contract.text import Text

_OFF = "off"
_LABELS = {
    _OFF: Text("don't check"),
    "spoiler": Text("mark as spoiler"),
    "withhold": Text("withhold or mark as spoiler"),
}


def build() -> AnyCommand:
    """Return /moderation pictures."""
    modes = Option(choice_of(list(_LABELS), _LABELS), Text("What happens to them."), required=True)
    return command(
        "pictures",
        Text("Choose what happens here to pictures that the detector flags."),
        pictures,
        {"mode": modes},
    )


async def pictures(interaction: discord.Interaction[Any], **given: Any) -> None:
    """Set what is done with them; only moderators may."""
    guild_id, mode = guild_to_moderate(interaction), str(given["mode"])
    if mode not in _LABELS:
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    context = context_of(interaction)
    if mode != _OFF and not context.settings.detector.model:
        raise RefusedError(
            "This bot has no picture detector; whoever runs it can add one (docs/moderation.md)."
        )
    await context.preferences.change(SERVER, guild_id, {PICTURES: mode})
    entry = AuditEntry(
        guild_id=guild_id,
        actor_id=interaction.user.id,
        action="pictures",
        target=f"`{mode}`",
        created_at=datetime.now(UTC),
    )
    await context.database.write(moderation.record, entry)
    words = translate(
        "✅ Pictures that the detector flags, here, from now on: {mode}.",
        mode=translate(_LABELS[mode]),
    )
    await send_ephemeral(interaction, words)
