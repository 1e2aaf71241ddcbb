"""Reads the body of a REST request: JSON, or multipart with ``payload_json`` and ``files[n]``.

Every file is read to its end, even one that is too large, so that the client hears the answer
instead of a broken connection.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import BodyPartReader, web

from bot.sandbox.errors import ApiError, Problem, invalid_form
from bot.sandbox.messages import Body
from bot.sandbox.model import Upload

_FILE_FIELD = re.compile(r"files\[(\d{1,2})\]")
_MAX_FILES = 10


async def read_body(request: web.Request, file_limit: int) -> Body:
    """Read the body, files of at most ``file_limit`` bytes. Raises ApiError for a bad one."""
    if request.content_type == "multipart/form-data":
        return await _read_form(request, file_limit)
    text = await request.text()
    return Body(payload=_parsed(text)) if text else Body()


async def _read_form(request: web.Request, file_limit: int) -> Body:
    body = Body()
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise ApiError(400, 50035, "Invalid Form Body")
        if part.name == "payload_json":
            body.payload = _parsed(await part.text())
            continue
        match = _FILE_FIELD.fullmatch(part.name or "")
        if match is None:
            raise invalid_form(Problem((part.name or "",), "UNKNOWN_FIELD", "Unknown form field"))
        data = await _read_file(part, file_limit)
        if data is None:
            body.oversized = True
            continue
        content_type = part.headers.get("Content-Type", "")
        body.uploads[int(match[1])] = Upload(part.filename or "file", data, content_type)
    if len(body.uploads) > _MAX_FILES:
        raise ApiError(400, 30015, "Maximum number of attachments in a message reached (10)")
    return body


async def _read_file(part: BodyPartReader, limit: int) -> bytes | None:
    data = bytearray()
    too_large = False
    while chunk := await part.read_chunk(256 * 1024):
        too_large = too_large or len(data) + len(chunk) > limit
        if not too_large:
            data += chunk
    return None if too_large else bytes(data)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.") from None
