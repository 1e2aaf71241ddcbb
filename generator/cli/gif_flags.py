"""The flags of ``hotshot gif``, in the groups that its help shows. Declares; decides nothing.

Those of the GIF's options are made as they are declared (``generator.contract.options``); those of
files, model and machine are the command line's own.
"""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from generator.checkpoints.inspect.schedule_facts import PREDICTION_TYPES
from generator.cli.parsing import Once, device_name, lora, number_by_frame
from generator.contract.command_line import Parser, number, whole_number
from generator.contract.control_types import DEPTH_MODEL
from generator.contract.limits import NANO, ModelLimits
from generator.contract.options.gif_options import OPTIONS, GifOptions
from generator.contract.options.spec import NONE, Flag, FlagGroup, Kind, OptionSpec, in_order
from generator.contract.worker_settings import COMPILE_AUTO, COMPILE_MODES
from generator.media.output import SUFFIXES

PRECISIONS = ("auto", "f32", "f16", "bf16", "fp8")

EXAMPLES = """\
examples:
  hotshot gif --prompt "a red ball bouncing on a beige background" --output ball.gif
  hotshot gif --prompt "a blue star" --output star.mp4 --video-length 16 --video-duration 2000
  hotshot gif --prompt "a cat" --output cat.gif --control-type depth --gif dancer.gif
  hotshot gif --prompt "a dog that barks" --output dog.gif --image dog.jpg --image-strength 0.6
  hotshot gif --prompt "a bulldog" --output dog.gif --pretrained-path hotshotco/Hotshot-XL \\
    --spatial-unet-base juggernaut.safetensors --lora pixels.safetensors:0.8
  hotshot gif --from ball.gif --output again.gif
  hotshot gif --from ball.gif --steps 50 --output finer.gif
  hotshot gif --from ball.gif --upscale --output larger.gif

Flags may be spelled with dashes or underscores. The model decides what you leave out. Hotshot-XL's
own inference.py had other defaults; to get those, use
  --pretrained-path hotshotco/Hotshot-XL --width 672 --height 384 --negative-prompt blurry \\
    --seed 455 --precision f16 --control-annotator none"""


_CONTROL_DESCRIPTION = (
    "For several ControlNets, repeat --control-type. The flags for strength, span and\n"
    "annotator then apply to all of them, or one to each in the same order."
)
_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.WHOLE_NUMBER: whole_number,
    Kind.NUMBER: number,
    Kind.LORA: lora,
}
_METAVARS = {Kind.TEXT: "TEXT", Kind.WHOLE_NUMBER: "N", Kind.NUMBER: "X"}
_ACTIONS: Mapping[str, Any] = {"last": "store", "once": Once, "again": "append"}


def add_all(parser: Parser, specs: Sequence[OptionSpec] = OPTIONS) -> None:
    """Declare all flags; those that aren't given are None, and the recipe or the model decides."""
    for name in FlagGroup:
        group = parser.add_argument_group(name.value)
        if name is FlagGroup.CONTROL:
            group.description = _CONTROL_DESCRIPTION
        if name in _OWN_BEFORE:
            _OWN_BEFORE[name](group)
        flags = [(spec, flag) for spec in specs if (flag := spec.flag) and flag.group is name]
        for spec, flag in in_order(flags):
            _add_option(group, spec, flag)
        if name in _OWN_AFTER:
            _OWN_AFTER[name](group)


def given_options(arguments: Namespace) -> GifOptions[str]:
    """Return what the flags say of the GIF; a flag that may be given again says a tuple."""
    given: dict[str, Any] = {}
    for spec in OPTIONS:
        if spec.flag is not None:
            value = getattr(arguments, spec.flag.dest)
            if spec.flag.takes_none:
                value = _without_none(value)
            if spec.flag.by_frame and value:  # whoever reads the frames' numbers takes them himself
                value = [1.0 if isinstance(one, str) else one for one in value]
            given[spec.name] = tuple(value) if isinstance(value, list) else value
    return GifOptions(**given)


def _without_none(value: Any) -> Any:
    """Return a flag's value, empty where it takes out what a recipe brings."""
    if isinstance(value, list):
        return [one for one in value if NONE not in (one, getattr(one, "path", None))]
    return "" if value == NONE else value


