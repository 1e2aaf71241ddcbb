"""diffusers' networks and samplers, as where of all that it can work with torch alone is installed.

diffusers imports transformers, PEFT, accelerate and torchao where it finds them, and PyTorch's
compiler in any case: seconds of every start, for what nothing here asks of it. While it is imported
by this module they are hidden, which is a state that it has for all who lack them. Whoever needs
one of them imports it as ever. Where somebody has imported diffusers or transformers before,
nothing is hidden: by then these have looked for the others, and ask for what they found when they
load a part.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.compiler

# torch._dynamo is the compiler; diffusers marks functions for it, and can do without.
_HIDDEN = ("accelerate", "peft", "torch._dynamo", "torchao", "transformers")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let those modules that aren't loaded yet seem not to be installed."""
    hidden = [name for name in names if name not in sys.modules]
    # What Python documents for this: an import of such a name fails, and so does a search for it.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _without_compiler_marks() -> Iterator[None]:
    """Let ``torch.compiler.disable`` mark nothing, since it would import the compiler to do so."""
    disable = torch.compiler.disable
    torch.compiler.disable = _leave_as_it_is  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.compiler.disable = disable


def _leave_as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
    unchanged: Callable[[Any], Any] = lambda given: given  # noqa: E731
    return unchanged if function is None else function


_is_hiding = not {"diffusers", "transformers"} & sys.modules.keys()

with _hidden(*(_HIDDEN if _is_hiding else ())), _without_compiler_marks():
    from diffusers import (
        AutoencoderKL,
        AutoencoderTiny,
        ControlNetModel,
        DDIMScheduler,
        DDPMScheduler,
        DPMSolverMultistepScheduler,
        EulerAncestralDiscreteScheduler,
        EulerDiscreteScheduler,
        LCMScheduler,
        TCDScheduler,
        UNetMotionModel,
        UniPCMultistepScheduler,
    )
    from diffusers.models.attention import BasicTransformerBlock
    from diffusers.models.attention_processor import Attention
    from diffusers.models.downsampling import Downsample2D
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
    from diffusers.models.upsampling import Upsample2D
    from diffusers.utils import logging

__all__ = (
    "AnimateDiffTransformer3D",
    "Attention",
    "AutoencoderKL",
    "AutoencoderTiny",
    "BasicTransformerBlock",
    "ControlNetModel",
    "DDIMScheduler",
    "DDPMScheduler",
    "DPMSolverMultistepScheduler",
    "Downsample2D",
    "EulerAncestralDiscreteScheduler",
    "EulerDiscreteScheduler",
    "LCMScheduler",
    "ResnetBlock2D",
    "TCDScheduler",
    "UNetMotionModel",
    "UniPCMultistepScheduler",
    "Upsample2D",
    "logging",
)
