"""LoRAs as messages show them. Pure; names and words are strangers' text, so they are escaped."""

from __future__ import annotations

from collections.abc import Sequence

from discord import Colour, Embed

from bot.storage.loras import Shared, StoredLora, Tried
from bot.ui import text

_COLOUR = Colour.blurple()
_WITH = {
    Shared.ME: "you alone",
    Shared.SERVER: "everybody on this server",
    Shared.EVERYBODY: "everybody",
}


def shown(name: str) -> str:
    """A name as it may stand in a message."""
    return text.prompt(name, 100)


def added(lora: StoredLora) -> Embed:
    """What was taken in, and what to do with it."""
    embed = _described(lora, f"✅ {shown(lora.name)} is yours to use")
    embed.description = "Choose it as lora in /gif, or see what it does with /lora try."
    return embed


def info(lora: StoredLora, tried: Tried | None, *, is_mine: bool) -> Embed:
    """Everything known of it."""
    embed = _described(lora, shown(lora.name))
    owner = "you" if is_mine else f"<@{lora.owner_id}>"
    embed.description = f"Brought by {owner}, for {_WITH[lora.shared]} to use."
    if tags := lora.facts.get("tags"):
        embed.add_field(name="Seen in training", value=text.prompt(", ".join(tags), 500))
    if tried is not None:
        embed.add_field(
            name="What it does", value=f"[a GIF made with it]({tried.link})", inline=False
        )
    return embed


def listed(
    loras: Sequence[StoredLora], user_id: int, *, page: int, pages: int, total: int
) -> Embed:
    """One page of those that somebody may use."""
    if not loras:
        return Embed(
            title="LoRAs", description="None here. Bring one with /lora add!", colour=_COLOUR
        )
    lines = [_line(lora, user_id) for lora in loras]
    embed = Embed(title="LoRAs", description="\n".join(lines), colour=_COLOUR)
    return embed.set_footer(text=f"Page {page} of {pages} · {total} in all")


def shared(lora: StoredLora, with_whom: Shared) -> str:
    """Who may use it from now on."""
    whom = "its owner alone" if with_whom is Shared.ME else _WITH[with_whom]
    return f"🤝 {shown(lora.name)} is for {whom} to use now."


def _described(lora: StoredLora, title: str) -> Embed:
    facts = lora.facts
    embed = Embed(title=title, colour=_COLOUR)
    embed.add_field(name="Made for", value=text.prompt(facts.get("base_model") or "not said"))
    ranks = ", ".join(str(rank) for rank in facts.get("ranks") or ()) or "none"
    embed.add_field(name="Kind", value=f"{facts.get('format')}, rank {ranks}"[:200])
    embed.add_field(name="Size", value=text.megabytes(lora.size_bytes))
    embed.add_field(name="Strength", value=f"{lora.strength:g}")
    words = text.prompt(lora.trigger_words, 300) or "none"
    embed.add_field(name="Trigger words", value=words, inline=False)
    return embed


def _line(lora: StoredLora, user_id: int) -> str:
    whose = "" if lora.owner_id == user_id else f" · by <@{lora.owner_id}>"
    words = f" · {text.prompt(lora.trigger_words, 60)}" if lora.trigger_words else ""
    return f"**{shown(lora.name)}**{words} · {text.megabytes(lora.size_bytes)}{whose}"
