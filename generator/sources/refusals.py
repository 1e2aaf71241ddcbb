"""Why a source is refused: what it is by its first bytes, or too large, small or long by its facts.

That is what makes a bomb harmless: a file is refused before its pixels cost anything. Each is
called what it is, with what to do about it. Standard library only; nothing is decoded.
"""

from __future__ import annotations

from generator.contract.errors import MediaError
from generator.contract.text import Text
from generator.sources.facts import Facts

MAX_SOURCE_FRAMES = 2_000
MAX_FILM_FRAMES = 20_000  # of which no more are decoded than are wanted
MAX_EDGE = 8_192
MIN_EDGE = 8
MAX_ASPECT = 16  # beyond it, scaling to fill would make a giant of a thread
MAX_PIXELS = 640_000_000  # of all frames together: ten seconds of full HD
MAX_STILL_PIXELS = 50_000_000  # of one picture: the largest photo of a phone has 48 megapixels
MAX_MOVING_PIXELS = 4_096 * 4_096  # of each frame of several, of which a decoder holds some

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


def check_facts(facts: Facts, *, is_film: bool = False) -> None:
    """Raise MediaError where the source is too large, too small or too long to be used.

    Films may be long, since their frames can be found without decoding all of them.
    """
    frames = len(facts.delays_ms)
    check_frames(frames, most=MAX_FILM_FRAMES if is_film else MAX_SOURCE_FRAMES)
    size = Text("{width} x {height} pixels", width=facts.width, height=facts.height)
    short, long = sorted((facts.width, facts.height))
    if short < MIN_EDGE or long > short * MAX_ASPECT:
        raise MediaError(
            "The file is {size}; it must be at least {least} pixels along each edge and "
            "no more than {aspect} times as long as wide.",
            size=size,
            least=MIN_EDGE,
            aspect=MAX_ASPECT,
        )
    if long > MAX_EDGE:
        raise MediaError(
            "The file is {size}; at most {most:,} pixels along an edge can be read.",
            size=size,
            most=MAX_EDGE,
        )
    pixels = facts.width * facts.height
    if pixels * frames > MAX_PIXELS and not is_film:
        raise MediaError(
            "The file has {frames:,} frames of {size}, too much to read; make it smaller or "
            "shorter.",
            frames=frames,
            size=size,
        )
    most = MAX_MOVING_PIXELS if frames > 1 else MAX_STILL_PIXELS
    if pixels > most:
        raise MediaError(
            "The file is {size}, and at most {most} megapixels can be read; make it smaller.",
            size=size,
            most=most // 1_000_000,
        )


def check_frames(count: int, *, most: int = MAX_SOURCE_FRAMES) -> None:
    """Raise MediaError where a source has no frame, or more than ``most``."""
    if count == 0:
        raise MediaError(
            "There are no pictures in it; give a GIF, a video or a folder of numbered pictures."
        )
    if count > most:
        raise MediaError(
            "The file has more than {most:,} frames; cut out the part that matters.",
            most=most,
        )


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
