"""Brings colours that a file describes by an ICC profile to sRGB, as browsers do.

Photos of phones and screenshots of Macs are in Display P3, prints in CMYK: without their profile
they come out dull, or in other colours. By littlecms, which Pillow brings along. A profile that
makes no sense is passed over.
"""

from __future__ import annotations

import io
import zlib
from functools import lru_cache

from PIL import Image, ImageCms

_MOST_BYTES = 4 << 20  # of a profile; printers' largest have about 2 MiB
_SPACES = {
    "RGB": "RGB",
    "RGBA": "RGB",
    "L": "GRAY",
    "CMYK": "CMYK",
}  # a mode's, in the profiles' words
_CHANGED_IN_PLACE = ("RGB", "RGBA")
_DEFLATE = 0


def convert_to_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """Return a picture in RGB(A), L or CMYK in sRGB; as it is where no profile describes it.

    What is RGB(A) is changed in place; the others come back as RGB.
    """
    if not isinstance(profile, bytes) or picture.mode not in _SPACES:
        return picture
    transform = _transform(profile, picture.mode)
    if transform is None:
        return picture
    if picture.mode in _CHANGED_IN_PLACE:
        ImageCms.applyTransform(picture, transform, inPlace=True)
        return picture
    return ImageCms.applyTransform(picture, transform) or picture


def decompress_profile(chunk: bytes) -> bytes:
    """Return the profile in a PNG's ``iCCP``; empty for one that is damaged or too large."""
    _, _, packed = chunk.partition(b"\0")
    if packed[:1] != bytes([_DEFLATE]):
        return b""
    unpacking = zlib.decompressobj()
    try:
        profile = unpacking.decompress(packed[1:], _MOST_BYTES)
    except zlib.error:
        return b""
    return profile if unpacking.eof else b""


@lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return None where there is nothing to do, or nothing that makes sense."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError:  # it is no profile
        return None
    if opened.profile.xcolor_space.strip() != _SPACES[mode] or _is_srgb(opened):
        return None
    made = mode if mode in _CHANGED_IN_PLACE else "RGB"
    try:
        return ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, made)
    except ImageCms.PyCMSError:  # its tables make no sense
        return None


def _is_srgb(opened: ImageCms.ImageCmsProfile) -> bool:
    try:
        description = opened.profile.profile_description
    except ValueError:  # it is named in letters that there aren't
        return False
    return (description or "").startswith("sRGB")
