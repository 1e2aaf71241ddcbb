"""``hotshot train-lora``: a subject or a style from pictures. Checked before torch is loaded."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generator.cli import training_flags
from generator.contract.command_line import Parser, number, whole_number
from generator.training.console import is_main_process
from generator.training.settings import DEFAULT_LORA_STEPS, STOP, LoraSettings, RunSettings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_DEFAULTS = RunSettings(
    output_dir=Path("lora"),
    learning_rate=1e-4,
    lr_warmup_steps=0,
    save_n_steps=250,
    save_starting_step=250,
    validate_every_steps=250,
    mixed_precision="auto",
    gradient_checkpointing=True,
    project_name="hotshot-lora",
)
# Gigabytes -> what fits at 1024, and with room to spare at 512.
_BY_MEMORY: dict[int, dict[str, int]] = {
    12: {"train_batch_size": 1, "gradient_accumulation_steps": 4, "rank": 16},
    16: {"train_batch_size": 2, "gradient_accumulation_steps": 2, "rank": 32},
    24: {"train_batch_size": 4, "gradient_accumulation_steps": 1, "rank": 32},
}
_EXAMPLE = """\
example:
  hotshot train-lora --pretrained-model-name-or-path nano --resolution 128 \\
    --data-dir pictures --trigger "sks ring" --class-prompt "a ball|a star" --output-dir ring
  hotshot gif --prompt "a sks ring moving left" --lora ring --output ring.gif

A picture's captions are the lines of a .txt or .caption file of the same name, one of them drawn
each time, or its text in metadata.jsonl ({"file_name": "0.png", "text": "a sks ring"}). Without
either, the caption is the trigger alone. Pictures in a folder such as "10_sks ring" count ten times
in an epoch, and "sks ring" is the caption of those that have none. With --video-length, {motion} in
a caption becomes what the clip does ("moving left"). Words that are only in class prompts still
bring back the class. The result is pytorch_lora_weights.safetensors, as diffusers names it, and
lora_kohya.safetensors, for ComfyUI and others. On several GPUs:
  accelerate launch -m generator.training.train_lora ...
and in two processes on a CPU:
  ACCELERATE_USE_CPU=1 torchrun --nproc-per-node 2 -m generator.training.train_lora ..."""


class _ByMemory:
    """A default that --gpu-memory decides; the help shows it as that."""

    def __str__(self) -> str:
        return "by --gpu-memory"


def add_to(subparsers: Subparsers) -> Parser:
    """Declares the sub-command and its flags."""
    parser = subparsers.add_parser(
        "train-lora",
        help="teach a model a subject or a style",
        description="Trains a LoRA from 5 to 30 pictures.",
        epilog=_EXAMPLE,
    )
    _add_model_and_data(parser.add_argument_group("model and data"))
    _add_lora(parser.add_argument_group("the LoRA"))
    _add_class_images(parser.add_argument_group("what should stay as it is"))
    _add_loss(parser.add_argument_group("what is learnt"))
    training_flags.add_run(parser, _DEFAULTS, steps=DEFAULT_LORA_STEPS)
    parser.set_defaults(**dict.fromkeys(_BY_MEMORY[12], _ByMemory()))
    return parser


def run(arguments: Namespace) -> None:
    """Trains, and prints where the result is; raises HotshotError."""
    output = training_flags.train(build_settings(arguments), _import_task, arguments)
    if is_main_process():
        print(f"{output}  (a LoRA; hotshot gif --lora {output})")


def _import_task() -> training_flags.Task[LoraSettings]:
    from generator.training.train_lora import train_lora

    return train_lora


def build_settings(arguments: Namespace) -> LoraSettings:
    for name, value in _BY_MEMORY[arguments.gpu_memory].items():
        given: Any = getattr(arguments, name)
        if isinstance(given, _ByMemory):
            setattr(arguments, name, value)
    return training_flags.training_settings(LoraSettings, arguments)


def _add_model_and_data(group: training_flags.Group) -> None:
    training_flags.add_model(group)
    group.add_argument(
        "--spatial-unet-base",
        metavar="MODEL",
        help="an SDXL to train the LoRA for instead of the model's own",
    )
    training_flags.add_data_dir(group, "where the pictures are")
    training_flags.add_bad_samples(group, STOP)
    group.add_argument("--trigger", metavar="WORDS", help="what the subject is to be called")
    training_flags.add_resolution(group)
    training_flags.add_switch(group, "--flip", "mirror every other picture")
    training_flags.add_number(
        group,
        "--crops",
        1,
        "see each picture whole and in N - 1 crops of different places and scales, so that the "
        "LoRA doesn't learn where in the pictures the subject is",
        whole=True,
    )
    training_flags.add_number(
        group,
        "--video-length",
        1,
        "turn each picture into clips of N frames in which the view moves, so that the "
        "temporal layers take part; needs --crops, and N times the memory",
        whole=True,
    )
    training_flags.add_switch(group, "--cache-latents", "encode each picture once", default=True)
    training_flags.add_switch(group, "--vae-b16", "encode in bf16")


def _add_lora(group: training_flags.Group) -> None:
    group.add_argument(
        "--gpu-memory",
        type=whole_number,
        choices=tuple(_BY_MEMORY),
        default=12,
        help="in gigabytes; decides batch size, accumulation and rank (default: %(default)s)",
    )
    training_flags.add_number(group, "--rank", 16, "rank of the added matrices", whole=True)
    training_flags.add_number(
        group, "--alpha", None, "the LoRA's scale is alpha / rank (default: rank)"
    )
    training_flags.add_number(
        group, "--dropout", 0.0, "share of the added layers' inputs that is left out"
    )
    group.add_argument(
        "--target",
        choices=("attention", "all"),
        default="attention",
        help="which layers get a LoRA: attention alone, or also projections, feed-forward and "
        "convolutions",
    )
    training_flags.add_switch(
        group, "--use-dora", "learn magnitudes separately from directions (DoRA)"
    )
    training_flags.add_switch(
        group, "--use-rslora", "divide by the square root of the rank (rsLoRA)"
    )
    training_flags.add_switch(group, "--train-text-encoder", "both text encoders learn as well")
    training_flags.add_number(
        group,
        "--text-encoder-lr",
        None,
        "the text encoders' learning rate (default: --learning-rate)",
    )


def _add_class_images(group: training_flags.Group) -> None:
    group.add_argument(
        "--class-prompt", metavar="A|B", help="prompts whose results should stay as they are"
    )
    group.add_argument(
        "--class-data-dir",
        type=Path,
        metavar="DIR",
        help="pictures of these prompts (default: they are made first)",
    )
    training_flags.add_number(
        group, "--num-class-images", 50, "how many of these pictures to make", whole=True
    )
    training_flags.add_number(
        group, "--prior-loss-weight", 1.0, "how much keeping them counts in the loss"
    )


def _add_loss(group: training_flags.Group) -> None:
    group.add_argument(
        "--caption-dropout", type=number, default=0.0, metavar="X", help="(default: 0)"
    )
    training_flags.add_number(
        group, "--noise-offset", 0.0, "noise that is the same all over a picture"
    )
    training_flags.add_snr_gamma(group)
