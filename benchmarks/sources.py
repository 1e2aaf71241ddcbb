"""Reading films: 8 key frames of a long and a short one, and CPU beside ffmpeg's own.

ffmpeg's own is the least that the same answer can cost: packets listed for the facts, the key
frames' second decoded for the sheet, half of the film for a part, in one process without a word of
Python. What is above it is mostly the start of a limited process and the import of its readers.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import imageio_ffmpeg

from benchmarks.table import print_table
from generator.sources.reader import probe, read_key_frames

_LONG, _SHORT = 2000, 20  # frames
_SIZE, _RATE = "320x240", 25
_PART_FRAMES = 200
_REPEATS = 5
_FORMATS = {
    "H.264 in MP4": (".mp4", ("-c:v", "libx264", "-preset", "veryfast")),
    "VP9 in WebM": (".webm", ("-c:v", "libvpx-vp9", "-cpu-used", "8", "-deadline", "realtime")),
}
_SHEET = "generator.annotators.contact_sheet_process"


def run() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        print_table(
            f"8 key frames of a film of {_SIZE}, seconds",
            ("", f"of {_LONG:,} frames", f"of {_SHORT}", "times"),
            [_key_frames(name, directory) for name in _FORMATS],
        )
        print_table(
            f"A film of {_PART_FRAMES} frames of {_SIZE}, seconds of CPU",
            ("", "Hotshot", "ffmpeg's own"),
            _beside_ffmpeg(_film(directory, "H.264 in MP4", _PART_FRAMES), directory),
        )


def _key_frames(name: str, directory: Path) -> tuple[str, ...]:
    films = [_film(directory, name, count) for count in (_LONG, _SHORT)]
    long, short = (_least(partial(_read, film), time.perf_counter) for film in films)
    return name, f"{long:.2f}", f"{short:.2f}", f"{long / short:.2f}"


def _read(film: Path) -> None:
    read_key_frames(film, count=8, duration_ms=1000, width=256, height=256)


def _beside_ffmpeg(film: Path, directory: Path) -> list[tuple[str, ...]]:
    sheet = [sys.executable, "-m", _SHEET, str(film), str(directory / "sheet.png")]
    half = ("-frames:v", str(_PART_FRAMES // 2), "-f", "apng", "-")
    second = ("-ss", "3.5", "-i", str(film), "-t", "1", "-pix_fmt", "rgb24", "-f", "null", "-")
    pairs: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
        "facts": (partial(probe, film), ("-i", str(film), "-c", "copy", "-f", "framecrc", "-")),
        "sheet": (partial(_run, [*sheet, "--width", "256", "--height", "256"]), second),
        "part (the first half)": (
            partial(_run, [*sheet, "--cut", "0", "0.5"]),
            ("-i", str(film), *half),
        ),
    }
    ffmpeg = (imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-threads", "1")
    return [
        (name, *(f"{_least(job, _cpu):.2f}" for job in (ours, partial(_run, [*ffmpeg, *theirs]))))
        for name, (ours, theirs) in pairs.items()
    ]


def _least(job: Callable[[], object], clock: Callable[[], float]) -> float:
    """The seconds of the quickest of several runs."""
    seconds = []
    for _ in range(_REPEATS):
        began = clock()
        job()
        seconds.append(clock() - began)
    return min(seconds)


def _cpu() -> float:
    """Seconds of all processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _film(directory: Path, name: str, count: int) -> Path:
    suffix, codec = _FORMATS[name]
    path = directory / f"{count}{suffix}"
    source = ("-f", "lavfi", "-i", f"testsrc2=size={_SIZE}:rate={_RATE}")
    output = ("-frames:v", str(count), "-pix_fmt", "yuv420p", *codec, str(path))
    ffmpeg = (imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-y")
    _run([*ffmpeg, *source, *output])
    return path


def _run(words: list[str]) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - made here


if __name__ == "__main__":
    run()
