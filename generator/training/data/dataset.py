"""Makes samples to train on out of films and GIFs with captions: ``hotshot dataset``.

Each film becomes folders of numbered key frames at the size of its bucket, with the caption, where
it came from, and a sheet of all clips to look at. Free of torch.
"""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from generator.contract.errors import TrainingError
from generator.contract.progress import ProgressCallback
from generator.media.clip import Frames
from generator.media.containers import BrokenFileError
from generator.sources.geometry import scale_to_fill
from generator.training.console import print_lines, warn
from generator.training.data import film_clips
from generator.training.data.buckets import choose_size
from generator.training.data.captions import CaptionIndex
from generator.training.data.film_clips import BadFilmError
from generator.training.data.folder import (
    FROM_FILE,
    FROM_FOLDER,
    FolderScan,
    LeftOut,
    scan_folder,
    summary_lines,
)
from generator.training.data.samples import (
    FACTS_FILE,
    PROMPT_FILE,
    BadSampleError,
    is_sample_folder,
    list_images,
    write_sample,
)
from generator.training.run_directory import write_directory, write_json
from generator.training.settings import STOP, DatasetSettings

SUMMARY_FILE, SHEET_FILE = "dataset.json", "contact_sheet.png"
_SHEET_CELL, _SHEET_LABEL, _SHEET_CLIPS = 96, 200, 200  # pixels, pixels, clips
CUT_DIRECTORY = "cut_clips"  # of a run whose data are films, in its output directory


@dataclass(frozen=True, slots=True)
class _CaptionedFilm:
    """A film with its caption; its clips count ``repeats`` times in an epoch."""

    path: Path
    caption: str
    repeats: int


@dataclass
class DatasetSummary:
    """Says what became of the films. ``sizes`` counts clips by (width, height).

    ``left_out`` are files that were never tried, ``dropped`` films and clips that were.
    """

    clips: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)


def holds_films(directory: Path) -> bool:
    """Return whether there are films in a directory, or in its folders of kohya's kind."""
    return bool(_scan(directory).source_files)


def cut_films(settings: DatasetSettings, progress: ProgressCallback) -> DatasetSummary:
    """Cut films into the samples of ``output_dir``, whole or not at all. Raises TrainingError.

    A film that can't be used is named, and skipped or fatal as ``bad_samples`` says; a still clip
    is only counted among the dropped.
    """
    settings.check()
    output = settings.output_dir
    if output.exists() and (not output.is_dir() or next(output.iterdir(), None)):
        raise TrainingError(f"{output} isn't empty; give another --output-dir.")
    scan = _scan(settings.data_dir)
    if not scan.source_files:
        raise TrainingError(
            f"There is no film in {settings.data_dir}; put GIFs or videos "
            f"({' '.join(film_clips.SUFFIXES)}) in it, each with its caption in a .txt beside it."
        )
    summary = DatasetSummary()
    films = _read_captions(scan, settings, summary)

    def fill(scratch: Path) -> None:
        for done, film in enumerate(films, start=1):
            _cut(film, scratch, settings, summary)
            progress("cut", done, len(films))
        _finish(scratch, summary)

    if output.is_dir():
        output.rmdir()
    write_directory(output, fill, hint="make room, or give another --output-dir.")
    return summary


def recut_films(settings: DatasetSettings, progress: ProgressCallback) -> None:
    """Cut films in place of what an earlier run cut, and of nothing else. Raises TrainingError."""
    output, data = settings.output_dir, settings.data_dir.resolve()
    if output.resolve() in (data, *data.parents):
        raise TrainingError(
            f"The films of {settings.data_dir} would be lost; give another --output-dir."
        )
    if (output / SUMMARY_FILE).is_file():
        shutil.rmtree(output)
    cut_films(settings, progress)


def _scan(directory: Path) -> FolderScan:
    return scan_folder(directory, film_clips.SUFFIXES, "video or GIF", is_skipped=is_sample_folder)


def _read_captions(
    scan: FolderScan, settings: DatasetSettings, summary: DatasetSummary
) -> list[_CaptionedFilm]:
    """Return the films with their captions; prints what there is, and what is left out."""
    captions = CaptionIndex.of(settings.data_dir, scan, settings.captions)
    films, sources = [], Counter[str]()
    for source in scan.source_files:
        with _skip_or_stop(source.path, settings, summary):
            written = captions.captions_for(source.path)
            if not written and not source.folder_caption:
                raise BadSampleError(f"it has no {source.path.with_suffix('.txt').name}")
            sources[FROM_FILE if written else FROM_FOLDER] += 1
            caption = written[0] if written else source.folder_caption
            films.append(_CaptionedFilm(source.path, caption, source.repeats))
    left_out = [*scan.left_out, *captions.unused(), *summary.dropped]
    print_lines(summary_lines("film", sources, sum(film.repeats for film in films), left_out))
    summary.left_out = [*scan.left_out, *captions.unused()]
    return films


