"""Where a request's files are: its row names blobs, a worker is given paths.

So a data directory can be moved, and no path stands in a row, a message or somebody's recipe.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bot.storage.blobs import BlobStore, is_blob
from generator.protocol import Request

_PLACE = re.compile(r"\S*\b[0-9a-f]{64}(\.[a-z0-9]{1,11})?")


def in_place(request: Request, blobs: BlobStore) -> Request:
    """With paths where it names blobs; other names, such as hub ids, stay."""

    def placed(name: str) -> str:
        return str(blobs.path(name)) if is_blob(name) else name

    return replace(
        request,
        loras=tuple(replace(lora, path=placed(lora.path)) for lora in request.loras),
        control_source=placed(request.control_source),
    )


def without_places(message: str) -> str:
    """A worker's sentence, with blobs and their paths said as a person would."""
    return _PLACE.sub("that file", message)
