"""From a decoder's picture to what people see of it: upright, 8 bits, RGB, on white.

What can be large is done in strips, so that a picture costs little more memory than its own.
"""

from __future__ import annotations

from PIL import ExifTags, Image

from generator.sources.icc_profiles import convert_to_srgb

PILLOW_ERRORS = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises for damaged pixels: OSError is its word for them, the others get through."""

_WHITE = (255, 255, 255)
_STRIP = 256  # rows
_ON_ITS_SIDE = (5, 6, 7, 8)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(picture: Image.Image) -> int:
    """Return EXIF's orientation of a picture, 1 to 8; 1 where the file says none.

    As Chromium believes it: EXIF and not XMP, of which Pillow's ``getexif`` would believe both, and
    no EXIF of a WebP. Pillow tells the turns of an AVIF or HEIC as EXIF.
    """
    return 1 if picture.format == "WEBP" else exif_orientation(picture.info.get("exif"))


def exif_orientation(raw: object) -> int:
    """Return the orientation that a block of EXIF says; 1 for none, and for a damaged one."""
    if not isinstance(raw, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(raw)
        orientation = exif.get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - damaged EXIF raises whatever it likes, and turns nothing
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TURNS else 1


def upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return width and height, once what lies on its side is turned."""
    return (size[1], size[0]) if orientation in _ON_ITS_SIDE else size


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Return width and height of a picture that may lie on its side, as phones save them."""
    return upright(picture.size, orientation_of(picture))


def as_displayed(picture: Image.Image, orientation: int = 1) -> Image.Image:
    """Return a picture in RGB, 8 bits, opaque, turned by EXIF's ``orientation``, in sRGB.

    Colours are brought there from the profile that ``picture.info`` holds, if any.
    """
    flat = _flat(picture)
    return flat.transpose(_TURNS[orientation]) if orientation in _TURNS else flat


def with_alpha(picture: Image.Image) -> Image.Image:
    """Return a picture in RGBA, 8 bits a channel."""
    _mend_transparency(picture)
    if not _is_deep(picture):
        return picture.convert("RGBA")
    gray, opaque = _of_16_bits(picture, picture.info.get("transparency"))
    return Image.merge("RGBA", [gray, gray, gray, opaque])


def _flat(picture: Image.Image) -> Image.Image:
    profile = picture.info.get("icc_profile")
    if not _is_deep(picture) and not picture.has_transparency_data:
        picture.load()  # while its file is open
        if picture.mode != "RGB":  # a profile of gray or of ink is of no use afterwards
            picture = convert_to_srgb(picture, profile).convert("RGB")
        return convert_to_srgb(picture, profile)
    flat = Image.new("RGB", picture.size, _WHITE)
    for top in range(0, picture.height, _STRIP):
        strip = picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))
        strip.info = picture.info  # a palette's transparent entry
        flat.paste(_on_white(convert_to_srgb(with_alpha(strip), profile)), (0, top))
    return flat


def _on_white(coloured: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", coloured.size, (*_WHITE, 255)), coloured)


def _is_deep(picture: Image.Image) -> bool:
    """Return whether a picture is gray in 16 bits, as depth maps are kept."""
    return picture.mode.startswith("I")


def _mend_transparency(picture: Image.Image) -> None:
    """Turn a PNG's transparent colour, said in 16 bits, into the 8 that Pillow has read."""
    transparent = picture.info.get("transparency")
    if isinstance(transparent, tuple) and max(transparent) > 255:
        picture.info["transparency"] = tuple(level >> 8 for level in transparent)


def _of_16_bits(picture: Image.Image, transparent: object) -> tuple[Image.Image, Image.Image]:
    """Return gray levels in 8 bits, and alpha: 0 for the level that a PNG calls transparent."""
    import numpy as np  # takes longer to import than all else here, and is seldom needed

    levels = np.asarray(picture).astype(np.int64).clip(0, 65_535)
    gray = ((levels + 128) // 257).astype(np.uint8)
    opaque = np.where(levels == transparent, 0, 255).astype(np.uint8)
    return Image.fromarray(gray), Image.fromarray(opaque)
