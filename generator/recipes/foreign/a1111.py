"""Automatic1111's ``parameters``, which Forge, SD.Next and many others write as well.

The prompt's lines, then ``Negative prompt: ...``, then one line of ``Name: value`` pairs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from generator.recipes.foreign.foreign_request import (
    ForeignRecipe,
    edge_of,
    guidance_of,
    plain,
    seed_of,
    shown,
    steps_of,
)

PROGRAM = "Automatic1111"
_NEGATIVE = "Negative prompt:"
_PAIR = re.compile(r'\s{0,9}(\w[\w \-/]{0,60}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_FEWEST_PAIRS = 3  # a prompt's last line may have a pair or two
_LONGEST = 100_000  # characters, all of it
_LONGEST_LINE = 10_000  # of pairs: reading them takes longer than their number grows
_MOST_LINES = 3  # that are looked at; a prompt may speak of steps as well
_NOT_DONE = ("Model", "VAE", "Refiner", "Clip skip", "Hires upscale", "Denoising strength")
_CONTROL = "ControlNet"  # and a number
_SAMPLERS = {
    "euler a": "euler_a",
    "euler": "euler",
    "ddim": "ddim",
    "dpm++ 2m": "dpmpp_2m",
    "dpm++ 2m karras": "dpmpp_2m_karras",
    "dpm++ sde": "dpmpp_sde",
    "dpm++ sde karras": "dpmpp_sde",
    "dpm++ 2m sde": "dpmpp_sde",
    "dpm++ 2m sde karras": "dpmpp_sde",
    "unipc": "unipc",
    "lcm": "lcm",
    "tcd": "tcd",
}


def read_parameters(text: str) -> ForeignRecipe | None:
    """Return what Automatic1111's text says; None for a text that is nothing of the kind."""
    lines = text[:_LONGEST].strip().split("\n")
    candidates = [at for at, line in enumerate(lines) if "Steps:" in line][:_MOST_LINES]
    last, pairs = next(((at, pairs) for at in candidates if (pairs := _pairs(lines[at]))), (0, {}))
    if not pairs:
        return None
    prompt, negative = _split("\n".join(lines[:last]))
    width, _, height = pairs.get("Size", "").partition("x")
    return ForeignRecipe(
        program=PROGRAM,
        prompt=plain(prompt),
        negative_prompt=None if negative is None else plain(negative),
        seed=seed_of(pairs.get("Seed")),
        steps=steps_of(pairs.get("Steps")),
        width=edge_of(width),
        height=edge_of(height),
        guidance_scale=guidance_of(pairs.get("CFG scale")),
        scheduler=_scheduler(pairs),
        sampler=plain(pairs.get("Sampler", ""))[:60],
        left_out=_left_out(pairs),
    )


def _pairs(line: str) -> dict[str, str]:
    """Return the pairs of the line that says how it was made; none for any other line."""
    found = _PAIR.findall(line[:_LONGEST_LINE])
    pairs = {key.strip(): _unquoted(value) for key, value in found}
    return pairs if "Steps" in pairs and len(pairs) >= _FEWEST_PAIRS else {}


def _split(text: str) -> tuple[str, str | None]:
    """Return the prompt, and the negative prompt where there is one; both may have many lines."""
    if text.startswith(_NEGATIVE):
        return "", text.removeprefix(_NEGATIVE)
    prompt, found, negative = text.partition("\n" + _NEGATIVE)
    return prompt, negative if found else None


def _scheduler(pairs: Mapping[str, str]) -> str | None:
    """Return the scheduler; newer versions say its ramp apart: ``Schedule type: Karras``."""
    sampler = pairs.get("Sampler", "").strip().lower()
    kind = pairs.get("Schedule type", "").strip().lower()
    spelt = f"{sampler} karras" if kind == "karras" else sampler
    return _SAMPLERS.get(spelt, _SAMPLERS.get(sampler))


def _left_out(pairs: Mapping[str, str]) -> tuple[str, ...]:
    """Return what was done that Hotshot doesn't do; a ControlNet's source isn't in the picture."""
    sampler = () if _scheduler(pairs) else (("Sampler", pairs.get("Sampler")),)
    followed = ("ControlNet",) if any(name.startswith(_CONTROL) for name in pairs) else ()
    return (*shown(*sampler, *((name, pairs.get(name)) for name in _NOT_DONE)), *followed)


def _unquoted(value: str) -> str:
    if value.startswith('"') and value.endswith('"') and len(value) > 1:
        return value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return value
