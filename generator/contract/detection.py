"""What a detector of pictures and whoever asks it tell each other: a line of JSON each.

The detector's process first says which classes it knows, or why it can't be used. From then on each
``Question`` has one ``Answer``. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from generator.contract.json_text import parse_json
from generator.contract.text import Text

MODULE = "generator.detection.process"
NUDENET = "nudenet"  # the detector's name for its package, which is no model of transformers


@dataclass(frozen=True, slots=True)
class Introduction:
    """The classes that a detector knows; or its ``refusal``, and then it knows none."""

    classes: tuple[str, ...] = ()
    refusal: Text | None = None

    def to_line(self) -> str:
        """Return it as JSON on one line."""
        return _line({"classes": list(self.classes)}, self.refusal)

    @classmethod
    def of_line(cls, line: str | bytes) -> Self:
        """Return what a line says. Raises ValueError for anything else."""
        found, refusal = _parsed(line)
        return cls(tuple(map(str, found.get("classes") or ())), refusal)


@dataclass(frozen=True, slots=True)
class Question:
    """A file whose frames are to be looked at, ``frames`` of them at most.

    One that can't be read in ``seconds`` is refused.
    """

    path: str
    frames: int
    seconds: float

    def to_line(self) -> str:
        """Return it as JSON on one line."""
        return _line(asdict(self), None)

    @classmethod
    def of_line(cls, line: str | bytes) -> Self:
        """Return what a line asks. Raises ValueError for anything else."""
        found, _ = _parsed(line)
        return cls(
            str(found.get("path", "")), int(found.get("frames", 1)), float(found.get("seconds", 1))
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The highest score of each class in the frames looked at, from 0 to 1, and how many these are.

    One with a ``refusal`` has none: the file can't be read.
    """

    scores: Mapping[str, float]
    frames: int = 0
    refusal: Text | None = None

    def to_line(self) -> str:
        """Return it as JSON on one line."""
        return _line({"scores": dict(self.scores), "frames": self.frames}, self.refusal)

    @classmethod
    def of_line(cls, line: str | bytes) -> Self:
        """Return what a line answers. Raises ValueError for anything else."""
        found, refusal = _parsed(line)
        scores = {str(name): float(score) for name, score in found.get("scores", {}).items()}
        return cls(scores, int(found.get("frames", 0)), refusal)


def _line(values: dict[str, Any], refusal: Text | None) -> str:
    return json.dumps(values | ({"refusal": refusal.to_dict()} if refusal else {}))


def _parsed(line: str | bytes) -> tuple[dict[str, Any], Text | None]:
    text = line if isinstance(line, str) else line.decode(errors="replace")
    found: Any = parse_json(text)
    if not isinstance(found, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - as of all that is no message
    refusal = found.get("refusal")
    return found, Text.from_dict(refusal) if refusal else None
