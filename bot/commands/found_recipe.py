"""What a file says of how it was made, as far as this person can make it here.

A recipe is a stranger's text: files that it names are looked up among those that this person may
use, and never opened by their names. What can't be taken over is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import discord

from bot.commands.defaults import limited_to_offer
from bot.commands.lora_choice import TaggedPrompt, choose_tagged_loras
from bot.commands.option_parsing import GivenOptions, read_request
from bot.commands.recipe_files import restore_files
from bot.core.model_catalogue import DEFAULT
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.storage.models import Attachment
from bot.ui import wording
from generator.contract.bounds import MAX_LORAS
from generator.contract.errors import MediaError, RequestError
from generator.contract.lora_tags import extract_tags
from generator.contract.messages import Request
from generator.contract.options.gif_options import spec_named
from generator.recipes.foreign.convert import read_foreign_recipe, with_foreign
from generator.recipes.foreign.foreign_request import ForeignRecipe
from generator.recipes.recipe import read_recipe

_PLACEHOLDER_PROMPT = "motion"  # stands there until the picture's own
_MOST_SAID = 8  # things that weren't taken over
_LONGEST = 60  # characters of each

_Interaction = discord.Interaction[Any]


@dataclass(frozen=True, slots=True)
class FoundRecipe:
    """A request out of a file; ``left_out`` is what couldn't be taken over, in people's words.

    ``is_complete``: no file that it names had to be left out. ``is_model_here``: its model is.
    """

    request: Request
    left_out: tuple[str, ...]
    is_complete: bool
    is_model_here: bool

    @property
    def note(self) -> str:
        """The line about what couldn't be taken over; "" where that is nothing."""
        if not self.left_out:
            return ""
        said = [wording.excerpt(each, _LONGEST) for each in self.left_out[:_MOST_SAID]]
        things = ", ".join([*said, *("…" for _ in self.left_out[_MOST_SAID : _MOST_SAID + 1])])
        return translate("Left out: {things}.", things=things)


async def find_recipe(interaction: _Interaction, file: Attachment) -> FoundRecipe:
    """Return what made a file, by this bot or another program. Raises MediaError, RequestError."""
    context = context_of(interaction)
    asked, left_out = await _read(interaction, file)
    is_model_here = context.models.has(asked.model)
    if not is_model_here:  # another bot's, or gone
        asked = replace(asked, model=DEFAULT)
    asked = context.models.without_own_loras(asked)
    restored = await restore_files(interaction, asked)
    request = await limited_to_offer(interaction, restored.request)
    left_out += [*_left_files(asked, restored.request), *_left_numbers(restored.request, request)]
    return FoundRecipe(request, tuple(left_out), restored.is_complete, is_model_here)


async def _read(interaction: _Interaction, file: Attachment) -> tuple[Request, list[str]]:
    """Return the request in a file, and what another program did that can't be done here."""
    context = context_of(interaction)
    path = context.blobs.path(file.blob)
    recipe = await asyncio.to_thread(read_recipe, path)
    if recipe is not None:
        return recipe.request, []
    foreign = await asyncio.to_thread(read_foreign_recipe, path)
    if foreign is None:
        raise MediaError(
            "That file has no recipe from this bot, Automatic1111 or ComfyUI; try another."
        )
    limits = context.models.default_limits
    start = read_request(limits, GivenOptions(prompt=_PLACEHOLDER_PROMPT))
    request = with_foreign(start, foreign, limits)
    tagged = await _tagged(interaction, foreign)
    used = tagged.chosen[:MAX_LORAS]
    if request.negative_prompt:
        request = replace(request, negative_prompt=extract_tags(request.negative_prompt)[0])
    request = replace(
        request, prompt=tagged.prompt, loras=tuple(each.request_lora for each in used)
    )
    left_out = [f"LoRA {name}" for name in tagged.unused]
    left_out += [f"LoRA {each.lora.name}" for each in tagged.chosen[MAX_LORAS:]]
    if foreign.width and (foreign.width, foreign.height) != (request.width, request.height):
        left_out.append(f"{foreign.width} x {foreign.height}")
    return request, [*left_out, *foreign.left_out]


async def _tagged(interaction: _Interaction, foreign: ForeignRecipe) -> TaggedPrompt:
    """Return the prompt with those of its LoRAs that this person may use here."""
    tags = [f"<lora:{name}:{strength:g}>" for name, strength in foreign.loras]
    try:
        return await choose_tagged_loras(interaction, " ".join([foreign.prompt, *tags]))
    except RequestError:  # a strength that nothing here has
        prompt, named = extract_tags(foreign.prompt)
        names = [each.name for each in named] + [name for name, _ in foreign.loras]
        return TaggedPrompt(prompt, (), tuple(names))


def _left_files(asked: Request, restored: Request) -> Iterator[str]:
    """Yield what a request lost with files that this person can't use here."""
    for _ in range(len(asked.loras) - len(restored.loras)):
        yield translate("a LoRA")
    if asked.control_source != restored.control_source:
        yield translate("the GIF that it followed")
    if asked.image != restored.image:
        yield translate("the picture that it began from")


def _left_numbers(asked: Request, offered: Request) -> Iterator[str]:
    """Yield the numbers that are more than is offered to this person here."""
    if (asked.width, asked.height) != (offered.width, offered.height):
        yield f"{asked.width} x {asked.height}"
    for name, field in (("frames", "video_length"), ("steps", "steps")):
        if (wanted := getattr(asked, field)) != getattr(offered, field):
            yield f"{translate(spec_named(name).label)}: {wanted}"
