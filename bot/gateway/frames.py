"""Frames of the gateway, before discord.py reads them: strict JSON of the right shape, or skipped.

Python reads more than JSON (NaN, Infinity, a name twice in one object), and discord.py ends the
connection over a frame that it can't read. It has no public place to look at frames first, so its
reader is wrapped.
"""

from __future__ import annotations

import json
import logging
from typing import Any, NoReturn

import discord
from discord.gateway import DiscordWebSocket

logger = logging.getLogger(__name__)

_SHOWN = 80  # characters of a reason in the log
_received_by_discord_py = DiscordWebSocket.received_message


class BadFrameError(ValueError):
    """A frame that isn't strict JSON, or no event."""


def install() -> None:
    """Has every connection to the gateway read frames by ``received``."""
    # where orjson is installed discord.py reads by that, which refuses other things than ``check``
    discord.utils._from_json = _read
    DiscordWebSocket.received_message = received  # type: ignore[method-assign]


async def received(socket: DiscordWebSocket, frame: Any, /) -> None:
    """Hands a frame on, unless it can't be read: then it is logged, and the next one counts."""
    try:
        text = socket._decompressor.decompress(frame) if isinstance(frame, bytes) else frame
        if text is None:
            return  # there is more to come
        check(text)
    except ValueError as error:
        logger.warning("a frame of the gateway is skipped: %s", str(error)[:_SHOWN])
        return
    await _received_by_discord_py(socket, text)


def check(text: str) -> None:
    """Raises BadFrameError for what is no event in strict JSON."""
    try:
        frame = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError as error:
        raise BadFrameError("it is nested too deeply") from error
    except BadFrameError:
        raise
    except ValueError as error:
        raise BadFrameError(f"it is no JSON ({error})") from error
    if not isinstance(frame, dict):
        raise BadFrameError("it is no object")
    for name, kinds in (("op", int), ("s", int | None), ("t", str | None)):
        if not isinstance(frame.get(name), kinds) or isinstance(frame.get(name), bool):
            raise BadFrameError(f"its {name!r} is of a wrong type")


def _read(text: str | bytes | bytearray | memoryview) -> Any:
    return json.loads(bytes(text) if isinstance(text, memoryview) else text)


def _no_number(constant: str) -> NoReturn:
    raise BadFrameError(f"{constant} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadFrameError("a name stands twice in one object")
    return made
