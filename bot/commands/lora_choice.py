"""Chooses LoRAs: suggests them while a name is typed, and reads them from options and prompts.

Discord takes any value for an option that completes itself, so what comes is looked up again among
those that this person may use, and anything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.commands.option_parsing import read_number
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.storage import loras as rows
from bot.storage.loras import StoredLora, Viewer
from bot.storage.models import Attachment
from bot.ui import wording
from bot.ui.wording import shorten
from generator.checkpoints.inspect.lora_facts import few_steps_in
from generator.contract.bounds import MAX_LORA_STRENGTH, plain
from generator.contract.errors import RequestError
from generator.contract.few_steps import FewSteps
from generator.contract.lora_tags import LoraTag, extract_tags, hash_prefix
from generator.contract.messages import Lora
from generator.contract.text import Text
from generator.contract.travel import with_each_text

_LONGEST_NAME = 100
STRENGTH = Text("The LoRA's strength")


@dataclass(frozen=True, slots=True)
class ChosenLora:
    """A LoRA and how strongly it acts."""

    lora: StoredLora
    strength: float

    @property
    def request_lora(self) -> Lora:
        return Lora(self.lora.blob, self.strength)

    @property
    def few_steps(self) -> FewSteps | None:
        """What it brings where it is a distilled one that acts."""
        return few_steps_in(self.lora.facts, self.lora.name) if self.strength > 0 else None

    @property
    def attachment(self) -> Attachment:
        return Attachment(self.lora.blob, self.lora.name, self.lora.size_bytes)


def few_steps_of(chosen: Iterable[ChosenLora]) -> FewSteps | None:
    """Return what the first distilled LoRA among some brings."""
    return next(filter(None, (each.few_steps for each in chosen)), None)


async def few_steps_of_request(
    interaction: discord.Interaction[Any], loras: Sequence[Lora], names: Mapping[str, str]
) -> FewSteps | None:
    """Return what the LoRAs of a request bring; ``names`` are theirs where they are gone."""
    database, viewer = context_of(interaction).database, viewer_of(interaction)
    for lora in loras:
        stored = await database.read(rows.usable_by_blob, viewer, lora.path)
        facts = stored.facts if stored else {}
        called = stored.name if stored else names.get(lora.path, "")
        found = few_steps_in(facts, called) if lora.strength > 0 else None
        if found is not None:
            return found
    return None


async def suggest_loras(
    interaction: discord.Interaction[Any], typed: str, limit: int
) -> list[tuple[str, str]]:
    """Return the LoRAs that this person may use here and whose names match what is typed."""
    found = await context_of(interaction).database.read(
        rows.matching, viewer_of(interaction), typed, limit=limit
    )
    return [(_label(lora, interaction.user.id), lora.id) for lora in found]


def viewer_of(interaction: discord.Interaction[Any]) -> Viewer:
    """Return who wants to use a LoRA, and on which server."""
    return Viewer(interaction.user.id, interaction.guild_id)


async def usable_lora(interaction: discord.Interaction[Any], value: object) -> StoredLora:
    """Return the LoRA that was chosen. Raises RefusedError for one that wasn't offered."""
    lora = await context_of(interaction).database.read(
        rows.usable, viewer_of(interaction), str(value)[:_LONGEST_NAME]
    )
    if lora is None:
        raise RefusedError(
            "There is no LoRA of that name that you can use here; choose one from the list, "
            "or add one with /lora add."
        )
    return lora


async def choose_loras(
    interaction: discord.Interaction[Any], given: Sequence[tuple[object, object]]
) -> tuple[ChosenLora, ...]:
    """Return LoRAs and their strengths as typed. Raises RefusedError, RequestError."""
    chosen: list[ChosenLora] = []
    for value, strength in given:
        if value is None:
            if strength is not None:
                raise RequestError("A LoRA's strength needs a LoRA; choose one from the list.")
            continue
        lora = await usable_lora(interaction, value)
        if any(lora.blob == other.lora.blob for other in chosen):
            raise RequestError(
                "{name} was chosen twice; choose another, or just one.", name=lora.name
            )
        chosen.append(ChosenLora(lora, read_strength(strength, lora.strength)))
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class TaggedPrompt:
    """A prompt without its ``<lora:name:0.8>``, the LoRAs that these named, and the other names."""

    prompt: str
    chosen: tuple[ChosenLora, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """Return the sentence about the names that nothing was found for."""
        return translate(
            "These LoRAs in the prompt weren't used, since none of that name is yours or "
            "shared with you here: {names}. /lora list shows the ones you can use.",
            names=", ".join(wording.excerpt(name, 60) for name in self.unused),
        )


async def choose_tagged_loras(interaction: discord.Interaction[Any], prompt: str) -> TaggedPrompt:
    """Return the LoRAs that a prompt names. Raises RequestError for a strength out of range."""
    words, tags = extract_tags(prompt)
    chosen: dict[str, ChosenLora] = {}
    unused: list[str] = []
    for tag in tags:
        found = await _lora_of_tag(interaction, tag)
        if found is None:
            unused.append(tag.name)
        else:
            strength = read_strength(tag.strength, found.strength)
            chosen.setdefault(found.blob, ChosenLora(found, strength))
    used = (*chosen.values(),)
    words = words or ", ".join(filter(None, (each.lora.trigger_words for each in used)))
    return TaggedPrompt(with_trigger_words(words, used), used, tuple(unused))


async def _lora_of_tag(interaction: discord.Interaction[Any], tag: LoraTag) -> StoredLora | None:
    """Return a LoRA that this person may use, by its name, its file's name or its hash."""
    database, viewer = context_of(interaction).database, viewer_of(interaction)
    for name in dict.fromkeys((tag.name[:_LONGEST_NAME], tag.key[:_LONGEST_NAME])):
        found = await database.read(rows.usable, viewer, name)
        if found is not None:
            return found
    return await database.read(rows.usable_by_file, viewer, tag.key, hash_prefix(tag.name))


def read_strength(value: object, default: float) -> float:
    """Return a LoRA's strength, or the default for None. Raises RequestError."""
    strength = read_number(STRENGTH, value, default)
    if not -MAX_LORA_STRENGTH <= strength <= MAX_LORA_STRENGTH:
        raise RequestError(
            "{what} must be from {lowest:g} to {highest}, not {value}.",
            what=STRENGTH,
            lowest=-MAX_LORA_STRENGTH,
            highest=plain(MAX_LORA_STRENGTH),
            value=plain(strength),
        )
    return strength


def with_trigger_words(prompt: str, chosen: Sequence[ChosenLora]) -> str:
    """Return the prompt, with the trigger words of each LoRA of which it has none."""
    wanted = [each.lora.trigger_words for each in chosen if each.lora.trigger_words]

    def with_missing(text: str) -> str:
        missing = [words for words in wanted if not _is_triggered(text, words)]
        return ", ".join([text, *missing])

    return with_each_text(prompt, with_missing) if prompt else prompt


def _is_triggered(prompt: str, trigger_words: str) -> bool:
    words = (word.strip().casefold() for word in trigger_words.split(","))
    return any(word and word in prompt.casefold() for word in words)


def _label(lora: StoredLora, user_id: int) -> str:
    is_mine = lora.owner_id == user_id
    return shorten(lora.name if is_mine else translate("{name} (shared)", name=lora.name), 100)
