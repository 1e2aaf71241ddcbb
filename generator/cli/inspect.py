"""``hotshot inspect``: what a file is, and how it was made. Reads; loads nothing, free of torch."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.checkpoints.inspect.architecture import layers_of, sdxl_layers
from generator.checkpoints.inspect.header import read_header
from generator.checkpoints.inspect.kinds import Kind, components_in, kind_of
from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import LoraFile, in_directory, read_lora
from generator.checkpoints.inspect.not_safetensors import FOREIGN_BYTES, is_picture, refuse_foreign
from generator.checkpoints.inspect.schedule_facts import schedule_facts
from generator.contract.command_line import Parser
from generator.contract.errors import MediaError
from generator.contract.limits import NANO
from generator.contract.paths import existing_path
from generator.media.containers import (
    ANIMATION_SUFFIXES,
    FILM_SUFFIXES,
    STILL_SUFFIXES,
    BrokenFileError,
)
from generator.recipes.foreign.convert import read_foreign_recipe
from generator.recipes.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_SHOWN = (*STILL_SUFFIXES, *ANIMATION_SUFFIXES, *FILM_SUFFIXES)  # never a model's name
_BASES = (Kind.SDXL, Kind.SDXL_UNET, Kind.HOTSHOT)
_LORAS = (Kind.LORA, Kind.UNREADABLE_LORA)
_IN_NOTES = ("has_magnitudes", "lacks_alpha")
_EXAMPLE = """\
examples:
  hotshot inspect ball.gif                 its prompt, seed, model and settings
  hotshot inspect pixels.safetensors       which model a LoRA is for, its rank and trigger words

hotshot gif --from ball.gif --output again.gif makes the same frames again: bit for bit on the same
kind of device, in the same precision and with the same versions (made_on), or else very similar."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declare the sub-command and its flags."""
    parser = subparsers.add_parser(
        "inspect",
        help="show how a GIF was made, or what a LoRA is",
        description="Shows how a GIF, WebP, MP4, PNG or JPEG was made, or what a LoRA file is.",
        epilog=_EXAMPLE,
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a picture, video or .safetensors file"
    )
    parser.add_argument(
        "--pretrained-path",
        "--pretrained_path",
        metavar="MODEL",
        help="say whether a LoRA fits this model: a directory or 'nano' (default: SDXL and nano)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def run(arguments: Namespace) -> None:
    """Print the facts. Raises HotshotError."""
    path = existing_path(str(arguments.file))
    if path is None:
        raise MediaError(f"There is no file {arguments.file}.")
    if path.is_dir():
        path = in_directory(path)
    facts = _weights(path, arguments.pretrained_path) if _is_weights(path) else _picture(path)
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(facts)))


def _is_weights(path: Path) -> bool:
    """Return whether a file is weights, by its name or its beginning.

    Raises ModelError for what is neither weights nor a picture.
    """
    if path.suffix.lower() in _WEIGHTS:
        return True
    with path.open("rb") as opened:
        start = opened.read(FOREIGN_BYTES)
    if not is_picture(start) and path.suffix.lower() not in _SHOWN:
        refuse_foreign(path, start)
    return start[8:9] == b"{"


def _weights(path: Path, model: str | None) -> dict[str, Any]:
    header = read_header(path)
    kind = kind_of(header.shapes)
    if kind in _LORAS:
        return {"file": str(path), "kind": str(kind.value)} | _lora(read_lora(path), model)
    facts = {
        "file": str(path),
        "kind": str(kind.value),
        "tensors": len(header.tensors),
        "size_bytes": path.stat().st_size,
    }
    if kind in _BASES:
        parts = {"unet", *components_in(header.shapes)}
        facts |= {"parts": sorted(parts), **schedule_facts(header).to_dict()}
    return facts


def _lora(lora: LoraFile, model: str | None) -> dict[str, Any]:
    """Return a LoRA's facts, and the models that the loader would take it for, or why for none."""
    facts = facts_of(lora)
    models = {"SDXL": sdxl_layers()} if model is None else {}
    models[model or NANO] = layers_of(model or NANO)
    reasons = {name: layers.misfit(lora) for name, layers in models.items()}
    fits = [name for name, reason in reasons.items() if reason is None]
    verdict: dict[str, Any] = {"fits": fits}
    if not fits:
        verdict["misfit"] = str(next(iter(reasons.values())))
    said = {name: value for name, value in facts.to_dict().items() if name not in _IN_NOTES}
    return said | verdict | {"notes": [str(note) for note in facts.notes]}


def _picture(path: Path) -> dict[str, Any]:
    from generator.sources.reader import probe  # NumPy

    found = probe(path)
    recipe = _recipe_in(path)
    facts: dict[str, Any] = {
        "file": str(path),
        "size_bytes": path.stat().st_size,
        "width": found.width,
        "height": found.height,
        "frames": len(found.delays_ms),
        "duration_ms": sum(found.delays_ms),
    }
    if recipe is None and (foreign := read_foreign_recipe(path)) is not None:
        return facts | {"recipe": asdict(foreign)}
    return facts | {"recipe": _recipe(recipe) if recipe else None}


def _recipe_in(path: Path) -> Recipe | None:
    """Return a file's recipe; None also for a film that is cut off before the place for recipes."""
    try:
        return read_recipe(path)
    except MediaError as error:
        if isinstance(error.__cause__, BrokenFileError):
            return None
        raise


def _recipe(recipe: Recipe) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(recipe.to_json())
    rest = {"sha256": values["sha256"], "made_on": values["made_on"]}
    return {**values["setup"], **values["request"], **rest}


def _lines(facts: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Yield ``name: value``, what is nested indented; nothing that could play with a terminal."""
    for name, value in facts.items():
        title = f"{indent}{_clean(name)}:"
        if isinstance(value, dict) and value:
            yield title
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
            yield title
            for one in value:
                yield f"{indent}  - " + ", ".join(f"{key} {_clean(one[key])}" for key in one)
        else:
            yield f"{title} {_plain(value)}"


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_clean, value)) or "none"
    return _clean(value)


def _clean(value: Any) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(value))
