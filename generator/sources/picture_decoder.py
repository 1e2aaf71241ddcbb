"""Still pictures, WebP, PNG and AVIF animations, and directories of numbered pictures, by Pillow.

All of them as browsers show them: turned as EXIF says, 16 bits scaled to 8, on white. Runs inside
the limited decoder process; training reads its pictures here as well.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from generator.contract.errors import MediaError
from generator.media.containers import (
    PAST_THE_END,
    PNG_SIGNATURE,
    STILL_SUFFIXES,
    BrokenFileError,
    Part,
    mp4_parts,
    png_parts,
    read_head,
    sniff,
    webp_parts,
)
from generator.sources.apng_decoder import Apng, read_apng
from generator.sources.facts import Facts, displayed_ms
from generator.sources.icc_profiles import decompress_profile
from generator.sources.pixels import as_displayed, orientation_of, upright_size
from generator.sources.refusals import check_frames, unsupported_reason

_IN_DIRECTORIES = (*STILL_SUFFIXES, ".gif")
_FORMATS = {
    "gif": "GIF",
    "png": "PNG",
    "webp": "WEBP",
    "avif": "AVIF",
    "heic": "HEIF",
    "jpeg": "JPEG",
    "bmp": "BMP",
}
_MOST_AVIF_DELAYS = 100_000  # bounds what a few bytes can ask for
_PNG_PICTURE = ("IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf")


@dataclass(frozen=True, slots=True)
class Pictures:
    """A picture, or an animation, of one file; made by ``open_pictures``."""

    path: Path
    kind: str
    facts: Facts

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``, which must rise."""
        with _opened(self.path, self.kind) as picture:
            orientation = orientation_of(picture)
            for index in wanted:
                picture.seek(index)
                seen = as_displayed(picture, orientation)
                yield seen.copy() if seen is picture else seen  # the next seek would change it


@dataclass(frozen=True, slots=True)
class Directory:
    """The numbered pictures of a directory, in the order of their numbers."""

    files: tuple[Path, ...]
    facts: Facts

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``."""
        return (read_still(self.files[index]) for index in wanted)


def open_pictures(path: Path, kind: str) -> Pictures | Apng:
    """Open any picture but a GIF. Raises MediaError, BrokenFileError where the file breaks off."""
    try:
        if kind == "png" and (animation := read_apng(path.read_bytes())):
            return animation
        return Pictures(path, kind, _FACTS.get(kind, _of_any)(path, kind))
    except PAST_THE_END as error:
        raise BrokenFileError(str(error)) from error


def open_directory(path: Path) -> Directory:
    """Open a directory of pictures of one size.

    Raises MediaError for no picture, too many, and several sizes.
    """
    files = sorted(
        (
            file
            for file in path.iterdir()
            if file.suffix.lower() in _IN_DIRECTORIES and not is_hidden(file) and file.is_file()
        ),
        key=natural_order,
    )
    check_frames(len(files))
    sizes = {size_of_still(file) for file in files}
    if len(sizes) > 1:
        raise MediaError("Its pictures differ in size; make them all the same.")
    return Directory(tuple(files), Facts(*sizes.pop(), (0,) * len(files)))


def read_still(file: Path) -> Image.Image:
    """Return a file's picture, or its first, as people see it: RGB. Raises what decoders raise."""
    with _opened(file, _known(file)) as picture:
        return as_displayed(picture, orientation_of(picture))


def size_of_still(file: Path) -> tuple[int, int]:
    """Return a picture's width and height as people see it; nothing is decoded."""
    with _opened(file, _known(file)) as picture:
        return upright_size(picture)


def is_hidden(file: Path) -> bool:
    """Return whether a file is none of a person's: macOS leaves ``._name`` beside each ``name``."""
    return file.name.startswith(".")


def natural_order(file: Path) -> tuple[list[tuple[int, str]], str]:
    """Return a key to sort files by, which puts frame2 before frame10."""
    pieces = re.findall(r"(\d+)|(\D+)", file.name)
    return [(int(number or -1), text) for number, text in pieces], file.name


def _known(file: Path) -> str:
    head = read_head(file)
    kind = sniff(head)
    if kind is None:
        raise MediaError(unsupported_reason(head))
    if kind not in _FORMATS:
        raise MediaError("The file is a video, not a picture; give a picture.")
    return kind


def _opened(path: Path, kind: str) -> Image.Image:
    """Open a picture by Pillow as what its bytes say it is. Nothing is decoded."""
    if kind == "heic":
        _need_heic()
    if kind == "png":
        data = path.read_bytes()
        picture = Image.open(io.BytesIO(_picture_alone(data)), formats=["PNG"])
        if profile := _profile_of_png(data):
            picture.info["icc_profile"] = profile
        return picture
    picture = Image.open(path, formats=[_FORMATS[kind]])
    if kind == "webp" and getattr(picture, "is_animated", False):
        picture.info.pop("icc_profile", None)  # Chromium heeds it in stills alone
    return picture


