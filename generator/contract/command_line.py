"""What the command lines of both programs share: a mistake is one line that says what is meant.

Standard library only.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import signal
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from generator.contract.errors import HotshotError

# how argparse says it, with quotes around the names before Python 3.12
_WRONG_CHOICE = re.compile(
    r"(?P<said>.*invalid choice: '(?P<name>[^']*)')(?P<there> \(choose from (?P<names>.*)\))"
)
_VALUE_OF_SWITCH = re.compile(r"^(\S+): ignored explicit argument (.*)$")


class UsageError(HotshotError):
    """The command line can't be understood; ``program`` is the (sub-)command it was for."""

    is_translated = False

    def __init__(self, program: str, message: str) -> None:
        super().__init__(message)
        self.program = program


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, as a class of its own.

    Where a plain KeyboardInterrupt has left a text that was run by ``exec``, as dataclasses do,
    ``python -m`` remembers it, and kills itself by SIGINT at its end, whoever has caught it.
    """


def note_reader_gone() -> int:
    """Return the exit code of a program that nobody reads any more, as before ``| head -1``.

    Nothing more is written then, not even what Python flushes at its end.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


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
        message = _VALUE_OF_SWITCH.sub(r"\1: takes no value, not \2", message)
        if wrong := _WRONG_CHOICE.fullmatch(message):
            message = wrong["said"] + (
                _meant(wrong["name"], re.findall(r"[\w.-]+", wrong["names"])) or wrong["there"]
            )
        raise UsageError(self.prog, f"{message}; see {self.prog} --help.")


def _meant(name: str, known: Iterable[str]) -> str:
    """The nearest of the names, as a question; nothing where none is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" (do you mean {near[0]}?)" if near else ""


def whole_number(text: str) -> int:
    """Return an option's whole number; an argparse type."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number") from None


def number(text: str) -> float:
    """Return an option's number; an argparse type."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number") from None


def shown(text: str, most: int = 40) -> str:
    """Return a text in quotes, cut where it is longer than ``most`` characters."""
    return repr(text if len(text) <= most else text[:most] + "…")
