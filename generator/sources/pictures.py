"""Decodes the frames of GIF, WebP, (A)PNG and directories of pictures, with Pillow.

Runs inside the limited child process. Yields only the frames that are wanted, one at a time, so
that memory doesn't grow with the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from generator.errors import MediaError
from generator.sources import facts
from generator.sources.facts import Facts

_FORMATS = {"gif": "GIF", "png": "PNG", "webp": "WEBP", "jpeg": "JPEG", "bmp": "BMP"}
_STILLS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
_ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF's orientations
_BEHIND_GLASS = (255, 255, 255)  # what shows through a transparent source


def of_file(path: Path, kind: str) -> Facts:
    """What a picture or animation is; raises MediaError or BrokenFileError."""
    if kind in ("jpeg", "bmp"):
        with Image.open(path, formats=[_FORMATS[kind]]) as picture:
            return Facts(*_upright(picture), (0,))
    return facts.of_picture(kind, path.read_bytes())


def frames(path: Path, kind: str, wanted: Sequence[int]) -> Iterator[Image.Image]:
    """RGB pictures, one for each index of ``wanted``, which must rise."""
    with Image.open(path, formats=[_FORMATS[kind]]) as picture:
        # An animated PNG may begin with a picture that is no part of the animation.
        skipped = 1 if kind == "png" and picture.info.get("default_image") else 0
        for index in wanted:
            picture.seek(index + skipped)
            yield _flat(ImageOps.exif_transpose(picture) if kind == "jpeg" else picture)


def of_directory(path: Path) -> tuple[list[Path], Facts]:
    """The numbered pictures of a directory in the order of their numbers; raises MediaError."""
    files = sorted(
        (file for file in path.iterdir() if file.suffix.lower() in _STILLS and file.is_file()),
        key=by_number,
    )
    facts.check_frames(len(files))
    sizes = {_size(file) for file in files}
    if len(sizes) > 1:
        raise MediaError("Its pictures differ in size; make them all the same.")
    return files, Facts(*sizes.pop(), (0,) * len(files))


def stills(files: Sequence[Path]) -> Iterator[Image.Image]:
    """RGB pictures, one for each file."""
    for file in files:
        with Image.open(file, formats=list(_FORMATS.values())) as picture:
            yield _flat(picture)


def by_number(file: Path) -> tuple[list[tuple[int, str]], str]:
    """frame2 comes before frame10."""
    pieces = re.findall(r"(\d+)|(\D+)", file.name)
    return [(int(number or -1), text) for number, text in pieces], file.name


def _size(file: Path) -> tuple[int, int]:
    with Image.open(file, formats=list(_FORMATS.values())) as picture:
        return picture.size


def _upright(picture: Image.Image) -> tuple[int, int]:
    """The size of a photo that may lie on its side, as phones save them."""
    width, height = picture.size
    turned = picture.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
    return (height, width) if turned else (width, height)


def _flat(picture: Image.Image) -> Image.Image:
    """RGB, 8 bits a channel, nothing transparent."""
    if picture.mode.startswith("I"):  # 16 bits, as depth maps are kept
        return picture.convert("I").point(lambda level: level * (1 / 257)).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    coloured = picture.convert("RGBA")
    ground = Image.new("RGBA", coloured.size, (*_BEHIND_GLASS, 255))
    return Image.alpha_composite(ground, coloured).convert("RGB")
