"""A text inside a finished file, where its format keeps such things; the pictures stay as they are.

GIF: a comment block. PNG: an iTXt chunk. JPEG: a COM segment. WebP: an XMP chunk, and MP4 the same
XMP in the ``uuid`` box that Adobe's specification gives it. Knows nothing of what the text says.
"""

from __future__ import annotations

import html
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

from generator.media.containers import (
    PAST_THE_END,
    BrokenFileError,
    gif_parts,
    jpeg_parts,
    mp4_parts,
    png_parts,
    sniff,
    webp_parts,
)

MAX_BYTES = 60_000  # of the text in UTF-8; a JPEG's segment holds 65,533
_GIF_LOOP = b"\x21\xff\x0bNETSCAPE2.0"
_PNG_KEYWORD = b"hotshot\0"
_PNG_PLAIN = b"\0\0\0\0"  # not compressed, no language, no translated keyword
_HAS_XMP = 0b100
_XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:hotshot="urn:hotshot" hotshot:comment="{}"/></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="r"?>'
)
_IN_XMP = re.compile(r'hotshot:comment="([^"]*)"')


def with_comment(data: bytes, text: str) -> bytes:
    """Return a GIF, PNG, JPEG, WebP or MP4 that carries ``text``; as it was for an empty one.

    Raises ValueError for a longer text than ``MAX_BYTES``, or a format that isn't one of these.
    """
    encoded = text.encode()
    if not encoded:
        return data
    if len(encoded) > MAX_BYTES:
        raise ValueError(f"a comment of {len(encoded):,} bytes is too long")
    kind = sniff(data)
    if kind not in _WRITERS:
        raise ValueError(f"{kind} files carry no comment")
    return _WRITERS[kind](data, encoded)


def comment_of(data: bytes) -> str:
    """Return the text that ``with_comment`` wrote, or another program in a format's own place.

    Empty where there is none. Raises BrokenFileError for a damaged file.
    """
    reader = _READERS.get(sniff(data) or "")
    if reader is None:
        return ""
    try:
        return reader(data).decode(errors="replace")
    except PAST_THE_END as error:
        raise BrokenFileError(str(error)) from error


def kept_comment(data: bytes) -> str:
    """Return the text that another version of this file can carry as well.

    Empty where there is none, where the file is damaged, and for a text longer than ``MAX_BYTES``.
    """
    try:
        text = comment_of(data)
    except BrokenFileError:
        return ""
    return text if len(text.encode()) <= MAX_BYTES else ""


def without_comment(data: bytes) -> bytes:
    """Return the file without the text that ``with_comment`` wrote into it; its pictures stay.

    Raises BrokenFileError for a damaged file.
    """
    text = comment_of(data).encode()
    kind = sniff(data) or ""
    if not text or kind not in _WRITERS:
        return data
    if kind == "webp":
        return _riff(
            (name, _without_xmp_flag(part) if name == b"VP8X" else part)
            for name, part in _webp_chunks(data)
            if name != b"XMP "
        )
    return data.replace(_BLOCKS[kind](text), b"", 1)


# -- writing ---------------------------------------------------------------------------------------


def _into_gif(data: bytes, text: bytes) -> bytes:
    position = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    if data[position : position + 14] == _GIF_LOOP:  # some viewers want it to be the first
        position += 19
    return data[:position] + _gif_block(text) + data[position:]


def _gif_block(text: bytes) -> bytes:
    blocks = [text[start : start + 255] for start in range(0, len(text), 255)]
    packed = b"".join(bytes([len(block)]) + block for block in blocks)
    return b"\x21\xfe" + packed + b"\0"


def _into_png(data: bytes, text: bytes) -> bytes:
    after_head = 33  # many programs look for texts before the picture alone
    return data[:after_head] + _png_chunk(text) + data[after_head:]


def _png_chunk(text: bytes) -> bytes:
    chunk = b"iTXt" + _PNG_KEYWORD + _PNG_PLAIN + text
    return struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))


