"""A server's own emojis and stickers, and what their files are. Plain values; nothing speaks HTTP.

Limits are Discord's for a server without boosts (documentation of the resources Emoji and Sticker).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

CREATE_GUILD_EXPRESSIONS = 1 << 43
MANAGE_GUILD_EXPRESSIONS = 1 << 30

MAX_EMOJI_BYTES = 256 * 1024
MAX_STICKER_BYTES = 512 * 1024
STICKER_EDGE = 320  # pixels, both ways
MAX_STICKER_SECONDS = 5.0
MAX_STICKER_FRAMES = 1000
EMOJI_SLOTS = 50  # of those that move, and as many of those that don't
STICKER_SLOTS = 5

_STICKER_FORMATS = {"PNG": 1, "GIF": 4}
_ANIMATED_PNG = 2


@dataclass(frozen=True, slots=True)
class Picture:
    """What the bytes of an upload hold."""

    format: str  # as Pillow names it
    width: int
    height: int
    frames: int
    seconds: float

    @property
    def is_animated(self) -> bool:
        return self.frames > 1

    @property
    def sticker_format(self) -> int:
        """Return Discord's number for the format of a sticker; 0 for one that it doesn't take."""
        if self.format == "PNG" and self.is_animated:
            return _ANIMATED_PNG
        return _STICKER_FORMATS.get(self.format, 0)


def read_picture(data: bytes) -> Picture | None:
    """Return what a picture's bytes hold; None for what Discord takes for no picture."""
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=["GIF", "PNG", "JPEG", "WEBP"]) as opened:
            shown = [frame.info.get("duration", 0) for frame in ImageSequence.Iterator(opened)]
            return Picture(
                opened.format or "", opened.width, opened.height, len(shown), sum(shown) / 1000
            )
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


@dataclass(eq=False, slots=True, kw_only=True)
class Emoji:
    """One of a server's own emojis; ``data`` are the very bytes that were uploaded."""

    id: int
    name: str
    animated: bool
    data: bytes
    creator_id: int

    @property
    def payload(self) -> dict[str, Any]:
        """The emoji in Discord's JSON, without its creator."""
        return {
            "id": str(self.id),
            "name": self.name,
            "roles": [],
            "require_colons": True,
            "managed": False,
            "animated": self.animated,
            "available": True,
        }


@dataclass(eq=False, slots=True, kw_only=True)
class Sticker:
    """One of a server's own stickers; ``data`` are the very bytes that were uploaded."""

    id: int
    guild_id: int
    name: str
    tags: str
    description: str
    format: int
    data: bytes
    creator_id: int

    @property
    def payload(self) -> dict[str, Any]:
        """The sticker in Discord's JSON, without its creator."""
        return {
            "id": str(self.id),
            "name": self.name,
            "tags": self.tags,
            "type": 2,
            "format_type": self.format,
            "description": self.description,
            "available": True,
            "guild_id": str(self.guild_id),
        }
