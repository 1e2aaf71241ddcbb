"""The words that a model says it knows, in a file beside its own: ``prompt_words.json``.

A model that draws little has one, so that prompts can be completed from it: ``parts`` of a prompt
in their order, each with its phrases and other words for each of these, and a ``sample`` prompt.
Most models have none. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from generator.contract.errors import ModelError
from generator.contract.json_text import JsonError, parse_json

FILE = "prompt_words.json"
USUAL_SAMPLE = "a cat walking through a garden"
"""The sample prompt of a model that doesn't say what suits it."""

_MOST_BYTES = 200_000
_MOST_PARTS, _MOST_PHRASES, _MOST_OTHERS = 10, 100, 200
_LONGEST = 80  # characters of a phrase
_LONGEST_SAMPLE = 200

Part = Mapping[str, tuple[str, ...]]
"""The phrases of a part, and the other words that mean each of them."""


@dataclass(frozen=True, slots=True)
class PromptWords:
    """What a model's prompts are made of: a ``sample``, and the ``parts`` in their order."""

    sample: str
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, directory: Path) -> Self | None:
        """Read a model's words; None where it has none. Raises ModelError for nonsense."""
        path = directory / FILE
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ModelError(f"{path} has more than {_MOST_BYTES} bytes; make it shorter.")
            said = parse_json(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, JsonError) as error:
            raise ModelError(f"{path} can't be read: {error}.") from error
        sample = said.get("sample") if isinstance(said, dict) else None
        parts = said.get("parts") if isinstance(said, dict) else None
        if not (isinstance(sample, str) and _is_phrase(sample, _LONGEST_SAMPLE)):
            raise ModelError(f"{path} needs a sample, which is a prompt.")
        if not isinstance(parts, list):
            raise ModelError(f"{path} needs a list of parts.")
        if len(parts) > _MOST_PARTS or not all(map(_is_part, parts)):
            raise ModelError(f"{path} has a part that isn't an object of phrases; fix it.")
        return cls(
            sample, tuple({phrase: tuple(part[phrase]) for phrase in part} for part in parts)
        )


def _is_phrase(value: Any, longest: int = _LONGEST) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


def _is_part(part: Any) -> bool:
    return (
        isinstance(part, dict)
        and 0 < len(part) <= _MOST_PHRASES
        and all(map(_is_phrase, part))
        and all(isinstance(others, list) for others in part.values())
        and all(len(others) <= _MOST_OTHERS for others in part.values())
        and all(_is_phrase(other) for others in part.values() for other in others)
    )
