"""Text files as people's editors save them: UTF-8, or UTF-16 with a byte order mark.

Standard library only. Guesses no encoding: a wrong guess would be believed in silence.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
# A letter with an accent between plain ones, as the encodings of one byte a letter have it.
_LONE_HIGH_BYTE = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")


class EncodingError(ValueError):
    """A file is in another encoding. The sentence begins with a verb: "is in UTF-32; save it …"."""


def read_text(path: Path) -> str:
    """Return the text of a file without its byte order mark. Raises EncodingError and OSError."""
    return decode(path.read_bytes())


def decode(data: bytes) -> str:
    """Return the text of a file's bytes without its byte order mark. Raises EncodingError."""
    is_utf_16 = data.startswith(_UTF_16) and not data.startswith(_UTF_32)
    try:
        text = data.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise EncodingError(f"is in {_name_of(data)}; save it as UTF-8") from None
    if "\0" in text:  # UTF-16 without its mark is valid UTF-8 as long as it is all ASCII
        raise EncodingError(f"is in {_name_of(data)}; save it as UTF-8")
    return text


def _name_of(data: bytes) -> str:
    """Return what an encoding that isn't read seems to be."""
    if data.startswith(_UTF_32):
        return "UTF-32"
    if data.startswith(_UTF_16):
        return "UTF-16, and damaged"
    zeros = [data[start::2].count(0) for start in (0, 1)]
    if max(zeros) * 4 > len(data):
        return "UTF-16 without a byte order mark"
    if sum(zeros):
        return "no text encoding"
    high = len(_HIGH_BYTE.findall(data))
    if high and len(_LONE_HIGH_BYTE.findall(data)) * 4 >= high * 3:
        return "Latin-1 or Windows-1252, it seems, and not UTF-8"
    return "an encoding that is neither UTF-8 nor UTF-16"
