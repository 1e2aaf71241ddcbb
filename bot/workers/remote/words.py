"""What a host says, made fit to be believed: bounds on numbers, and sentences without tricks.

A host is somebody else's machine. A job's progress is shown and its seconds are learnt from, so
both are checked here before anybody sees them.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generator.contract.bounds import shorten
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Progress
from generator.contract.text import Text

_MOST_STEPS = 1_000_000
_MOST_GPU_BYTES = 2**50
_MOST_CHARACTERS = 500
_MOST_VALUES = 20
_STAGE = re.compile(r"[a-z_]{1,40}")
_SPEC = re.compile(r",?(\.\d)?[dgfs]?")
_DISK = Text("The disk of {host}, which was to make this, is full; please tell whoever runs it.")


def is_sane_progress(progress: Progress) -> bool:
    """Return whether a progress can be shown."""
    is_counted = 0 <= progress.step <= progress.steps <= _MOST_STEPS
    return is_counted and _STAGE.fullmatch(progress.stage) is not None


def believed_seconds(said: float, most: float) -> float:
    """Return how long a host was at a job, which can't be longer than it had it."""
    return min(max(said, 0.0), most) if math.isfinite(said) else most


def believed_gpu(peak: int, whole: int) -> tuple[int, int]:
    """Return how much of a GPU's memory a host held, and of how much, in bytes."""
    whole = min(max(whole, 0), _MOST_GPU_BYTES)
    return min(max(peak, 0), whole), whole


def believed_failure(failure: Failure, host: str) -> Failure:
    """Return a failure whose sentence can be shown; a host's full disk isn't the bot's."""
    if failure.kind is FailureKind.DISK:
        text = _DISK.with_values(host=host)
        return Failure(FailureKind.HOST_FULL, text, is_retryable=True)
    return replace(failure, text=believed_text(failure.text))


def believed_text(text: Text) -> Text:
    """Return a Text as it is where its template only names its values; else what can be shown."""
    return text if _is_plain(text) and _can_be_said(text) else _quoted(text)


def _quoted(text: Text) -> Text:
    return Text(shorten(" ".join(text.template.split())))


def _is_plain(text: Text, depth: int = 0) -> bool:
    templates = [text.template, text.plural] if text.plural else [text.template]
    return (
        depth < 4
        and len(text.values) <= _MOST_VALUES
        and all(_names_values(template, text.values) for template in templates)
        and all(_is_plain_value(value, depth) for value in text.values.values())
    )


def _is_plain_value(value: Any, depth: int) -> bool:
    if isinstance(value, Text):
        return _is_plain(value, depth + 1)
    if isinstance(value, str):
        return len(value) <= _MOST_CHARACTERS
    return math.isfinite(value) and abs(value) < 1e18


def _names_values(template: str, values: Mapping[str, Any]) -> bool:
    """Return whether a template has no field but names of values, with the plainest formats."""
    if len(template) > _MOST_CHARACTERS:
        return False
    if not values:
        return True
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:
        return False
    return all(
        name is None or (name in values and _SPEC.fullmatch(spec or "") is not None)
        for _, name, spec, _ in fields
    )


def _can_be_said(text: Text) -> bool:
    try:
        str(text)
    except (ValueError, TypeError, OverflowError):  # a number's format, and a text
        return False
    return True
