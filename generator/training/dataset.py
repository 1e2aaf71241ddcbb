"""Makes samples to train on out of films and GIFs with captions: ``hotshot dataset``.

Each film becomes folders of numbered key frames at the size of its bucket, with the caption, where
it came from, and a sheet of all clips to look at. Free of torch.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generator.errors import TrainingError
from generator.media.clip import Frames
from generator.media.containers import BrokenFileError
from generator.sources.geometry import scale_to_fill
from generator.sources.pictures import by_number
from generator.training import films, sheet
from generator.training.buckets import choose_size
from generator.training.films import BadFilmError
from generator.training.house import write_directory, write_json
from generator.training.samples import ABOUT, PROMPT, BadSampleError, read_prompt
from generator.training.settings import STOP, DatasetSettings
from generator.training.telling import tell

SUMMARY, SHEET = "dataset.json", "contact_sheet.png"
CUT = "cut_clips"  # of a run whose data are films, in its output directory
JSONL = "metadata.jsonl"  # as the hub's datasets call it
_NAME_KEYS, _TEXT_KEYS = ("file_name", "file", "path"), ("text", "caption", "prompt")
Progress = Callable[[str, int, int], None]


@dataclass
class Summary:
    """What became of the films. ``sizes`` counts clips by (width, height)."""

    clips: list[str] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)


def holds_films(directory: Path) -> bool:
    return any(_films(directory))


def cut_films(settings: DatasetSettings, progress: Progress) -> Summary:
    """Writes ``output_dir`` whole or not at all. Raises TrainingError.

    A film that can't be used is named, and skipped or fatal as ``bad_samples`` says; a still clip
    is only counted among the dropped.
    """
    settings.check()
    output = settings.output_dir
    if output.exists() and (not output.is_dir() or next(output.iterdir(), None)):
        raise TrainingError(f"{output} isn't empty; give another --output-dir.")
    found = sorted(_films(settings.data_dir), key=by_number)
    if not found:
        raise TrainingError(
            f"There is no film in {settings.data_dir}; put GIFs or videos "
            f"({' '.join(films.SUFFIXES)}) in it, each with its caption in a .txt beside it."
        )
    captions = _captions(settings)
    summary = Summary()

    def fill(scratch: Path) -> None:
        for done, path in enumerate(found, start=1):
            _cut(path, captions, scratch, settings, summary)
            progress("cut", done, len(found))
        _finish(scratch, summary)

    if output.is_dir():
        output.rmdir()
    write_directory(output, fill, otherwise="make room, or give another --output-dir.")
    return summary


def cut_anew(settings: DatasetSettings, progress: Progress) -> None:
    """As ``cut_films``, in place of what an earlier run left there, and of nothing else."""
    output, data = settings.output_dir, settings.data_dir.resolve()
    if output.resolve() in (data, *data.parents):
        raise TrainingError(
            f"The films of {settings.data_dir} would be lost; give another --output-dir."
        )
    if (output / SUMMARY).is_file():
        shutil.rmtree(output)
    cut_films(settings, progress)


def _films(directory: Path) -> Iterator[Path]:
    return (
        path
        for path in directory.iterdir()
        if path.suffix.lower() in films.SUFFIXES and path.is_file()
    )


def _cut(
    path: Path,
    captions: Mapping[str, str],
    output: Path,
    settings: DatasetSettings,
    summary: Summary,
) -> None:
    try:
        caption = captions.get(path.name) or read_prompt(path.with_suffix(".txt"))
        _write_clips(path, caption, output, settings, summary)
    except (BadFilmError, BadSampleError) as error:
        if settings.bad_samples == STOP:
            raise TrainingError(
                f"{path.name} can't be used: {error}; mend it, or leave such films out with "
                "--bad-samples skip."
            ) from error
        tell(f"Skipping {path.name}: {error}.")
        summary.dropped.append((path.name, str(error)))


def _write_clips(
    path: Path, caption: str, output: Path, settings: DatasetSettings, summary: Summary
) -> None:
    count = 0
    for start, size, frames in _clips(path, settings):
        if films.movement(frames) < settings.stillness:
            summary.dropped.append((f"{path.name} at {start:.1f} s", "nothing moves in it"))
            continue
        count += 1
        name = f"{path.stem}-{count:03d}"
        if (output / name).exists():  # ball.gif beside ball.mp4
            name = f"{path.name}-{count:03d}"
        _write(output / name, frames, caption, {
            "source": path.name, "start_ms": round(1000 * start), "original_size": size,
        })  # fmt: skip
        summary.clips.append(name)
        summary.sizes[frames.shape[2], frames.shape[1]] += 1
        if count == settings.max_clips:
            break
    if not count and all(path.name not in name for name, _ in summary.dropped):
        raise BadFilmError(f"it has no scene of {settings.frames} frames")


def _clips(
    path: Path, settings: DatasetSettings
) -> Iterator[tuple[float, tuple[int, int], Frames]]:
    """Start in seconds, the film's own size, and frames at the bucket's."""
    try:
        rate, shown = films.sampled(path, settings)
        for stretch in films.stretches(shown, rate, settings):
            height, width = stretch.frames.shape[1:3]
            size = choose_size(width, height, settings.resolution, settings.aspect_ratio)
            fitted = [
                np.asarray(scale_to_fill(Image.fromarray(frame), (size.width, size.height)))
                for frame in stretch.frames
            ]
            yield stretch.start, (width, height), np.stack(fitted)
    except (BadFilmError, BrokenFileError, OSError, ValueError, EOFError, SyntaxError) as error:
        raise films.broken(error) from error


def _write(folder: Path, frames: Frames, caption: str, about: dict[str, Any]) -> None:
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index}.png")
    (folder / PROMPT).write_text(caption + "\n", encoding="utf-8")
    write_json(folder / ABOUT, about)


def _finish(output: Path, summary: Summary) -> None:
    if not summary.clips:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in summary.dropped[:3])
        raise TrainingError(f"No clip can be cut out of these films ({reasons}).")
    sheet.draw(output, summary.clips).save(output / SHEET)
    write_json(output / SUMMARY, {
        "clips": len(summary.clips),
        "sizes": {f"{width} x {height}": n for (width, height), n in summary.sizes.items()},
        "dropped": dict(summary.dropped),
    })  # fmt: skip


def _captions(settings: DatasetSettings) -> dict[str, str]:
    """By file name, from a JSONL file. Raises TrainingError for a line that makes no sense."""
    path = settings.captions or settings.data_dir / JSONL
    if not path.is_file():
        return {}
    captions: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} can't be read ({error}).") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            name, text = _caption(path, number, line)
            captions[Path(name).name] = text
    return captions


def _caption(path: Path, number: int, line: str) -> tuple[str, str]:
    try:
        values = json.loads(line)
        name = next(values[key] for key in _NAME_KEYS if key in values)
        text = next(values[key] for key in _TEXT_KEYS if key in values)
        return str(name), str(text).strip()
    except (ValueError, TypeError, StopIteration):
        raise TrainingError(
            f"Line {number} of {path.name} is no caption; write lines such as "
            '{"file_name": "ball.gif", "text": "a red ball bouncing"}.'
        ) from None
