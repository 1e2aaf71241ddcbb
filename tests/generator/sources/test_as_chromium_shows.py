"""Pictures and animations beside what Chromium shows: each file stands for a kind of files."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from generator.media.clip import Frames
from generator.sources.reader import read
from tests import chromium
from tests.chromium import Seen
from tests.generator.sources import icc
from tests.generator.sources.decoded_here import decode_here
from tests.generator.sources.odd import (
    HEIGHT,
    WIDTH,
    apng,
    block,
    flat,
    gif,
    glass,
    picture_of_16_bits,
    spot,
)
from tests.programs import need_program

pytestmark = pytest.mark.slow

DATA = Path(__file__).parents[2] / "data" / "sources" / "pictures"
P3 = icc.display_p3()
ALIKE = 0.6  # levels of 255, on average: decoders round differently
ALIKE_OF = {"ink.jpg": 2.0}  # mixtures of inks lie between the profile's grid points
LIES = 0x0112  # EXIF's orientation


def scene(index: int = 0) -> Frames:
    """Nothing in it looks the same once it is turned or mirrored."""
    pixels = np.full((64, 96, 3), (20, 30, 90), np.uint8)
    pixels[:20, :30] = (255, 200, 0)
    pixels[32:48, 10 + 6 * index : 26 + 6 * index] = (220, 40, 40)
    pixels[-8:, -12:] = (40, 220, 120)
    return pixels


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def lying(kind: str, orientation: int, **options: object) -> bytes:
    exif = Image.Exif()
    exif[LIES] = orientation
    return saved(Image.fromarray(scene()), kind, exif=exif, **options)


def moving() -> dict[str, Any]:
    """The words for Pillow to save two more frames."""
    more = [Image.fromarray(scene(index)) for index in (1, 2)]
    return {"save_all": True, "append_images": more, "duration": 100}


def glassy() -> list[Image.Image]:
    alpha = [np.where(np.arange(96) < 10 * index + 20, 255, 100) for index in range(4)]
    return [
        Image.fromarray(np.dstack([scene(index), np.tile(row, (64, 1)).astype(np.uint8)]))
        for index, row in enumerate(alpha)
    ]


def ramp(channels: int) -> np.ndarray:
    level = np.linspace(0, 65_535, WIDTH).astype(np.uint16)
    rows = [level, level[::-1], level, level][:channels]
    return np.tile(np.stack(rows, axis=-1), (HEIGHT, 1, 1))


_WHOLE = block(flat(4))
_HALF_CLEAR = block(np.where(np.arange(WIDTH) < 30, flat(4), flat(7)), transparent=7)
GIFS = {
    "stray_zero": gif(_WHOLE, spot(0, 5, 5), b"\0", spot(1, 20, 20)),
    "stray_byte": gif(_WHOLE, spot(0, 5, 5), b"\xaa", spot(1, 20, 20)),
    "no_end": gif(_WHOLE, spot(0, 5, 5), end=b""),
    "garbage_after_end": gif(_WHOLE, spot(0, 5, 5), end=b";garbage"),
    "first_larger_than_canvas": gif(_WHOLE, spot(0, 5, 5), spot(1, 50, 40), size=(40, 30)),
    "first_hangs_over": gif(spot(0, 60, 40), spot(1, 3, 3)),
    "later_hangs_over": gif(_WHOLE, spot(0, 60, 40), spot(1, 3, 3)),
    "later_outside": gif(_WHOLE, spot(0, 200, 200), spot(1, 3, 3)),
    "no_size": gif(_WHOLE, spot(0, 5, 5), size=(0, 0)),
    "first_smaller": gif(spot(0, 5, 5), spot(1, 20, 20), background=3),
    "clear_first": gif(
        block(flat(4), disposal=2), spot(0, 5, 5), spot(1, 20, 20, disposal=1), background=3
    ),
    "clear": gif(_WHOLE, spot(0, 5, 5, disposal=2), spot(1, 20, 20, disposal=2), spot(2, 9, 9)),
    "restore_first": gif(block(flat(4), disposal=3), spot(0, 5, 5, disposal=3), spot(3, 1, 1)),
    "restore": gif(_WHOLE, spot(0, 5, 5, disposal=3), spot(1, 20, 20, disposal=3), spot(2, 9, 9)),
    "disposal_4": gif(_WHOLE, spot(0, 5, 5, disposal=4), spot(1, 20, 20)),
    "disposal_5": gif(_WHOLE, spot(0, 5, 5, disposal=5), spot(1, 20, 20)),
    "transparent": gif(_HALF_CLEAR, spot(0, 5, 5), background=2),
    "no_colours": gif(_WHOLE, spot(0, 5, 5), colours=None),
    "beyond_the_colours": gif(_WHOLE, spot(200, 5, 5), spot(7, 20, 20), colours=4),
    "fast": gif(*(block(flat(number), delay=number) for number in range(4))),
}
_GLASS = glass((255, 0, 0, 128), 20, 20)
APNGS = {
    "blended": apng(
        (glass((20, 30, 90, 255)), 0, 0, 1, 10, 0, 0),
        (_GLASS, 5, 5, 1, 10, 2, 1),
        (glass((0, 255, 0, 128), 20, 20), 30, 20, 1, 10, 1, 0),
        (glass((0, 0, 255, 200), 10, 10), 0, 0, 1, 10, 0, 1),
    ),
    "restore_first": apng(
        (glass((255, 0, 0, 128)), 0, 0, 1, 10, 2, 1),
        (_GLASS, 30, 20, 1, 10, 0, 1),
        (glass((0, 0, 0, 0), 10, 10), 32, 22, 1, 10, 0, 0),
    ),
    "cover": apng(
        (_GLASS, 3, 3, 1, 10, 1, 1),
        (glass((0, 255, 0, 128), 20, 20), 30, 20, 1, 90, 0, 1),
        (glass((0, 0, 0, 0), 10, 10), 32, 22, 1, 0, 0, 0),
        cover=glass((20, 30, 90, 255)),
    ),
}
STILLS: dict[str, Callable[[], bytes]] = {
    **{
        f"lies_{orientation}.{suffix}": partial(lying, kind, orientation, **more)
        for orientation in range(1, 9)
        for suffix, kind, more in (
            ("jpg", "JPEG", {"quality": 95, "subsampling": 0}),
            ("png", "PNG", {}),
            ("webp", "WEBP", {"lossless": True}),
        )
    },
    "gray_16.png": lambda: picture_of_16_bits(ramp(1)),
    "gray_16_transparent.png": lambda: picture_of_16_bits(ramp(1), [int(ramp(1)[0, 10, 0])]),
    "gray_alpha_16.png": lambda: picture_of_16_bits(ramp(2)),
    "rgb_16.png": lambda: picture_of_16_bits(ramp(3)),
    "rgb_16_transparent.png": lambda: picture_of_16_bits(ramp(3), ramp(3)[0, 10].tolist()),
    "rgba_16.png": lambda: picture_of_16_bits(ramp(4)),
    "palette.png": lambda: saved(
        Image.fromarray(scene()).quantize(16), "PNG", transparency=bytes([0, 128, 255, 60])
    ),
    "one_bit.png": lambda: saved(Image.fromarray(scene()).convert("1"), "PNG"),
    "glass.png": lambda: saved(glassy()[1], "PNG"),
    "glass.webp": lambda: saved(glassy()[1], "WEBP", lossless=True),
    "garbage_after_end.png": lambda: saved(Image.fromarray(scene()), "PNG") + b"garbage",
    "cmyk.jpg": lambda: saved(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=95),
    "ink.jpg": lambda: saved(
        Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=98, icc_profile=icc.cmyk()
    ),
    **{
        f"p3{name}": partial(saved, Image.fromarray(scene()), kind, **{"icc_profile": P3, **more})
        for name, kind, more in (
            (".jpg", "JPEG", {"quality": 98, "subsampling": 0}),
            (".png", "PNG", {}),
            (".webp", "WEBP", {"lossless": True}),
            (".avif", "AVIF", {"quality": 98, "subsampling": "4:4:4"}),
            ("_broken.jpg", "JPEG", {"quality": 98, "icc_profile": P3[:300]}),
        )
    },
    "p3_palette.png": lambda: saved(
        Image.fromarray(scene()).quantize(16), "PNG", transparency=bytes([9, 128]), icc_profile=P3
    ),
    "p3_glass.png": lambda: saved(glassy()[1], "PNG", icc_profile=P3),
    "dark.jpg": lambda: saved(
        Image.fromarray(scene()).convert("L"), "JPEG", quality=95, icc_profile=icc.gray(1.0)
    ),
    "gray.jpg": lambda: saved(Image.fromarray(scene()).convert("L"), "JPEG", quality=95),
}
ANIMATIONS: dict[str, Callable[[], bytes]] = {
    **{f"{name}.gif": partial(bytes, data) for name, data in GIFS.items()},
    **{f"{name}.png": partial(bytes, data) for name, data in APNGS.items()},
    "p3_moving.webp": lambda: saved(
        Image.fromarray(scene()), "WEBP", lossless=True, icc_profile=P3, **moving()
    ),
    "p3_moving.png": lambda: saved(Image.fromarray(scene()), "PNG", icc_profile=P3, **moving()),
    "glass.gif_like.webp": lambda: saved(
        glassy()[0],
        "WEBP",
        save_all=True,
        append_images=glassy()[1:],
        duration=[100, 5, 10, 300],
        lossless=True,
    ),
}
AVIFS = {
    "plain": (),
    "ten_bits": ("-d", "10"),
    "colour_in_full": ("-y", "444"),
    "limited": ("-r", "limited"),
    "quarter_turn": ("--irot", "1"),
    "half_turn": ("--irot", "2"),
    "mirrored": ("--imir", "1"),
    "turned_and_mirrored": ("--irot", "3", "--imir", "0"),
}
COPIED = sorted(path.name for path in DATA.iterdir())


@pytest.fixture(autouse=True)
def _decoded_here(monkeypatch: pytest.MonkeyPatch) -> None:
    decode_here(monkeypatch)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Seen]]:
    """Every file and how Chromium shows it, asked at once: its start takes the longest."""
    need_program("chromium")
    directory = tmp_path_factory.mktemp("shown")
    for name, write in (STILLS | ANIMATIONS).items():
        (directory / name).write_bytes(write())
    _write_avifs(directory)
    for name in COPIED:
        (directory / name).write_bytes((DATA / name).read_bytes())
    paths = sorted(directory.glob("*.*"))
    seen = chromium.ask(*(_question(path) for path in paths))
    return {path.name: (path, answer) for path, answer in zip(paths, seen, strict=True)}


def _write_avifs(directory: Path) -> None:
    avifenc = str(need_program("avifenc"))
    original = directory / "original.png"
    Image.fromarray(scene()).save(original)
    for name, options in AVIFS.items():
        command = [avifenc, "--min", "0", "--max", "8", *options, str(original)]
        subprocess.run([*command, str(directory / f"{name}.avif")], check=True, capture_output=True)


def _question(path: Path) -> dict[str, object]:
    moves = path.suffix == ".gif" or path.name in ANIMATIONS or path.name == "anim.avif"
    return chromium.animation(path) if moves else chromium.picture(path)


@pytest.mark.parametrize(
    "name", [*STILLS, *ANIMATIONS, *(f"{name}.avif" for name in AVIFS), *COPIED]
)
def test_a_picture_looks_as_in_chromium(name: str, shown: dict[str, tuple[Path, Seen]]) -> None:
    path, seen = shown[name]
    ours = read(path).frames
    assert not seen.error
    assert len(ours) == len(seen.frames)
    for frame, theirs in zip(ours, seen.frames, strict=True):
        assert frame.shape == theirs.shape
        assert np.abs(frame.astype(int) - theirs).mean() < ALIKE_OF.get(name, ALIKE)


@pytest.mark.parametrize("name", ANIMATIONS)
def test_delays_are_the_file_s_but_for_what_is_too_fast(
    name: str, shown: dict[str, tuple[Path, Seen]]
) -> None:
    path, seen = shown[name]
    wanted = [100 if int(ms) <= 10 else ms for ms in seen.ms]
    assert list(read(path).delays_ms) == pytest.approx(wanted, abs=1)
