"""What the gate takes to look at a result, and how often a detector sees what isn't there.

Times are of the bot's own way: its detector's process, and the child that decodes for it. The
classifier is a ViT-B/16 of random weights, as large as those that people publish for this. What
NudeNet sees is counted where that is installed (``pip install "hotshot-bot[nudenet]"``): in nano's
GIFs, in frames of three films of a street, an animation and a man in a car, by which the scores of
``config.example.toml`` were chosen, and in films and photographs by which they were not.
"""

from __future__ import annotations

import asyncio
import math
import re
import statistics
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
import torch
import transformers
from PIL import Image

from benchmarks.films import film_files, films, noise, other_files, portrait_file
from benchmarks.nano_request import nano_request, prompt_of
from benchmarks.table import print_table
from bot.core.detector_settings import DetectorSettings
from bot.policy.pictures.picture_detector import PictureDetector, Scores
from generator.contract.detection import NUDENET
from generator.contract.limits import NANO
from generator.detection.detector import load_detector
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.recipes.recipe import ModelSettings
from generator.sources.source_files import fetch_sources

_ROUNDS = 3
_NANO_GIFS = 40
_FILM_FRAMES = {"bikes": 67, "bigbuckbunny": 67, "carphone_pristine": 66}
_OTHER_FRAMES = {"vtest": 200, "Megamind": 200, "tree": 50}
_EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
_EVERYTHING = 0.5  # the score from which all those classes are counted, beside the example's own
_FACE = 0.5
_EDGE = 640  # pixels, as in generator.detection.process
_CERTAINTY = 0.95


async def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        detectors = {"ViT-B/16, random weights": str(_vit(directory / "vit"))}
        if find_spec(NUDENET) is not None:
            detectors["NudeNet 320n"] = NUDENET
        rows = [row for name, model in detectors.items() for row in await _times(name, model)]
        print_table(
            "The gate on a result, a GIF of 512 x 512",
            ("detector", "frames", "looked at", "ms a frame looked at", "ms of CPU", "ms a GIF"),
            rows,
        )
        if NUDENET in detectors.values():
            _count_alarms()


def _vit(directory: Path) -> Path:
    torch.manual_seed(0)
    config = transformers.ViTConfig(id2label={0: "normal", 1: "nsfw"})
    transformers.ViTForImageClassification(config).save_pretrained(directory)
    transformers.ViTImageProcessorPil().save_pretrained(directory)
    return directory


@asynccontextmanager
async def _detector(model: str) -> AsyncIterator[tuple[PictureDetector, tuple[str, ...]]]:
    detector = PictureDetector(
        # nothing is withheld here: any class will do
        DetectorSettings.model_construct(
            model=model, withhold={}, spoiler={}, frames=16, seconds=600.0
        ),
        log_level="ERROR",
    )
    try:
        yield detector, await detector.check()
    finally:
        await detector.close()


