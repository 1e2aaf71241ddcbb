"""From another program's picture to a request of Hotshot's, as near as its model allows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.media.containers import BrokenFileError
from generator.recipes.foreign import a1111, comfyui
from generator.recipes.foreign.foreign_request import ForeignRecipe
from generator.recipes.foreign.metadata_texts import PARAMETERS, read_metadata_texts
from generator.recipes.recipe import read_bounded


def read_foreign_recipe(path: Path) -> ForeignRecipe | None:
    """Return how a picture says it was made; None where it says nothing that can be used.

    Raises MediaError where there is no such file.
    """
    data = read_bounded(path)
    if data is None:
        return None
    try:
        return parse_foreign_recipe(read_metadata_texts(data))
    except BrokenFileError:
        return None


def parse_foreign_recipe(texts: dict[str, str]) -> ForeignRecipe | None:
    """Return the first that has a prompt, of ComfyUI's two graphs and Automatic1111's text."""
    found = (
        a1111.read_parameters(texts.get(PARAMETERS, "")),
        comfyui.read_graph(texts.get("prompt", "")),
        comfyui.read_graph(texts.get("workflow", ""), is_workflow=True),
    )
    return next((recipe for recipe in found if recipe is not None and recipe.prompt), None)


def with_foreign(start: Request, foreign: ForeignRecipe, limits: ModelLimits) -> Request:
    """Return ``start`` with what the picture says; not yet checked.

    A size that this model doesn't make becomes the one of its sizes that is nearest in shape.
    """
    request = replace(start, prompt=foreign.prompt, negative_prompt=foreign.negative_prompt)
    for name in ("seed", "steps", "guidance_scale", "scheduler"):
        if (value := getattr(foreign, name)) is not None:
            request = replace(request, **{name: value})
    if not foreign.width or not foreign.height:
        return request
    width, height = foreign.width, foreign.height
    if width % 8 or height % 8 or not limits.allows(width, height):
        shape = math.log(width / height)
        size = min(limits.sizes, key=lambda one: abs(math.log(one.width / one.height) - shape))
        width, height = size.width, size.height
    return replace(request, width=width, height=height)
