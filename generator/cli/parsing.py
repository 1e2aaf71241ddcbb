"""What only the generator's command line needs: flags spelled either way, LoRAs and devices."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from generator.contract.command_line import number, shown
from generator.contract.messages import Lora
from generator.contract.paths import split_strength


class Once(argparse.Action):
    """Refuses to be given a second time, where the last one would win without a word."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given twice; only one can be used")
        setattr(namespace, self.dest, values)


def with_dashes(words: Sequence[str]) -> list[str]:
    """Return the words with ``--video_length=8`` as ``--video-length=8``; values stay."""
    flags_end = words.index("--") if "--" in words else len(words)
    return [*map(_with_dashes, words[:flags_end]), *words[flags_end:]]


def _with_dashes(word: str) -> str:
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value


def number_by_frame(text: str) -> float | str:
    """Return an option's number, or its keys with numbers as they are written; an argparse type."""
    return text if ":" in text else number(text)


def lora(text: str) -> Lora:
    """Return a LoRA given as PATH or PATH:STRENGTH; an argparse type."""
    path, strength = split_strength(text)
    return Lora(path) if strength is None else Lora(path, number(strength))


def device_name(text: str) -> str:
    """Return a device's name; an argparse type. Only torch can tell whether the machine has it."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(
            f"{shown(text)} isn't a device; choose auto, cpu, mps, cuda or cuda:N"
        )
    return text
