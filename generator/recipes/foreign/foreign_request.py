"""How another program made a picture, as far as Hotshot can do the same. Values only."""

from __future__ import annotations

import math
from dataclasses import dataclass

from generator.contract.bounds import MAX_GUIDANCE_SCALE, MAX_SEED, MAX_STEPS

_MAX_EDGE = 65_536
_LONGEST_DIGITS = 25
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRecipe:
    """None where it isn't said, or can't be believed. ``scheduler`` is one of Hotshot's names.

    ``sampler`` is how the program itself calls it, ``loras`` are names and strengths beside those
    in the prompt, and ``left_out`` is what else it did that Hotshot doesn't, in its own words.
    """

    program: str
    prompt: str = ""
    negative_prompt: str | None = None
    seed: int | None = None
    steps: int | None = None
    width: int | None = None
    height: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    sampler: str = ""
    loras: tuple[tuple[str, float], ...] = ()
    left_out: tuple[str, ...] = ()


def seed_of(value: object) -> int | None:
    """Return a seed; None for the -1 that means a drawn one."""
    return _whole(value, 0, MAX_SEED)


def steps_of(value: object) -> int | None:
    """Return a number of steps, at most as many as Hotshot makes."""
    found = _whole(value, 1, 10_000)
    return None if found is None else min(found, MAX_STEPS)


def edge_of(value: object) -> int | None:
    """Return an edge in pixels; None for what is none."""
    return _whole(value, 1, _MAX_EDGE)


def guidance_of(value: object) -> float | None:
    """Return a guidance scale; None for what is none."""
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found <= MAX_GUIDANCE_SCALE else None


def plain(text: str) -> str:
    """Return a text without what is no text, so that it can be shown and kept."""
    return "".join(
        letter for letter in text if letter in "\n\t" or not ("\ud800" <= letter <= "\udfff")
    ).strip()


def shown(*things: tuple[str, object]) -> tuple[str, ...]:
    """Return names with their values, as far as these are text or numbers, for people to read."""
    return tuple(
        f"{name} {' '.join(plain(str(value)).split())[:_LONGEST_SHOWN]}"
        for name, value in things
        if isinstance(value, str | int | float) and str(value).strip()
    )


def _whole(value: object, lowest: int, highest: int) -> int | None:
    if isinstance(value, str):
        digits = value.strip()
        if not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_DIGITS:
            return None
        value = int(digits)
    if isinstance(value, float) and value.is_integer() and abs(value) <= highest:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if lowest <= value <= highest else None
