"""Reads the gateway's frames for discord.py; those that aren't strict JSON are skipped.

Python reads more than JSON (NaN, Infinity, a name twice in one object), and discord.py ends the
connection over a frame that it can't read, so frames are checked before.
"""

from __future__ import annotations

import json
import logging
from typing import Any, NoReturn

from bot.gateway import discord_compat
from bot.gateway.discord_compat import GatewaySocket
from bot.gateway.outgoing import clean_json, may_be_unclean

logger = logging.getLogger(__name__)

_SHOWN = 80  # characters of a reason in the log


class BadFrameError(ValueError):
    """A frame that isn't strict JSON, or no event."""


def install() -> None:
    """Have every connection to the gateway read frames by ``receive_frame``."""
    # where orjson is installed discord.py reads by that, which refuses other things than ``check``
    discord_compat.replace_json_reader(_read_json)
    discord_compat.replace_frame_reader(receive_frame)


async def receive_frame(socket: GatewaySocket, frame: Any, /) -> None:
    """Hand a frame on to discord.py, or log why it can't be read; the next one counts."""
    try:
        text = discord_compat.frame_text(socket, frame)
        if text is None:
            return  # there is more to come
        event = read_event(text)
    except (BadFrameError, UnicodeDecodeError) as error:
        logger.warning("a frame of the gateway is skipped: %s", str(error)[:_SHOWN])
        return
    await discord_compat.read_frame(socket, event)


def read_event(text: str) -> dict[str, Any]:
    """Return a frame's event, its texts cleaned. Raises BadFrameError for what is none in strict
    JSON.
    """
    try:
        frame = json.loads(
            text, parse_constant=_refuse_constant, object_pairs_hook=_without_duplicates
        )
        if may_be_unclean(text):
            frame = clean_json(frame)
    except RecursionError as error:
        raise BadFrameError("it is nested too deeply") from error
    except BadFrameError:
        raise
    except ValueError as error:
        raise BadFrameError(f"it isn't JSON ({error})") from error
    if not isinstance(frame, dict):
        raise BadFrameError("it isn't an object")
    for name, kinds in (("op", int), ("s", int | None), ("t", str | None)):
        if not isinstance(frame.get(name), kinds) or isinstance(frame.get(name), bool):
            raise BadFrameError(f"its {name!r} has the wrong type")
    return frame


def _read_json(text: str | bytes | bytearray | memoryview | dict[str, Any]) -> Any:
    if isinstance(text, dict):
        return text  # an event, as ``receive_frame`` hands it on
    return json.loads(bytes(text) if isinstance(text, memoryview) else text)


def _refuse_constant(constant: str) -> NoReturn:
    raise BadFrameError(f"{constant} isn't a number in JSON")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise BadFrameError("a name occurs twice in one object")
    return made
