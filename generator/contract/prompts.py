"""Prompts with weights: "a (red:1.3) ball" is three fragments. Standard library only.

Only what is in brackets with a number is weighted; all other brackets are text, and so is what
follows a backslash. Weights within weights multiply.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

MAX_WEIGHT = 3.0  # beyond that a text encoder's answer is noise

_TOKEN = re.compile(
    r"""
    \\(?P<escaped>[\\()])
    |(?P<opening>\()
    |:\s*(?P<weight>[+-]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6}))\s*\)
    |(?P<closing>\))
    |(?P<text>[^\\():]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a prompt, and how much it counts; 1 is as much as ever."""

    text: str
    weight: float = 1.0


def parse_fragments(prompt: str) -> list[Fragment]:
    """Take a prompt apart into fragments; the prompt is the only one where nothing is weighted."""
    if "(" not in prompt or ":" not in prompt:  # as most are
        return [Fragment(prompt)]
    parts: list[str] = []
    openings: list[int] = []  # where in ``parts`` each bracket that is still open stands
    weights: dict[int, float] = {}  # of a bracket, by where it opens
    ends: set[int] = set()  # where such a one closes
    for token in _TOKEN.finditer(prompt):
        if token["opening"]:
            openings.append(len(parts))
            parts.append("(")
        elif token["weight"] and openings:
            weights[openings.pop()] = float(token["weight"])
            ends.add(len(parts))
            parts.append("")
        else:
            if token["closing"] and openings:
                openings.pop()
            parts.append(token["escaped"] or token[0])
    if not weights:
        return [Fragment(prompt)]
    return _joined(_weighted(parts, weights, ends)) or [Fragment("")]


def plain_text(prompt: str) -> str:
    """Return the prompt without its weights."""
    return "".join(fragment.text for fragment in parse_fragments(prompt))


def _weighted(
    parts: Sequence[str], weights: Mapping[int, float], ends: Set[int]
) -> Iterator[Fragment]:
    """Yield the parts with their weights, in one pass: brackets may stand a thousand deep."""
    around = [1.0]
    for index, part in enumerate(parts):
        if index in weights:
            around.append(around[-1] * weights[index])
        elif index in ends:
            around.pop()
        else:
            yield Fragment(part, around[-1])


def _joined(fragments: Iterable[Fragment]) -> list[Fragment]:
    """Return neighbours of one weight as one fragment; what is all space joins its neighbour."""
    joined: list[tuple[list[str], float]] = []
    for one in fragments:
        if joined and (joined[-1][1] == one.weight or not one.text.strip()):
            joined[-1][0].append(one.text)
        else:
            joined.append(([one.text], one.weight))
    return [Fragment("".join(texts), weight) for texts, weight in joined]
