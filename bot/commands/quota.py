"""/quota: what somebody has used of the workers' time, and when it returns."""

from __future__ import annotations

from typing import Any

import discord

from bot.commands.options import AnyCommand, command
from bot.core.translations import translate
from bot.gateway.context import actor_of, context_of, place_of
from bot.jobs.gate import QuotaLine
from generator.contract.text import Text


def build() -> AnyCommand:
    """Return /quota."""
    return command(
        "quota", Text("Show how much computing you have used, and what is left."), quota, {}
    )


async def quota(interaction: discord.Interaction[Any]) -> None:
    """Show this person's own."""
    lines = await context_of(interaction).policy.quota(actor_of(interaction), place_of(interaction))
    embed = discord.Embed(
        title=translate("Your computing time"),
        description="\n".join(map(_line, lines)),
        colour=discord.Colour.blurple(),
    )
    await interaction.response.send_message(embed=embed, ephemeral=True)


def _line(line: QuotaLine) -> str:
    label = translate(line.label)
    if not line.limit:
        return translate("{label}: {used:.0f} s used, no limit", label=label, used=line.used)
    when = f"<t:{int(line.returns.timestamp())}:R>"
    if line.reserved:
        return translate(
            "{label}: {used:.0f} of {limit:.0f} s used, about {reserved:.0f} s for what is "
            "waiting, {left:.0f} s left; all of it comes back {when}",
            label=label,
            used=line.used,
            limit=line.limit,
            reserved=line.reserved,
            left=line.left,
            when=when,
        )
    return translate(
        "{label}: {used:.0f} of {limit:.0f} s used, {left:.0f} s left; all of it comes back {when}",
        label=label,
        used=line.used,
        limit=line.limit,
        left=line.left,
        when=when,
    )