def _need_heic() -> None:
    """Raise MediaError where nothing here reads HEIC."""
    if find_spec("pi_heif") is None:
        raise MediaError(
            "HEIC photos can't be read here; save this one as JPEG or PNG, or let whoever runs "
            'this install what reads them: `pip install "hotshot-bot[heic]"`.'
        )
    import pi_heif

    pi_heif.register_heif_opener()


def _profile_of_png(data: bytes) -> bytes:
    """Return a PNG's ICC profile; empty where it has none. Raises BrokenFileError."""
    chunks = (content for kind, content in png_parts(data) if kind == "iCCP")
    return decompress_profile(next(chunks, b""))


def _picture_alone(data: bytes) -> bytes:
    """Return a PNG without its texts and profiles, which can be bombs or longer than Pillow bears.

    Raises BrokenFileError where the file breaks off.
    """
    chunks = [PNG_SIGNATURE]
    position = len(PNG_SIGNATURE)
    for kind, content in png_parts(data):
        length = 12 + len(content)
        if kind in _PNG_PICTURE:
            chunks.append(data[position : position + length])
        position += length
    return b"".join(chunks)


# -- what the structure tells ----------------------------------------------------------------------


def _of_any(path: Path, kind: str) -> Facts:
    """Return the facts of a still that Pillow opens without any cost."""
    with _opened(path, kind) as picture:
        width, height = upright_size(picture)
    return Facts(width, height, (0,))


def _of_avif(path: Path, kind: str) -> Facts:
    """Return the facts of an AVIF: Pillow counts the frames, the structure has their delays."""
    with _opened(path, kind) as picture:
        width, height = upright_size(picture)
        count = getattr(picture, "n_frames", 1)
    check_frames(count)
    stated_delays = _avif_delays_ms(path.read_bytes()) if count > 1 else []
    usual = stated_delays[-1] if stated_delays else 0.0
    delays = [*stated_delays, *[usual] * (count - len(stated_delays))][:count]
    return Facts(width, height, tuple(map(displayed_ms, delays)) if count > 1 else (0,))


def _avif_delays_ms(data: bytes) -> list[float]:
    """Return the delays of the first track with pictures, in milliseconds; empty for a still.

    Pillow tells them only by decoding each frame.

    Raises BrokenFileError where a box makes no sense.
    """
    try:
        for movie in _inside(data, "moov"):
            for track in _inside(movie, "trak"):
                for media in _inside(track, "mdia"):
                    if _handler(media) in (b"pict", b"vide"):
                        return _delays_of_track(media)
    except struct.error as error:
        raise BrokenFileError(str(error)) from error
    return []


def _delays_of_track(media: bytes) -> list[float]:
    (header,) = _inside(media, "mdhd")
    (per_second,) = struct.unpack_from(">I", header, 20 if header[0] else 12)
    delays: list[float] = []
    for information in _inside(media, "minf"):
        for table in _inside(information, "stbl"):
            for times in _inside(table, "stts"):
                for count, delta in struct.iter_unpack(">II", times[8 : 8 + _entries_size(times)]):
                    left = _MOST_AVIF_DELAYS - len(delays)
                    delays += [1000 * delta / max(1, per_second)] * min(count, left)
    return delays


def _entries_size(times: bytes) -> int:
    """Return the bytes of the entries of an ``stts`` box."""
    entries = int.from_bytes(times[4:8], "big")
    return min(entries * 8, (len(times) - 8) // 8 * 8)


def _handler(media: bytes) -> bytes:
    return next((box[8:12] for box in _inside(media, "hdlr")), b"")


def _inside(data: bytes, kind: str) -> Iterator[bytes]:
    return (part.data for part in mp4_parts(data) if part.kind == kind)


def _of_webp(path: Path, kind: str) -> Facts:
    """Return the facts of a WebP from its structure: Pillow takes memory as soon as it opens it."""
    del kind
    data = path.read_bytes()
    frames = _counted(webp_parts(data), "ANMF")
    parts = {part.kind: part.data for part in webp_parts(data) if part.kind != "ANMF"}
    delays = [int.from_bytes(frame[12:15], "little") for frame in frames]
    return Facts(*_size_of_webp(parts), tuple(map(displayed_ms, delays)) or (0,))


def _size_of_webp(parts: Mapping[str, bytes]) -> tuple[int, int]:
    if canvas := parts.get("VP8X"):
        width, height = (int.from_bytes(canvas[at : at + 3], "little") for at in (4, 7))
        return 1 + width, 1 + height
    if lossless := parts.get("VP8L"):
        (bits,) = struct.unpack_from("<xI", lossless)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if lossy := parts.get("VP8 "):
        width, height = struct.unpack_from("<HH", lossy, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise BrokenFileError("there is no picture in it")


def _counted(parts: Iterable[Part], frame: str) -> list[bytes]:
    """Return the frames among the parts. Raises MediaError as soon as there are too many."""
    found: list[bytes] = []
    for kind, data in parts:
        if kind == frame:
            found.append(data)
            check_frames(len(found))
    return found


_FACTS: dict[str, Callable[[Path, str], Facts]] = {"webp": _of_webp, "avif": _of_avif}
