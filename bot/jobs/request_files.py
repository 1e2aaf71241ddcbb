"""What is left of a request, or of a worker's sentence, without the files that it names.

A row names blobs, and so do messages; only the worker makes paths of them. So a data directory can
be moved, and no path stands in a row, a message or somebody's recipe.
"""

from __future__ import annotations

import re
from dataclasses import replace

from generator.contract.messages import Request
from generator.contract.text import Text

# of a blob, or of what a worker writes for a job
_OWN_PATH = re.compile(r"\S*\b([0-9a-f]{64}(\.[a-z0-9]{1,11})?|[0-9a-f]{32}-\d+\.[a-z0-9]{1,11})")
_THAT_FILE = Text("that file")


def without_files(request: Request) -> Request:
    """Return a request of words and numbers alone, with nothing that would have to be opened."""
    return replace(request.without_image(), loras=(), controls=(), control_source="")


def without_paths(reason: Text) -> Text:
    """Return a worker's sentence with the bot's own files said as a person would."""
    if not reason.values:
        return Text(_OWN_PATH.sub(str(_THAT_FILE), reason.template))
    return reason.mapped(_without_path)


def _without_path(value: str) -> str | Text:
    return _THAT_FILE if _OWN_PATH.fullmatch(value) else _OWN_PATH.sub("…", value)
