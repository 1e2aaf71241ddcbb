"""JSON that others wrote, read with one kind of error. Standard library only."""

from __future__ import annotations

import json
from typing import Any


class JsonError(ValueError):
    """A text that is no JSON, or none that Python can hold."""


def parse_json(text: str | bytes) -> Any:
    """Return the value that a JSON text says. Raises JsonError."""
    try:
        return json.loads(text)
    # A ValueError is also what bytes in no encoding and a number of thousands of digits raise, and
    # a RecursionError what thousands of brackets within each other do.
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)) from error