@contextmanager
def _skip_or_stop(path: Path, settings: DatasetSettings, summary: DatasetSummary) -> Iterator[None]:
    """Name a film that can't be used, and skip it or stop, as ``bad_samples`` says."""
    try:
        yield
    except (BadFilmError, BadSampleError) as error:
        if settings.bad_samples == STOP:
            raise TrainingError(
                f"{path.name} can't be used: {error}; fix it, or leave such films out with "
                "--bad-samples skip."
            ) from error
        warn(f"Skipping {path.name}: {error}.")
        summary.dropped.append((path.name, str(error)))


def _cut(
    film: _CaptionedFilm, output: Path, settings: DatasetSettings, summary: DatasetSummary
) -> None:
    with _skip_or_stop(film.path, settings, summary):
        _write_clips(film, output, settings, summary)


def _write_clips(
    film: _CaptionedFilm, output: Path, settings: DatasetSettings, summary: DatasetSummary
) -> None:
    path, count, stills = film.path, 0, 0
    for start, size, frames in _clips(path, settings):
        if film_clips.measure_motion(frames) < settings.stillness:
            summary.dropped.append((f"{path.name} at {start:.1f} s", "nothing moves in it"))
            stills += 1
            continue
        count += 1
        name = _free_name(output, path, count)
        repeated = {"repeats": film.repeats} if film.repeats > 1 else {}
        _write(output / name, frames, film.caption, {
            "source": path.name, "start_ms": round(1000 * start), "original_size": size, **repeated,
        })  # fmt: skip
        summary.clips.append(name)
        summary.sizes[frames.shape[2], frames.shape[1]] += 1
        if count == settings.max_clips:
            break
    if not count and not stills:
        raise BadFilmError(f"it has no scene of {settings.frames} frames")


def _free_name(output: Path, path: Path, count: int) -> str:
    """Return ball-001; ball.mp4-001 after ball.gif, 10_ball-ball.mp4-001 where both are taken."""
    names = (path.stem, path.name, f"{path.parent.name}-{path.name}")
    return next(name for stem in names if not (output / (name := f"{stem}-{count:03d}")).exists())


def _clips(
    path: Path, settings: DatasetSettings
) -> Iterator[tuple[float, tuple[int, int], Frames]]:
    """Yield a clip's start in seconds, the film's size, and frames (f, h, w, 3) at the bucket's."""
    try:
        rate, pictures = film_clips.sample_frames(path, settings)
        for scene in film_clips.cut_scenes(pictures, rate, settings):
            height, width = scene.frames.shape[1:3]
            size = choose_size(width, height, settings.resolution, settings.aspect_ratio)
            fitted = [
                np.asarray(scale_to_fill(Image.fromarray(frame), (size.width, size.height)))
                for frame in scene.frames
            ]
            yield scene.start, (width, height), np.stack(fitted)
    except (BadFilmError, BrokenFileError, OSError) as error:
        raise film_clips.as_bad_film(error) from error


def _write(folder: Path, frames: Frames, caption: str, facts: dict[str, Any]) -> None:
    write_sample(folder, frames, caption)
    write_json(folder / FACTS_FILE, facts)


def _finish(output: Path, summary: DatasetSummary) -> None:
    if not summary.clips:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in summary.dropped[:3])
        raise TrainingError(f"No clip can be cut out of these films ({reasons}).")
    _draw_sheet(output, summary.clips).save(output / SHEET_FILE)
    write_json(output / SUMMARY_FILE, {
        "clips": len(summary.clips),
        "sizes": {f"{width} x {height}": n for (width, height), n in summary.sizes.items()},
        "dropped": dict(summary.dropped),
        "left_out": dict(summary.left_out),
    })  # fmt: skip


def _draw_sheet(directory: Path, names: Sequence[str]) -> Image.Image:
    """Draw the contact sheet: the first 200 clips, a row each with its name and caption."""
    rows = [_draw_row(directory / name) for name in names[:_SHEET_CLIPS]]
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _draw_row(folder: Path) -> Image.Image:
    files = list_images(folder)
    row = Image.new("RGB", (_SHEET_LABEL + _SHEET_CELL * len(files), _SHEET_CELL + 4), "white")
    caption = (folder / PROMPT_FILE).read_text(encoding="utf-8").strip()
    text = "\n".join([folder.name[:30], *textwrap.wrap(caption, 30)[:5]])
    ImageDraw.Draw(row).multiline_text((6, 4), text, fill="black")
    for index, file in enumerate(files):
        with Image.open(file) as picture:
            picture.thumbnail((_SHEET_CELL - 4, _SHEET_CELL))
            row.paste(picture, (_SHEET_LABEL + index * _SHEET_CELL, 2))
    return row
