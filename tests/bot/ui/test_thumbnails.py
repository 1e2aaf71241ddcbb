"""The strip of a page, looked at by its colours."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.ui.thumbnails import thumbnail_strip
from generator.media.clip import Clip
from generator.media.save import save

RED, GROUND = (200, 30, 30), (47, 49, 54)


def result(path: Path) -> Path:
    """Begins red, and goes on in blue."""
    frames = np.zeros((4, 64, 96, 3), np.uint8)
    frames[0] = RED
    frames[1:, ..., 2] = 200
    save(Clip(frames, 1000), path)
    return path


def tiles(results: list[Path | None]) -> list[tuple[int, ...]]:
    """The colour in the middle of each."""
    sheet = Image.open(BytesIO(thumbnail_strip(results)))
    pixels = [sheet.getpixel((4 + 132 * index + 64, 68)) for index in range(len(results))]
    return [pixel for pixel in pixels if isinstance(pixel, tuple)]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png", ".mp4"])
def test_the_first_frame_of_every_kind(suffix: str, tmp_path: Path) -> None:
    [gone, shown] = tiles([None, result(tmp_path / f"made{suffix}")])
    assert gone == GROUND
    assert np.abs(np.subtract(shown, RED)).max() < 12


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_one_that_is_damaged_is_an_empty_tile(suffix: str, tmp_path: Path) -> None:
    damaged = result(tmp_path / f"made{suffix}")
    damaged.write_bytes(damaged.read_bytes()[:40])
    assert tiles([damaged]) == [GROUND]
