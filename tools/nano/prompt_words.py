"""Writes down the words that nano knows, as ``generator.contract.prompt_words`` reads them.

``python -m tools.nano.prompt_words`` writes the file of the weights that ship anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from generator.contract.limits import NANO_DIRECTORY
from generator.contract.prompt_words import FILE
from generator.nano import captions
from generator.training.run_directory import write_json

SAMPLE = "a red ball bouncing on a black background"


def prompt_words() -> dict[str, Any]:
    """Return the parts of a prompt in the order in which people say them."""
    moving = {f"moving {way}": _others(way, [*words, *captions.ALONE[way]])
              for way, words in captions.WAYS.items()}  # fmt: skip
    return {
        "sample": SAMPLE,
        "parts": [
            {f"{'an' if color[0] in 'aeiou' else 'a'} {color}": _others(color, words)
             for color, words in captions.COLOR_WORDS.items()},
            {shape: _others(shape, words) for shape, words in captions.SHAPE_WORDS.items()},
            {name: _others(name, words) for name, words in captions.MOTION_WORDS.items()} | moving,
            {f"on a {name} background": list(_behind(words))
             for name, words in captions.BACKGROUND_WORDS.items()},
        ],
    }  # fmt: skip


def _behind(words: Iterable[str]) -> Iterator[str]:
    for word in dict.fromkeys(words):
        yield f"on {word}"
        for behind in ("background", "backdrop"):
            yield f"{word} {behind}"
            for before in ("on", "against", "with", "in front of"):
                yield f"{before} a {word} {behind}"


def _others(name: str, words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([name, *words]))


if __name__ == "__main__":
    write_json(NANO_DIRECTORY / FILE, prompt_words())
