"""What making a recipe again would open: files, links and hub models that it names itself.

A recipe may come from anybody's file. What ships with Hotshot is free; all else somebody has to
trust first, or replace by a name of their own. Nothing is looked up here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from generator.contract.control_types import DEPTH_MODEL, annotator_of
from generator.contract.errors import RequestError
from generator.contract.limits import NANO, NANO_DIRECTORY
from generator.recipes.recipe import Recipe

_LONGEST_NAME = 80
_MOST_NAMED = 4


class UntrustedError(RequestError):
    """Somebody at the command line has to trust a recipe before it is made again."""

    is_translated = False


def check_trusted(recipe: Recipe, replaced: Collection[str]) -> None:
    """Raise UntrustedError that names what a recipe would open, where it would open anything.

    ``replaced`` are the fields that a flag gives another value: of ``ModelSettings`` and of
    ``Request``.
    """
    found = list(_opened(recipe, replaced))
    if not found:
        return
    names = ", ".join(f"{what} {_shown(name)}" for what, name in found[:_MOST_NAMED])
    more = len(found) - _MOST_NAMED
    raise UntrustedError(
        "This recipe would open {names}; add --trust if you know where it comes from, or name your "
        "own with the flags.",
        names=names + (f" and {more} more" if more > 0 else ""),
    )


def _opened(recipe: Recipe, replaced: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what each is that would be opened, and its name, but for what ships."""
    request, setup = recipe.request, recipe.setup
    for field, what in (("model", "the model"), ("spatial_unet_base", "the base")):
        name = getattr(setup, field)
        if field not in replaced and name and not _ships(name):
            yield what, name
    if "loras" not in replaced:
        yield from (("the LoRA", lora.path) for lora in request.loras if not _ships(lora.path))
    if "controls" not in replaced:
        # nano has its own; another model would fetch those that the original names
        own = ("depth", "canny") if setup.model == NANO and "model" not in replaced else ()
        for control in request.controls:
            if control.kind not in own and not _ships(control.kind):
                yield "the ControlNet", control.kind
        if _wants_depth(recipe) and "depth_model" not in replaced:
            yield "the depth model", setup.depth_model or DEPTH_MODEL
    if "control_source" not in replaced and request.control_source:
        yield "the GIF to follow", request.control_source
    if "image" not in replaced and request.image:
        yield "the image", request.image


def _wants_depth(recipe: Recipe) -> bool:
    for control in recipe.request.controls:
        try:
            if annotator_of(control.kind, control.annotator) == "depth":
                return True
        except RequestError:  # there is no such annotator, which is said elsewhere
            continue
    return False


def _ships(name: str) -> bool:
    """Return whether a model ships, by its name alone: a stranger's path isn't even looked at."""
    if name == NANO:
        return True
    path = Path(os.path.normpath(name))
    return path.is_absolute() and path.is_relative_to(os.path.normpath(NANO_DIRECTORY))


def _shown(name: str) -> str:
    clean = "".join(letter if letter.isprintable() else " " for letter in name)
    return clean if len(clean) <= _LONGEST_NAME else clean[: _LONGEST_NAME - 1] + "…"