def _into_jpeg(data: bytes, text: bytes) -> bytes:
    position = 2
    if data[2:4] == b"\xff\xe0":  # JFIF wants to be the first
        position += 2 + int.from_bytes(data[4:6], "big")
    return data[:position] + _jpeg_segment(text) + data[position:]


def _jpeg_segment(text: bytes) -> bytes:
    return b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text


def _into_webp(data: bytes, text: bytes) -> bytes:
    parts = _webp_chunks(data)
    if parts[0][0] != b"VP8X":
        size = b"".join(edge.to_bytes(3, "little") for edge in _size_less_one(*parts[0]))
        parts.insert(0, (b"VP8X", bytes(4) + size))
    kind, head = parts[0]
    parts[0] = (kind, bytes([head[0] | _HAS_XMP]) + head[1:])
    return _riff([*parts, (b"XMP ", _xmp(text))])


def _webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(part.kind.encode("latin-1"), part.data) for part in webp_parts(data)]


def _without_xmp_flag(head: bytes) -> bytes:
    return bytes([head[0] & ~_HAS_XMP]) + head[1:]


def _riff(chunks: Iterable[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(_riff_chunk(*chunk) for chunk in chunks)
    return _riff_chunk(b"RIFF", b"WEBP" + body)


def _into_mp4(data: bytes, text: bytes) -> bytes:
    return data + _mp4_box(text)


def _mp4_box(text: bytes) -> bytes:
    packet = _xmp(text)
    return struct.pack(">I", 24 + len(packet)) + b"uuid" + _XMP_BOX + packet


def _size_less_one(kind: bytes, picture: bytes) -> tuple[int, int]:
    """Return width and height, each less one, of a still picture without a VP8X."""
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<xI", picture)
        return bits & 0x3FFF, bits >> 14 & 0x3FFF
    width, height = struct.unpack_from("<HH", picture, 6)
    return (width & 0x3FFF) - 1, (height & 0x3FFF) - 1


def _riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _xmp(text: bytes) -> bytes:
    return _XMP.format(html.escape(text.decode())).encode()


# -- reading ---------------------------------------------------------------------------------------


def _from_gif(data: bytes) -> bytes:
    return _first(part.data for part in gif_parts(data) if part.kind == "comment")


def _from_png(data: bytes) -> bytes:
    texts = (part.data for part in png_parts(data) if part.kind == "iTXt")
    head = _PNG_KEYWORD + _PNG_PLAIN
    return _first(text[len(head) :] for text in texts if text.startswith(head))


def _from_jpeg(data: bytes) -> bytes:
    return _first(part.data for part in jpeg_parts(data) if part.kind == "fe")


def _from_webp(data: bytes) -> bytes:
    return _from_xmp(_first(part.data for part in webp_parts(data) if part.kind == "XMP "))


def _from_mp4(data: bytes) -> bytes:
    boxes = (part.data for part in mp4_parts(data) if part.kind == "uuid")
    return _from_xmp(_first(box[16:] for box in boxes if box.startswith(_XMP_BOX)))


def _from_xmp(packet: bytes) -> bytes:
    found = _IN_XMP.search(packet.decode(errors="replace"))
    return html.unescape(found[1]).encode() if found else b""


def _first(texts: Iterator[bytes]) -> bytes:
    return next(texts, b"")


_WRITERS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "gif": _into_gif,
    "png": _into_png,
    "jpeg": _into_jpeg,
    "webp": _into_webp,
    "mp4": _into_mp4,
}
_BLOCKS: dict[str, Callable[[bytes], bytes]] = {
    "gif": _gif_block,
    "png": _png_chunk,
    "jpeg": _jpeg_segment,
    "mp4": _mp4_box,
}
_READERS: dict[str, Callable[[bytes], bytes]] = {
    "gif": _from_gif,
    "png": _from_png,
    "jpeg": _from_jpeg,
    "webp": _from_webp,
    "mp4": _from_mp4,
}
