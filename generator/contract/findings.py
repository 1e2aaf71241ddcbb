"""What was found where a machine was looked at: values, and their way between two processes.

``generator.cli.check_workers`` finds them, ``hotshot-bot doctor`` shows them. Standard library
only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Self

from generator.contract.json_text import JsonError, parse_json
from generator.contract.text import TranslatableError


class FindingsError(ValueError):
    """Lines that are no findings."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it will do, and a sentence for a person.

    A fine one may still be worth a thought (``is_doubtful``): most works, and something won't.
    """

    subject: str
    text: str
    is_fine: bool = True
    is_doubtful: bool = False

    @classmethod
    def broken(cls, subject: str, reason: object) -> Self:
        """Return a finding that something won't do, and why."""
        return cls(subject, str(reason), is_fine=False)

    def to_json(self) -> str:
        """Return the finding as JSON on one line."""
        return json.dumps(asdict(self))


class Doubt(str):
    """What a check says of something that most works without, and something won't work with."""

    __slots__ = ()


def run_check(subject: str, check: Callable[[], str]) -> Finding:
    """Return what ``check`` says as a finding, or why it refuses: its TranslatableError."""
    try:
        said = check()
        return Finding(subject, str(said), is_doubtful=isinstance(said, Doubt))
    except TranslatableError as error:
        return Finding.broken(subject, error)


def decode_findings(text: str) -> list[Finding]:
    """Return the findings of a text, one a line. Raises FindingsError for anything else."""
    try:
        return [Finding(**parse_json(line)) for line in text.splitlines()]
    except (JsonError, TypeError) as error:  # a line of other keys, or no object
        raise FindingsError(str(error)) from error
