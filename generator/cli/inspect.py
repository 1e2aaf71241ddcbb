"""``hotshot inspect``: what a file is, and how it was made. Reads; loads nothing, free of torch."""

from __future__ import annotations

import argparse
import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.cli.parsing import Parser
from generator.errors import MediaError
from generator.places import existing
from generator.recipe import Recipe, recipe_of
from generator.weightfiles.header import MAX_CHECKPOINT_HEADER, MAX_LORA_HEADER, read_header
from generator.weightfiles.kinds import Kind, kind_of
from generator.weightfiles.lora_facts import read_lora_facts

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_EXAMPLE = """\
examples:
  hotshot inspect ball.gif                 its prompt, seed, model and settings
  hotshot inspect pixels.safetensors       for which model a LoRA is, its rank and trigger words

hotshot gif --from ball.gif --output again.gif makes the same frames again."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declares the sub-command and its flags."""
    parser = subparsers.add_parser(
        "inspect",
        help="how a GIF was made, or what a LoRA is",
        description="Tells how a GIF, WebP, MP4, PNG or JPEG was made, or what a LoRA file is.",
        epilog=_EXAMPLE,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a picture, film or .safetensors")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def run(arguments: Namespace) -> None:
    """Prints the facts; raises HotshotError."""
    path = existing(str(arguments.file))
    if path is None or not path.is_file():
        raise MediaError(f"There is no file {arguments.file}.")
    facts = _weights(path) if path.suffix.lower() in _WEIGHTS else _picture(path)
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        print("\n".join(_lines(facts)))


def _weights(path: Path) -> dict[str, Any]:
    header = read_header(path, at_most=MAX_CHECKPOINT_HEADER)
    kind = kind_of(header.shapes)
    if kind is Kind.LORA:
        read_header(path, at_most=MAX_LORA_HEADER)
        return {"file": str(path), "kind": str(kind.value)} | read_lora_facts(path).to_dict()
    return {
        "file": str(path),
        "kind": str(kind.value),
        "tensors": len(header.shapes),
        "size_bytes": path.stat().st_size,
    }


def _picture(path: Path) -> dict[str, Any]:
    from generator.sources.reader import probe  # NumPy

    recipe = recipe_of(path)
    found = probe(path)
    facts: dict[str, Any] = {
        "file": str(path),
        "size_bytes": path.stat().st_size,
        "width": found.width,
        "height": found.height,
        "frames": len(found.delays_ms),
        "duration_ms": sum(found.delays_ms),
    }
    return facts | {"recipe": _recipe(recipe) if recipe else None}


def _recipe(recipe: Recipe) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(recipe.to_json())
    return {**values["setup"], **values["request"], "sha256": values["sha256"]}


def _lines(facts: dict[str, Any], indent: str = "") -> Iterator[str]:
    """``name: value``, what is nested indented; nothing that could play with a terminal."""
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