async def _times(name: str, model: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as scratch:
        clips = [*films().values(), noise()]
        async with _detector(model) as (detector, _):
            for count in (8, 24, 64):
                files = [_saved(clip, count, Path(scratch)) for clip in clips]
                await detector.look(files[0])  # the first call of a model takes longer
                walls, used = [], []
                for _ in range(_ROUNDS):
                    for file in files:
                        wall, cpu = await _timed(detector, file)
                        walls.append(wall)
                        used.append(cpu)
                seen = len(range(0, count, -(-count // 16)))
                wall, cpu = statistics.median(walls), statistics.median(used)
                each = (f"{wall / seen:.0f}", f"{cpu / seen:.0f}", f"{wall:.0f}")
                rows.append((name, str(count), str(seen), *each))
    return rows


def _saved(clip: Clip, count: int, directory: Path) -> Path:
    """A GIF of so many frames, which go there and back again."""
    file = directory / f"{id(clip)}-{count}.gif"
    there = [*range(len(clip.frames)), *range(len(clip.frames) - 2, 0, -1)]
    frames = clip.frames[[there[index % len(there)] for index in range(count)]]
    save(Clip(frames, 125 * count), file)
    return file


async def _timed(detector: PictureDetector, file: Path) -> tuple[float, float]:
    """Milliseconds, and those of CPU of the detector and its decoders."""
    process = psutil.Process(detector.pid)

    def cpu() -> float:
        times = process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system

    before, began = cpu(), time.perf_counter()
    await detector.look(file)
    return (time.perf_counter() - began) * 1e3, (cpu() - before) * 1e3


# -- what it sees ----------------------------------------------------------------------------------


def _count_alarms() -> None:
    detector, bare = load_detector(NUDENET), _example_scores()
    faces = [name for name in detector.classes if name.startswith("FACE_")]

    unseen: list[Scores] = []

    def row(name: str, pictures: Iterable[Frames], *, is_unseen: bool = False) -> tuple[str, ...]:
        found = [detector.look(frames) for frames in pictures]
        unseen.extend(found if is_unseen else ())
        return _row(name, found, bare, faces)

    rows = [row("a portrait", _photographs([portrait_file()]))]
    for name, film in film_files().items():
        rows.append(row(f"frames of {name}", _film_frames(film, _FILM_FRAMES[name])))
    others, photographs = other_files()
    for name, film in others.items():
        frames = _film_frames(film, _OTHER_FRAMES[name])
        rows.append(row(f"frames of {name}, not chosen by", frames, is_unseen=True))
    rows.append(row("photographs, not chosen by", _photographs(photographs), is_unseen=True))
    rows.append(_row("all that they were not chosen by", unseen, bare, faces))
    rows.append(row("nano's GIFs of 8 frames", _nano_gifs()))
    print_table(
        "What NudeNet sees",
        (
            *("in", "of", "bare, by config.example.toml", f"at most, at {_CERTAINTY:.0%}"),
            *(f"bare, from {_EVERYTHING:g}", "highest score", f"faces, from {_FACE:g}"),
        ),
        rows,
    )


def _example_scores() -> dict[str, float]:
    """Return the scores from which the example in ``config.example.toml`` has classes count."""
    lines = re.findall(r"^# ((?:withhold|spoiler) = \{\w.*\})$", _EXAMPLE.read_text("utf-8"), re.M)
    found = tomllib.loads("\n".join(lines))
    scores: dict[str, float] = found["withhold"] | found["spoiler"]
    return scores


def _row(
    name: str, found: list[Scores], bare: Mapping[str, float], faces: list[str]
) -> tuple[str, ...]:
    count = len(found)
    alarms = sum(any(scores.get(part, 0.0) >= bare[part] for part in bare) for scores in found)
    highest = [max(scores.get(part, 0.0) for part in bare) for scores in found]
    seen = sum(max(scores.get(face, 0.0) for face in faces) >= _FACE for scores in found)
    quick = sum(score >= _EVERYTHING for score in highest)
    return (
        *(name, str(count), str(alarms), f"{_largest_share(alarms, count):.2%}"),
        *(str(quick), f"{max(highest):.3f}", str(seen)),
    )


def _largest_share(alarms: int, count: int) -> float:
    """Return the share above which so few alarms would be a rare chance: Clopper and Pearson's."""
    low, high = alarms / count, 1.0
    for _ in range(50):
        share = (low + high) / 2
        chances = (
            math.comb(count, n) * share**n * (1 - share) ** (count - n) for n in range(alarms + 1)
        )
        low, high = (share, high) if sum(chances) > 1 - _CERTAINTY else (low, share)
    return high


def _nano_gifs() -> Iterator[Frames]:
    # what it keeps from being imported has to be there already where transformers is (``_vit``)
    from generator.inference.hotshot_engine import HotshotEngine

    engine = HotshotEngine.load(ModelSettings(model=NANO), device="cpu", previews=False)
    for number in range(_NANO_GIFS):
        request = nano_request(prompt=prompt_of(number), seed=number)
        with fetch_sources(request) as sources:
            yield engine.make(request, lambda *_: None, sources).frames


def _photographs(files: Iterable[Path]) -> Iterator[Frames]:
    for file in files:
        with Image.open(file) as picture:
            yield _one(picture.convert("RGB"))


def _film_frames(film: Path, count: int) -> Iterator[Frames]:
    frames, _ = imageio_ffmpeg.count_frames_and_secs(str(film))
    wanted = set(np.linspace(0, frames - 1, count).round().astype(int).tolist())
    reader = imageio_ffmpeg.read_frames(str(film), pix_fmt="rgb24")
    size = next(reader)["size"]
    for index, data in enumerate(reader):
        if index in wanted:
            yield _one(Image.frombytes("RGB", size, data))


def _one(picture: Image.Image) -> Frames:
    """Return a picture as the only frame, no larger than the gate has it."""
    picture.thumbnail((_EDGE, _EDGE))
    return np.asarray(picture)[None]


if __name__ == "__main__":
    asyncio.run(main())
