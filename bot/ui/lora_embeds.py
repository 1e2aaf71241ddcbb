"""The embeds of LoRAs. Pure; names and words are strangers' text, so they are escaped."""

from __future__ import annotations

from collections.abc import Sequence

from discord import Colour, Embed

from bot.core.translations import format_number, translate
from bot.storage.loras import LoraTrial, Shared, StoredLora
from bot.ui import wording
from generator.checkpoints.inspect.lora_facts import notes_of
from generator.contract.text import Text

_COLOUR = Colour.blurple()
_SHARED_WITH = {
    Shared.ME: Text("for you only"),
    Shared.SERVER: Text("for everybody on this server"),
    Shared.EVERYBODY: Text("for everybody"),
}
_FORMATS = {"full difference": Text("full difference")}  # the others are names


def shown_name(name: str) -> str:
    """Return a LoRA's name as it may stand in a message."""
    return wording.excerpt(name, 100)


def lora_added(lora: StoredLora) -> Embed:
    """Return the embed of a LoRA that was just added, and what to do with it."""
    embed = _described(lora, translate("✅ {name} was added", name=shown_name(lora.name)))
    embed.description = translate("Choose it as lora in /gif, or see what it does with /lora try.")
    return embed


def lora_details(lora: StoredLora, trial: LoraTrial | None, *, is_mine: bool) -> Embed:
    """Return the embed of everything known of a LoRA."""
    embed = _described(lora, shown_name(lora.name))
    whom = translate(_SHARED_WITH[lora.shared])
    embed.description = (
        translate("Added by you, {whom}.", whom=whom)
        if is_mine
        else translate("Added by {owner}, {whom}.", owner=f"<@{lora.owner_id}>", whom=whom)
    )
    if lora.adult:
        adult = translate("Only for age-restricted channels.")
        embed.description = f"{embed.description}\n{adult}"
    if tags := lora.facts.get("tags"):
        embed.add_field(
            name=translate("Training tags"), value=wording.excerpt(", ".join(tags), 500)
        )
    if trial is not None:
        link = f"[{translate('a GIF made with it')}]({trial.link})"
        embed.add_field(name=translate("What it does"), value=link, inline=False)
    return embed


def lora_list(
    loras: Sequence[StoredLora], user_id: int, *, page: int, pages: int, total: int
) -> Embed:
    """Return the embed of a page of the LoRAs that somebody may use."""
    if not loras:
        none = translate("None here yet. Add one with /lora add!")
        return Embed(title=translate("LoRAs"), description=none, colour=_COLOUR)
    lines = [lora_line(lora, user_id) for lora in loras]
    embed = Embed(title=translate("LoRAs"), description="\n".join(lines), colour=_COLOUR)
    return embed.set_footer(text=wording.page_footer(page, pages, total))


def lora_line(lora: StoredLora, user_id: int) -> str:
    """Return a LoRA on one line: its name, trigger words and size, and whose it is."""
    is_mine = lora.owner_id == user_id
    whose = "" if is_mine else f" · {translate('by {owner}', owner=f'<@{lora.owner_id}>')}"
    words = f" · {wording.excerpt(lora.trigger_words, 60)}" if lora.trigger_words else ""
    return f"**{shown_name(lora.name)}**{words} · {wording.file_size_label(lora.size_bytes)}{whose}"


def shared_with(lora: StoredLora, with_whom: Shared) -> str:
    """Return the sentence about who may use a LoRA from now on."""
    whom = Text("for its owner only") if with_whom is Shared.ME else _SHARED_WITH[with_whom]
    return translate("🤝 {name} is now {whom}.", name=shown_name(lora.name), whom=whom)


def _described(lora: StoredLora, title: str) -> Embed:
    facts = lora.facts
    embed = Embed(title=title, colour=_COLOUR)
    embed.add_field(
        name=translate("Made for"),
        value=wording.excerpt(facts.get("base_model") or translate("not stated")),
    )
    ranks = ", ".join(str(rank) for rank in facts.get("ranks") or ())
    made = str(facts.get("format"))
    kind = translate(_FORMATS[made]) if made in _FORMATS else made
    if ranks:
        kind = translate("{format}, rank {ranks}", format=kind, ranks=ranks)
    embed.add_field(name=translate("Kind"), value=kind[:200])
    embed.add_field(name=translate("Size"), value=wording.file_size_label(lora.size_bytes))
    embed.add_field(name=translate("Strength"), value=format_number(lora.strength))
    for note in notes_of(facts):
        embed.add_field(
            name=translate("Good to know"),
            value=wording.excerpt(translate(note), 500),
            inline=False,
        )
    words = wording.excerpt(lora.trigger_words, 300) or translate("none")
    embed.add_field(name=translate("Trigger words"), value=words, inline=False)
    return embed
