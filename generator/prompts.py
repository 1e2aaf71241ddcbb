"""Prompts with weights: "a (red:1.3) ball" is three fragments. Standard library only.

Only what is in brackets with a number is weighted; all other brackets are text, and so is what
follows a backslash. Weights within weights multiply.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

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


def fragments_of(prompt: str) -> list[Fragment]:
    """A prompt taken apart; a single fragment, the prompt itself, where nothing is weighted."""
    found: list[Fragment] = []
    openings: list[int] = []  # where in ``found`` each bracket that is still open stands
    weighted = False
    for token in _TOKEN.finditer(prompt):
        if token["opening"]:
            openings.append(len(found))
            found.append(Fragment("("))
        elif token["weight"] and openings:
            start = openings.pop()
            found[start:] = _times(found[start + 1 :], float(token["weight"]))
            weighted = True
        else:
            if token["closing"] and openings:
                openings.pop()
            found.append(Fragment(token["escaped"] or token[0]))
    return (_joined(found) or [Fragment("")]) if weighted else [Fragment(prompt)]


def plain_text(prompt: str) -> str:
    """The prompt without its weights."""
    return "".join(fragment.text for fragment in fragments_of(prompt))


def _times(fragments: list[Fragment], weight: float) -> list[Fragment]:
    return [replace(one, weight=one.weight * weight) for one in fragments]


def _joined(fragments: list[Fragment]) -> list[Fragment]:
    """Neighbours of one weight as one fragment; those that are all space are their neighbours'."""
    joined: list[Fragment] = []
    for one in fragments:
        if joined and (joined[-1].weight == one.weight or not one.text.strip()):
            joined[-1] = replace(joined[-1], text=joined[-1].text + one.text)
        else:
            joined.append(one)
    return joined
