"""What every sub-command's parser has in common: mistakes are one line, flags spell either way."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from generator.contract.errors import HotshotError
from generator.contract.messages import Lora
from generator.contract.paths import existing_path

# how argparse says it, with quotes around the names before Python 3.12
_WRONG_CHOICE = re.compile(
    r"(?P<said>.*invalid choice: '(?P<name>[^']*)')(?P<there> \(choose from (?P<names>.*)\))"
)


class UsageError(HotshotError):
    """The command line can't be understood; ``program`` is the (sub-)command it was for."""

    def __init__(self, program: str, message: str) -> None:
        super().__init__(message)
        self.program = program


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of printing its usage and leaving; takes no shortened flags."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but a sub-command answers itself for what it doesn't know."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            flag = next((word for word in unknown if word.startswith("--")), unknown[0])
            name = flag.partition("=")[0]
            meant = _meant(name, self._option_string_actions)
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ")
        if wrong := _WRONG_CHOICE.fullmatch(message):
            message = wrong["said"] + (
                _meant(wrong["name"], re.findall(r"[\w.-]+", wrong["names"])) or wrong["there"]
            )
        raise UsageError(self.prog, f"{message}; see {self.prog} --help.")


def _meant(name: str, known: Iterable[str]) -> str:
    """The nearest of the names, as a question; nothing where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (do you mean {near[0]}?)" if near else ""


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
    """``--video_length=8`` becomes ``--video-length=8``; values and what follows ``--`` stay."""
    flags_end = words.index("--") if "--" in words else len(words)
    return [*map(_with_dashes, words[:flags_end]), *words[flags_end:]]


def _with_dashes(word: str) -> str:
    if not word.startswith("--"):
        return word
    flag, equals, value = word.partition("=")
    return flag.replace("_", "-") + equals + value


def whole_number(text: str) -> int:
    """An argparse type."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not a whole number") from None


def number(text: str) -> float:
    """An argparse type."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{_short(text)} is not a number") from None


def lora(text: str) -> Lora:
    """An argparse type: PATH or PATH:STRENGTH. A path may hold colons of its own."""
    path, colon, strength = text.rpartition(":")
    if not colon or "/" in strength or "\\" in strength or existing_path(text):
        return Lora(text)
    return Lora(path, number(strength))


def device_name(text: str) -> str:
    """An argparse type: whether this machine has it, only torch can tell."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(
            f"{_short(text)} is no device; there are auto, cpu, mps, cuda and cuda:N"
        )
    return text


def _short(text: str, most: int = 40) -> str:
    return repr(text if len(text) <= most else text[:most] + "…")