def _add_option(group: argparse._ArgumentGroup, spec: OptionSpec, flag: Flag) -> None:
    if spec.kind is Kind.SWITCH:
        _add_switch(group, flag.name, flag.help)
        return
    alone: dict[str, Any] = {"nargs": "?", "const": True} if flag.alone else {}
    is_closed = spec.kind is Kind.CHOICE and not flag.metavar
    none = (NONE,) * flag.takes_none
    group.add_argument(
        flag.name,
        action=_ACTIONS[flag.given],
        type=number_by_frame if flag.by_frame else _READERS.get(spec.kind, str),
        choices=(*spec.choices(ModelLimits()), *none) if is_closed and spec.choices else None,
        metavar=flag.metavar or _METAVARS.get(spec.kind),
        help=flag.help,
        **alone,
    )


def _add_switch(group: argparse._ArgumentGroup, name: str, about: str) -> None:
    """Declare a switch, and ``--no-NAME``, which turns off what a recipe has turned on."""
    group.add_argument(name, action=argparse.BooleanOptionalAction, default=None, help=about)


def _add_file(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"where to write; the extension decides the format: {' '.join(SUFFIXES)}; its "
        "directory is created",
    )
    group.add_argument(
        "--max-bytes",
        type=whole_number,
        metavar="N",
        help="make it fit, by reducing colours, grain, frames, pixels in this order, and say which",
    )
    group.add_argument(
        "--from",
        action=Once,
        dest="recipe",
        type=Path,
        metavar="FILE",
        help="make this file's GIF again from its recipe; other flags override it. Also reads "
        "pictures by Automatic1111 and ComfyUI: prompts, seed, steps, size, guidance, "
        "sampler",
    )
    group.add_argument(
        "--trust",
        action="store_true",
        help="let that recipe open the files, links and hub models that it names",
    )


def _add_control_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--control-preview",
        type=Path,
        metavar="FILE",
        help="write what the ControlNet will see; without --output, nothing else is made",
    )
    group.add_argument(
        "--depth-model",
        metavar="MODEL",
        help=f"the depth annotator's model, a directory or a hub id (default: {DEPTH_MODEL})",
    )


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--pretrained-path",
        action=Once,
        metavar="MODEL",
        help="nano, a directory in Hotshot-XL's layout, a hub id, or with a base a file of "
        f"temporal layers (default: {NANO})",
    )
    group.add_argument(
        "--spatial-unet-base",
        action=Once,
        metavar="MODEL",
        help="an SDXL whose pictures are set in motion: a directory, its unet/, a hub id or a "
        ".safetensors file; its text encoders and VAE are used too; none: leave out the "
        "recipe's",
    )
    _add_switch(group, "--unet-only", "use only the base's UNet, as the original did")
    group.add_argument(
        "--prediction-type",
        choices=(*PREDICTION_TYPES, NONE),
        help="what the UNet predicts, for files that don't say (default: what they say, or "
        "else the model's; none: the default, even if a recipe says otherwise)",
    )


def _add_offline(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--offline",
        action="store_true",
        help="use only what is in the cache, and never contact the hub (like HF_HUB_OFFLINE=1)",
    )


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="what to compute in; fp8: the UNet in 8 bits, half the memory (default: auto)",
    )
    group.add_argument(
        "--device",
        type=device_name,
        default="auto",
        metavar="NAME",
        help="auto, cpu, mps, cuda or cuda:N (default: %(default)s)",
    )
    group.add_argument(
        "--low-vram-mode",
        action="store_true",
        help="keep networks on the device only while they compute, and decode pictures in tiles "
        "(default: on if a GPU has no room for all)",
    )
    group.add_argument(
        "--compile",
        choices=COMPILE_MODES,
        default=COMPILE_AUTO,
        help="auto: on a GPU, fused kernels, which are faster and close to the original; never: as "
        "the original; always: compiled on a CPU too, minutes per size (default: %(default)s)",
    )
    group.add_argument(
        "--xformers",
        action="store_true",
        help="has no effect: PyTorch's own attention (SDPA) replaces it",
    )
    group.add_argument(
        "--autocast",
        choices=("f16", "bf16"),
        help="has no effect: --precision decides, and what can't be in half precision isn't",
    )


_OWN_BEFORE: Mapping[FlagGroup, Callable[[argparse._ArgumentGroup], None]] = {
    FlagGroup.FILE: _add_file,
    FlagGroup.MODEL: _add_model,
    FlagGroup.MACHINE: _add_machine,
}
_OWN_AFTER: Mapping[FlagGroup, Callable[[argparse._ArgumentGroup], None]] = {
    FlagGroup.CONTROL: _add_control_files,
    FlagGroup.MODEL: _add_offline,
}
