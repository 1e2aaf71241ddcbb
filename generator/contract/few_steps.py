"""How many steps a GIF takes: what a quality means, and what a distilled LoRA brings.

A distilled LoRA was taught to arrive in a few steps, of one sampler and without guidance; in the
model's own 30 guided ones it burns the picture. Which one a file is, its names say, or its
metadata, or the config. The settings are those of the models' cards:
latent-consistency/lcm-lora-sdxl, ByteDance/SDXL-Lightning, ByteDance/Hyper-SD, h1t/TCD-SDXL-LoRA,
tianweiy/DMD2. Standard library only; opens no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from generator.contract.bounds import shorten
from generator.contract.declared_limits import DeclaredLimits
from generator.contract.messages import Request
from generator.contract.text import Text

DRAFT, NORMAL, FINE = "draft", "normal", "fine"
QUALITIES = {DRAFT: Text("draft"), NORMAL: Text("normal"), FINE: Text("fine")}

METADATA_KEY = "hotshot.few_steps"
"""What a file's metadata may say for itself, as ``FewSteps.named`` reads it."""

_MOST_STEPS = 16  # that any of these was made for
_DRAFT_SHARE, _FINE_SHARE = 0.5, 2  # of the model's own steps, without a distilled LoRA


@dataclass(frozen=True, slots=True)
class FewSteps:
    """What a distilled LoRA is sampled with.

    ``name`` is its kind, and the number of steps that it was made for, if it is just one. ``steps``
    are those of a draft, the usual ones, and those of a fine GIF. ``guidance_scale`` 1 is none, so
    that the networks are asked once a step; None leaves it to the model.
    """

    name: str
    scheduler: str
    steps: tuple[int, int, int]
    guidance_scale: float | None = 1.0

    @classmethod
    def named(cls, name: str) -> Self:
        """Return what ``lcm``, ``tcd``, ``lightning-4``, ``hyper-sd-8``, ``dmd`` and so on mean.

        Raises ValueError, one sentence, for what isn't among them.
        """
        kind, _, steps = name.strip().lower().rpartition("-")
        if not (steps.isascii() and steps.isdecimal()):
            kind, steps = name.strip().lower(), ""
        if kind in _KINDS and (not steps or 1 <= int(steps[:4]) <= _MOST_STEPS):
            return cls._of(kind, int(steps or 0))
        raise ValueError(
            f"There is no kind of distilled LoRA called {shorten(name)!r}; there are "
            f"{', '.join(_KINDS)}, each alone or with its number of steps, such as lightning-4."
        )

    @classmethod
    def _of(cls, kind: str, steps: int) -> Self:
        scheduler, usual, guidance_scale = _KINDS[kind]
        if kind == _HYPER and steps == 1:  # made for a consistency sampler that draws anew
            return cls(f"{kind}-1", "lcm", (1, 2, 4))
        if kind == _HYPER_CFG and not steps:
            steps = usual[1]
        name = f"{kind}-{steps}" if steps else kind
        return cls(name, scheduler, (steps,) * 3 if steps else usual, guidance_scale)

    def steps_at(self, quality: str | None) -> int:
        """Return the steps of a quality: one of QUALITIES, or None for the usual one."""
        return self.steps[list(QUALITIES).index(quality or NORMAL)]


_HYPER, _HYPER_CFG = "hyper-sd", "hyper-sd-cfg"
# The sampler, the steps of each quality where the name says none, and the guidance.
_KINDS: Mapping[str, tuple[str, tuple[int, int, int], float | None]] = {
    "lcm": ("lcm", (4, 6, 8), 1.0),
    "lightning": ("euler_trailing", (4, 4, 4), 1.0),
    _HYPER: ("ddim_trailing", (8, 8, 8), 1.0),
    _HYPER_CFG: ("ddim_trailing", (8, 8, 8), None),
    "tcd": ("tcd", (4, 6, 8), 1.0),
    "dmd": ("lcm_trailing", (4, 4, 4), 1.0),
}
# What people call such files, in the order in which they are tried. "lightning" alone may well be
# of a storm: it takes SDXL or a number of steps beside it.
_NAMES: Mapping[str, re.Pattern[str]] = {
    kind: re.compile(rf"(?<![a-z]){pattern}(?![a-z])")
    for kind, pattern in {
        _HYPER_CFG: r"hyper[-_ ]?sd(?:xl)?(?=.*(?<![a-z])cfg(?![a-z])).*",
        _HYPER: r"hyper[-_ ]?sd(?:xl)?",
        "lightning": r"(?:sd(?:xl)?[-_ ]?)?lightning",
        "dmd": r"dmd2?",
        "tcd": r"tcd",
        "lcm": r"lcm",
    }.items()
}
_SD_LIGHTNING = re.compile(r"sd(?:xl)?[-_ ]?lightning")
_STEPS = re.compile(r"(?<!\d)(\d{1,2})[-_ ]?steps?(?![a-z])")


def recognise(names: Iterable[str], metadata: Mapping[str, str] | None = None) -> FewSteps | None:
    """Return what a distilled LoRA is sampled with; None for any other LoRA.

    ``names`` are a file's own, its directory's, its hub id, what its maker or its owner calls it;
    one that says its number of steps counts before one that doesn't. What the metadata say under
    METADATA_KEY counts before all names, unless that is nonsense.
    """
    said = (metadata or {}).get(METADATA_KEY, "")
    if said:
        try:
            return FewSteps.named(said)
        except ValueError:  # a stranger's word: a LoRA like any other
            return None
    found = [one for name in names if (one := _by_name(name)) is not None]
    return next((one for one in found if one.name[-1].isdecimal()), found[0] if found else None)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a GIF is sampled where nobody said it."""

    scheduler: str
    steps: int
    guidance_scale: float


def sampling_of(limits: DeclaredLimits, quality: str | None, few: FewSteps | None) -> Sampling:
    """Return how a model is sampled at a quality, with a distilled LoRA or without one."""
    if few is not None:
        guidance = limits.guidance_scale if few.guidance_scale is None else few.guidance_scale
        return Sampling(few.scheduler, min(few.steps_at(quality), limits.max_steps), guidance)
    share = {DRAFT: _DRAFT_SHARE, FINE: _FINE_SHARE}.get(quality or NORMAL, 1)
    if limits.guidance_scale <= 1:  # a distilled model: made for its steps
        share = 1
    steps = min(max(1, round(limits.steps * share)), limits.max_steps)
    return Sampling(limits.scheduler, steps, limits.guidance_scale)


def with_sampling(
    request: Request, limits: DeclaredLimits, quality: str | None, few: FewSteps | None
) -> Request:
    """Return a request as it is sampled at a quality, with a distilled LoRA or without one."""
    sampling = sampling_of(limits, quality, few)
    return replace(
        request,
        scheduler=sampling.scheduler,
        steps=sampling.steps,
        guidance_scale=sampling.guidance_scale,
    )


def is_usual(request: Request, limits: DeclaredLimits) -> bool:
    """Return whether a request is sampled as its model does by default."""
    return with_sampling(request, limits, None, None) == request


def _by_name(name: str) -> FewSteps | None:
    words = name[:1000].lower()
    kind = next((kind for kind, pattern in _NAMES.items() if pattern.search(words)), None)
    if kind is None:
        return None
    steps = _STEPS.search(words)
    if kind == "lightning" and not (steps or _SD_LIGHTNING.search(words)):
        return None
    number = int(steps[1]) if steps and kind not in ("lcm", "tcd") else 0
    return FewSteps._of(kind, number if number <= _MOST_STEPS else 0)
