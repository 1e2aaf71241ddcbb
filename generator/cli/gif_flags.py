"""The flags of ``hotshot gif``, in the groups that its help shows. Declares; decides nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from generator.checkpoints.inspect.schedule_facts import PREDICTION_TYPES
from generator.cli.parsing import Once, device_name, lora
from generator.contract.bounds import MAX_FRAMES, MAX_SEED, MIN_IMAGE_STRENGTH, SCHEDULERS
from generator.contract.command_line import Parser, number, whole_number
from generator.contract.control_types import ANNOTATORS, AUTO, DEPTH_MODEL
from generator.contract.limits import NANO
from generator.contract.messages import IMAGE_STRENGTH
from generator.media.output import SUFFIXES

DEFAULT_SCHEDULER = "default"
PRECISIONS = ("auto", "f32", "f16", "bf16")

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

A flag may be spelled with dashes or underscores. What is left out, the model decides. Hotshot-XL's
own inference.py had other defaults; to have those, give
  --pretrained-path hotshotco/Hotshot-XL --width 672 --height 384 --negative-prompt blurry \\
    --seed 455 --precision f16 --control-annotator none"""


def add_all(parser: Parser) -> None:
    """Declare all flags; those that aren't given are None, and the recipe or the model decides."""
    _add_picture(parser.add_argument_group("the picture"))
    _add_file(parser.add_argument_group("the file"))
    _add_sampling(parser.add_argument_group("how it is made"))
    _add_image(parser.add_argument_group("beginning from a picture"))
    _add_control(parser.add_argument_group("following another GIF (ControlNet)"))
    _add_model(parser.add_argument_group("the model"))
    _add_machine(parser.add_argument_group("the machine"))
    _add_size_conditioning(
        parser.add_argument_group("size conditioning (what SDXL is told of the picture's past)")
    )


