"""LoRAs as messages show them. Pure; names and words are strangers' text, so they are escaped."""

from __future__ import annotations

from collections.abc import Sequence

from discord import Colour, Embed

from bot.core.translations import figure, say
from bot.storage.loras import Shared, StoredLora, Tried
from bot.ui import text
from generator.checkpoints.inspect.lora_facts import notes_of
from generator.contract.text import Words

_COLOUR = Colour.blurple()
_WITH = {
    Shared.ME: Words("for you only"),
    Shared.SERVER: Words("for everybody on this server"),
    Shared.EVERYBODY: Words("for everybody"),
}
_FORMATS = {"full difference": Words("full difference")}  # the others are names


def shown(name: str) -> str:
    """A name as it may stand in a message."""
    return text.prompt(name, 100)


def added(lora: StoredLora) -> Embed:
    """What was taken in, and what to do with it."""
    embed = _described(lora, say("✅ {name} was added", name=shown(lora.name)))
    embed.description = say("Choose it as lora in /gif, or see what it does with /lora try.")
    return embed


def info(lora: StoredLora, tried: Tried | None, *, is_mine: bool) -> Embed:
    """Everything known of it."""
    embed = _described(lora, shown(lora.name))
    whom = say(_WITH[lora.shared])
    embed.description = (
        say("Added by you, {whom}.", whom=whom)
        if is_mine
        else say("Added by {owner}, {whom}.", owner=f"<@{lora.owner_id}>", whom=whom)
    )
    if tags := lora.facts.get("tags"):
        embed.add_field(name=say("Training tags"), value=text.prompt(", ".join(tags), 500))
    if tried is not None:
        link = f"[{say('a GIF made with it')}]({tried.link})"
        embed.add_field(name=say("What it does"), value=link, inline=False)
    return embed


def listed(
    loras: Sequence[StoredLora], user_id: int, *, page: int, pages: int, total: int
) -> Embed:
    """One page of those that somebody may use."""
    if not loras:
        none = say("None here yet. Add one with /lora add!")
        return Embed(title=say("LoRAs"), description=none, colour=_COLOUR)
    lines = [_line(lora, user_id) for lora in loras]
    embed = Embed(title=say("LoRAs"), description="\n".join(lines), colour=_COLOUR)
    return embed.set_footer(text=text.page(page, pages, total))


def shared(lora: StoredLora, with_whom: Shared) -> str:
    """Who may use it from now on."""
    whom = Words("for its owner only") if with_whom is Shared.ME else _WITH[with_whom]
    return say("🤝 {name} is now {whom}.", name=shown(lora.name), whom=whom)


def _described(lora: StoredLora, title: str) -> Embed:
    facts = lora.facts
    embed = Embed(title=title, colour=_COLOUR)
    embed.add_field(
        name=say("Made for"), value=text.prompt(facts.get("base_model") or say("not stated"))
    )
    ranks = ", ".join(str(rank) for rank in facts.get("ranks") or ())
    made = str(facts.get("format"))
    kind = say(_FORMATS[made]) if made in _FORMATS else made
    if ranks:
        kind = say("{format}, rank {ranks}", format=kind, ranks=ranks)
    embed.add_field(name=say("Kind"), value=kind[:200])
    embed.add_field(name=say("Size"), value=text.megabytes(lora.size_bytes))
    embed.add_field(name=say("Strength"), value=figure(lora.strength))
    for note in notes_of(facts):
        embed.add_field(name=say("Good to know"), value=text.prompt(say(note), 500), inline=False)
    words = text.prompt(lora.trigger_words, 300) or say("none")
    embed.add_field(name=say("Trigger words"), value=words, inline=False)
    return embed


def _line(lora: StoredLora, user_id: int) -> str:
    is_mine = lora.owner_id == user_id
    whose = "" if is_mine else f" · {say('by {owner}', owner=f'<@{lora.owner_id}>')}"
    words = f" · {text.prompt(lora.trigger_words, 60)}" if lora.trigger_words else ""
    return f"**{shown(lora.name)}**{words} · {text.megabytes(lora.size_bytes)}{whose}"
