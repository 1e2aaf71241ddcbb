"""What people bring instead of a picture or a video that can be read, told by its first bytes.

Each is called what it is, with what to do about it. Standard library only; nothing is decoded.
"""

from __future__ import annotations

from generator.contract.text import Text

_PICTURE = Text("{kind} pictures can't be read; save this one as PNG or JPEG.")
_VIDEO = Text("{kind} videos can't be read; save this one as MP4.")
_DOCUMENT = Text("{kind} files can't be read; save the picture inside as PNG.")
_EMPTY = Text("The file is empty; get it again.")
_SOUND = Text("The file has only sound and no picture; give a video.")
_ARCHIVE = Text("The file is an archive; unpack it and give the picture or video inside.")
_PAGE = Text(
    "The file is a web page, not a picture or video; open it in a browser and save what it shows."
)
_OTHER = Text(
    "The file isn't a picture or video that can be read; give a GIF, WebP, PNG, AVIF, JPEG, BMP, "
    "MP4, MOV, WebM or MKV."
)
_BY_BEGINNING: tuple[tuple[tuple[bytes, ...], Text, str], ...] = (
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), _PICTURE, "TIFF"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"), _PICTURE, "JPEG XL"),
    ((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), _PICTURE, "JPEG 2000"),
    ((b"8BPS",), _PICTURE, "Photoshop"),
    ((b"\0\0\1\0",), _PICTURE, "ICO"),
    ((b"qoif",), _PICTURE, "QOI"),
    ((b"%PDF",), _DOCUMENT, "PDF"),
    ((b"FLV\1",), _VIDEO, "FLV"),
    ((b"\0\0\1\xba", b"\0\0\1\xb3"), _VIDEO, "MPEG"),
    ((b"OggS",), _VIDEO, "Ogg"),
    ((b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",), _VIDEO, "WMV"),
    ((b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1"), _SOUND, ""),
    ((b"PK\3\4", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b"), _ARCHIVE, ""),
)
_OF_RIFF = {b"AVI ": (_VIDEO, "AVI"), b"WAVE": (_SOUND, "")}
_PACKET_OF_MPEG_TS, _SYNC_BYTE = 188, 0x47
_UTF8_MARK = b"\xef\xbb\xbf"


def unsupported_reason(head: bytes) -> Text:
    """Return one sentence about a file that ``containers.sniff`` doesn't know.

    ``head`` are its first ``containers.HEAD_BYTES``, or all where it has fewer.
    """
    sentence, kind = _named(head)
    return sentence.with_values(kind=kind) if kind else sentence


def is_web_page(head: bytes) -> bool:
    """Return whether a file begins as HTML does."""
    return _text(head).startswith((b"<!doctype html", b"<html", b"<head"))


def _named(head: bytes) -> tuple[Text, str]:
    if not head:
        return _EMPTY, ""
    if head[:4] == b"RIFF" and head[8:12] in _OF_RIFF:
        return _OF_RIFF[head[8:12]]
    for beginnings, sentence, kind in _BY_BEGINNING:
        if head.startswith(beginnings):
            return sentence, kind
    if head[0] == _SYNC_BYTE and head[_PACKET_OF_MPEG_TS : _PACKET_OF_MPEG_TS + 1] == b"G":
        return _VIDEO, "MPEG-TS"
    if is_web_page(head):
        return _PAGE, ""
    return (_PICTURE, "SVG") if _is_svg(head) else (_OTHER, "")


def _is_svg(head: bytes) -> bool:
    text = _text(head)
    return text.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text


def _text(head: bytes) -> bytes:
    return head.removeprefix(_UTF8_MARK).lstrip().lower()