def _add_picture(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--prompt", metavar="TEXT", help="what to show; (word:1.3) weighs more")
    group.add_argument(
        "--negative-prompt",
        metavar="TEXT",
        help='what not to show; "" is a text without words, as in the original (default: none at '
        "all, which most models were trained with)",
    )
    _add_numbers(
        group,
        ("--width", "pixels, a multiple of 8 (default: the model's size; 128 for nano)"),
        ("--height", "the same"),
        ("--video-length", f"frames, 1 to {MAX_FRAMES} (default: 8, and 1 for .jpg)"),
    )
    group.add_argument(
        "--video-duration",
        type=whole_number,
        metavar="MS",
        help="milliseconds for all frames together (default: 1000)",
    )


def _add_file(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=f"where to write; the extension decides the format: {' '.join(SUFFIXES)}; its "
        "directory is made",
    )
    group.add_argument(
        "--max-bytes",
        type=whole_number,
        metavar="N",
        help="make it fit: fewer colours, grain, frames, pixels, in this order, and say which",
    )
    group.add_argument(
        "--from",
        action=Once,
        dest="recipe",
        type=Path,
        metavar="FILE",
        help="make again what is in this file; other flags change what they name. Also reads "
        "Automatic1111's and ComfyUI's pictures: prompts, seed, steps, size, guidance, sampler",
    )
    group.add_argument(
        "--trust",
        action="store_true",
        help="let that recipe open the files, links and hub models that it names",
    )


def _add_sampling(group: argparse._ArgumentGroup) -> None:
    _add_numbers(
        group,
        ("--seed", f"the same seed makes the same frames, 0 to {MAX_SEED} (default: drawn)"),
        ("--steps", "denoising steps (default: the model's)"),
    )
    for flag, meaning in (
        ("--guidance-scale", "how closely to follow the prompt (default: the model's)"),
        ("--guidance-rescale", "against overexposure by guidance, 0 to 1 (default: the model's)"),
        ("--guidance-start", "from which fraction of the steps on to guide (default: 0)"),
        ("--guidance-end", "up to which (default: 1)"),
    ):
        group.add_argument(flag, type=number, metavar="X", help=meaning)
    group.add_argument(
        "--scheduler",
        metavar="NAME",
        help=f"{', '.join(SCHEDULERS)}, or its diffusers class name (default: the model's)",
    )
    group.add_argument(
        "--upscale",
        nargs="?",
        type=number,
        const=True,
        metavar="X",
        help="a second pass at twice the size, which begins from the frames of the first; X is how "
        f"far it may stray from them, {MIN_IMAGE_STRENGTH} to 1 (default: the model's), or 0 for "
        "no second pass",
    )


def _add_image(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--image",
        action=Once,
        metavar="SOURCE",
        help="what the first look is: a picture for all frames, or a GIF or video with one for "
        "each; a file, a directory of frames or a link, scaled to fill, its middle kept",
    )
    group.add_argument(
        "--image-strength",
        type=number,
        metavar="X",
        help=f"how far the frames may stray from it, {MIN_IMAGE_STRENGTH} to 1 (default: "
        f"the model's; {IMAGE_STRENGTH})",
    )


def _add_control(group: argparse._ArgumentGroup) -> None:
    group.description = (
        "Several ControlNets at once: --control-type again for each; the flags of strength,\n"
        "span and annotator then count once for all, or once for each in the same order."
    )
    group.add_argument(
        "--control-type",
        action="append",
        metavar="TYPE",
        help="canny: the outlines stay, so a square stays a square; depth: shapes and distances "
        "stay; loose: depth at 0.7 of its strength and for 0.7 of the steps, so what moves where "
        "stays, and the prompt says its shape; or a ControlNet's directory, file or hub id",
    )
    group.add_argument(
        "--gif",
        action=Once,
        metavar="SOURCE",
        help="what to follow: a GIF, WebP, PNG, MP4 or WebM, a directory of frames, or a link; "
        "without a type it is ignored",
    )
    for flag, meaning in (
        ("--controlnet-conditioning-scale", "strength (default: the model's; 0.7)"),
        ("--control-guidance-start", "from which fraction of the steps on (default: 0)"),
        ("--control-guidance-end", "up to which (default: 1)"),
    ):
        group.add_argument(flag, type=number, action="append", metavar="X", help=meaning)
    group.add_argument(
        "--control-annotator",
        choices=(AUTO, *ANNOTATORS),
        action="append",
        help="what makes the ControlNet's pictures from the source's; none: they are as they are "
        "(default: auto, the one that suits the type)",
    )
    group.add_argument(
        "--control-preview",
        type=Path,
        metavar="FILE",
        help="write what the ControlNet will see; without --output, nothing more is made",
    )
    group.add_argument(
        "--depth-model",
        metavar="MODEL",
        help=f"the annotator's, a directory or a hub id (default: {DEPTH_MODEL})",
    )


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--pretrained-path",
        action=Once,
        metavar="MODEL",
        help="nano, a directory in Hotshot-XL's layout, a hub id, or beside a base a file of "
        f"temporal layers (default: {NANO})",
    )
    group.add_argument(
        "--spatial-unet-base",
        action=Once,
        metavar="MODEL",
        help="an SDXL whose pictures to set in motion: a directory, its unet/, a hub id or a "
        ".safetensors file; its text encoders and VAE come along",
    )
    group.add_argument(
        "--unet-only",
        action="store_true",
        default=None,
        help="of the base, take the UNet alone, as the original did",
    )
    group.add_argument(
        "--prediction-type",
        choices=PREDICTION_TYPES,
        help="what the UNet predicts, for files that don't say it (default: as they say, else as "
        "the model does)",
    )
    group.add_argument(
        "--lora",
        type=lora,
        action="append",
        metavar="PATH[:STRENGTH]",
        help="a LoRA's file, directory or hub id (strength: 1); again for each",
    )
    group.add_argument(
        "--offline",
        action="store_true",
        help="take what the cache has, ask the hub for nothing (as HF_HUB_OFFLINE=1)",
    )


def _add_machine(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--precision", choices=PRECISIONS, help="what to compute in (default: auto)")
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
        help="networks on the device only while they compute, pictures decoded in tiles",
    )
    group.add_argument(
        "--xformers",
        action="store_true",
        help="changes nothing: PyTorch's own attention (SDPA) does it today",
    )
    group.add_argument(
        "--autocast",
        choices=("f16", "bf16"),
        help="changes nothing: --precision says what is computed in, and what must not is known",
    )


def _add_size_conditioning(group: argparse._ArgumentGroup) -> None:
    for flag, default in (
        ("--og-width", 1920),
        ("--og-height", 1080),
        ("--target-width", 512),
        ("--target-height", 512),
    ):
        group.add_argument(flag, type=whole_number, metavar="N", help=f"(default: {default})")


def _add_numbers(group: argparse._ArgumentGroup, *flags: tuple[str, str]) -> None:
    for flag, meaning in flags:
        group.add_argument(flag, type=whole_number, metavar="N", help=meaning)
