"""Films and GIFs as clips: frames at one rate, cut at scene changes. Holds one clip at a time.

Knows nothing of captions or of where clips are written.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.contract.errors import MediaError
from generator.media.clip import Frames
from generator.media.containers import (
    ANIMATION_SUFFIXES,
    FILM_SUFFIXES,
    BrokenFileError,
    sniff_file,
)
from generator.sources import reader
from generator.sources.decoders import FILMS, Source, open_source
from generator.sources.film_decoder import frames_at_rate
from generator.training.settings import DatasetSettings

SUFFIXES = (*ANIMATION_SUFFIXES, *FILM_SUFFIXES)


class BadFilmError(MediaError):
    """A film can't be used; the sentence says why, without its name."""


@dataclass(frozen=True, slots=True)
class SceneClip:
    """Frames (f, h, w, 3) of one scene, the first of them ``start`` seconds into the film."""

    frames: Frames
    start: float


def sample_frames(path: Path, settings: DatasetSettings) -> tuple[float, Iterator[Image.Image]]:
    """Return how many pictures make a second, and the film's RGB pictures at that rate.

    A GIF that is shorter than a clip but has frames enough is taken whole.
    """
    rate = 1000 * settings.frames / settings.duration_ms
    kind = sniff_file(path)
    if kind in FILMS:
        return rate, frames_at_rate(path, kind, rate)
    try:
        delays = reader.probe(path).delays_ms
        source = open_source(path)
    except MediaError as error:
        reason = str(error).partition(";")[0].removesuffix(".").replace("The file", "it")
        raise BadFilmError(reason) from error
    if sum(delays) < settings.duration_ms and len(delays) >= settings.frames:
        rate = 1000 * settings.frames / sum(delays)
    return rate, _animation(source, delays, rate)


def cut_scenes(
    pictures: Iterable[Image.Image], rate: float, settings: DatasetSettings
) -> Iterator[SceneClip]:
    """Yield one clip after another, none across a scene change; what is left over is dropped."""
    window: list[Frames] = []
    before: npt.NDArray[np.float64] | None = None
    for index, picture in enumerate(pictures):
        colors = _colors(picture)
        if before is not None and np.abs(colors - before).sum() / 2 > settings.cut:
            window = []
        before = colors
        window.append(np.asarray(picture))
        if len(window) == settings.frames:
            yield SceneClip(np.stack(window), (index + 1 - len(window)) / rate)
            window = []


def measure_motion(frames: Frames) -> float:
    """Return the greatest mean change of a pixel from one frame to the next, in levels of 255."""
    pairs = itertools.pairwise(frames.astype(np.int16))
    return max(float(np.abs(after - before).mean()) for before, after in pairs)


def _animation(source: Source, delays: Sequence[int], rate: float) -> Iterator[Image.Image]:
    """Yield each frame as often as it is seen; a frame too short to be seen is left out."""
    ends = list(itertools.accumulate(delays))
    moments = np.arange(0.5, ends[-1] * rate / 1000, 1.0) * 1000 / rate
    seen = Counter(bisect_right(ends, moment) for moment in moments)
    wanted = sorted(index for index in seen if index < len(delays))
    for index, picture in zip(wanted, source.frames(wanted), strict=True):
        yield from itertools.repeat(picture, seen[index])


def _colors(picture: Image.Image) -> npt.NDArray[np.float64]:
    """Return the shares (64,) of 64 colours, which movement hardly changes."""
    levels = np.asarray(picture.resize((64, 64))).reshape(-1, 3) // 64
    counts = np.bincount(levels @ np.array([16, 4, 1]), minlength=64)
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares


def as_bad_film(error: Exception) -> BadFilmError:
    """Return a decoder's error as one with a sentence."""
    if isinstance(error, BadFilmError):
        return error
    if isinstance(error, BrokenFileError):
        return BadFilmError("it is damaged or cut off in the middle")
    return BadFilmError(f"it can't be decoded ({type(error).__name__})")
