"""Files that a page has sent and not used yet. Bounded: the oldest go first."""

from __future__ import annotations

import secrets

from aiohttp import web

from bot.sandbox.errors import SandboxError
from bot.sandbox.model import Upload

_MOST_FILES = 40
_MOST_BYTES = 256 * 1024 * 1024
_LONGEST_NAME = 200  # characters


class Uploads:
    """Files by the key that their page got for each."""

    def __init__(self) -> None:
        self._files: dict[str, Upload] = {}

    def add(self, upload: Upload) -> str:
        """Keep a file, and return its key."""
        key = secrets.token_urlsafe(12)
        self._files[key] = upload
        while len(self._files) > _MOST_FILES or self._size() > _MOST_BYTES:
            del self._files[next(iter(self._files))]
        return key

    def _size(self) -> int:
        return sum(len(each.data) for each in self._files.values())

    def __getitem__(self, key: str) -> Upload:
        """Return a file; it stays, for a second try. Raises SandboxError where it is gone."""
        upload = self._files.get(key)
        if upload is None:
            raise SandboxError("That file is no longer here; attach it again.")
        return upload


class FileTooLarge(SandboxError):  # noqa: N818 - as the others of its kind
    """A file has more bytes than may be uploaded there."""


async def received_upload(request: web.Request, limit: int) -> Upload:
    """Return the file in a request's body. Raises FileTooLarge, early if it can."""
    name = request.query.get("name", "")[:_LONGEST_NAME] or "file"
    if (request.content_length or 0) > limit:
        raise _too_large(name, request.content_length or 0, limit)
    data = bytearray()
    async for chunk in request.content.iter_chunked(256 * 1024):
        data += chunk
        if len(data) > limit:
            raise _too_large(name, len(data), limit)
    return Upload(name, bytes(data), request.content_type)


def _too_large(name: str, size: int, limit: int) -> FileTooLarge:
    mebibyte = 1024 * 1024
    return FileTooLarge(
        "{name} has {size} MB, and {most} MB can be uploaded here; choose a smaller file.",
        name=name,
        size=f"{size / mebibyte:,.1f}",
        most=limit // mebibyte,
    )
