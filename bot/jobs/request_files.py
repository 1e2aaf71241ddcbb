"""Where a request's files are: its row names blobs, a worker is given paths.

So a data directory can be moved, and no path stands in a row, a message or somebody's recipe.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bot.storage.blobs import BlobStore, is_blob
from generator.contract.messages import Request
from generator.contract.text import Text

# of a blob, or of what a worker writes for a job
_OWN_PATH = re.compile(r"\S*\b([0-9a-f]{64}(\.[a-z0-9]{1,11})?|[0-9a-f]{32}-\d+\.[a-z0-9]{1,11})")
_THAT_FILE = Text("that file")


def with_blob_paths(request: Request, blobs: BlobStore) -> Request:
    """Return a request with paths where it names blobs; other names, such as hub ids, stay."""

    def placed(name: str) -> str:
        return str(blobs.path(name)) if is_blob(name) else name

    return replace(
        request,
        loras=tuple(replace(lora, path=placed(lora.path)) for lora in request.loras),
        control_source=placed(request.control_source),
        image=placed(request.image),
    )


def without_files(request: Request) -> Request:
    """Return a request of words and numbers alone, with nothing that would have to be opened."""
    return replace(request, loras=(), controls=(), control_source="", image="")


def without_paths(reason: Text) -> Text:
    """Return a worker's sentence with the bot's own files said as a person would."""
    if not reason.values:
        return Text(_OWN_PATH.sub(str(_THAT_FILE), reason.template))
    return reason.mapped(_without_path)


def _without_path(value: str) -> str | Text:
    return _THAT_FILE if _OWN_PATH.fullmatch(value) else _OWN_PATH.sub("…", value)
