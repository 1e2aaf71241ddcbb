"""What the gate takes to look at a result, and how often a detector sees what isn't there.

Times are of the bot's own way: its detector's process, and the child that decodes for it. The
classifier is a ViT-B/16 of random weights, as large as those that people publish for this. What
NudeNet sees is counted where that is installed (``pip install "hotshot-bot[nudenet]"``): in nano's
GIFs, and in frames of three films of a street, an animation and a man in a car.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import torch
import transformers
from PIL import Image

from benchmarks.films import film_files, films, noise, portrait_file
from benchmarks.nano_request import nano_request, prompt_of
from benchmarks.table import print_table
from bot.core.detector_settings import DetectorSettings
from bot.policy.pictures.picture_detector import PictureDetector, Scores
from generator.contract.detection import NUDENET
from generator.contract.limits import NANO
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings
from generator.sources.film_decoder import frames_at_rate
from generator.sources.source_files import fetch_sources

_ROUNDS = 3
_NANO_GIFS = 100
_FILM_FRAMES = {"bikes": 67, "bigbuckbunny": 67, "carphone_pristine": 66}
_BARE = 0.5
_FACE = 0.5
_PRIVATE = {
    f"{part}_EXPOSED"
    for part in ("FEMALE_BREAST", "FEMALE_GENITALIA", "MALE_GENITALIA", "ANUS", "BUTTOCKS")
}
_GOAL = "< 1 %"


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
            await _count_alarms(directory)


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


async def _count_alarms(directory: Path) -> None:
    async with _detector(NUDENET) as (detector, classes):
        bare = [name for name in classes if name in _PRIVATE]
        faces = [name for name in classes if name.startswith("FACE_")]
        portrait = await detector.look(portrait_file())
        rows = [_row("a portrait, 1 picture", [portrait], bare, faces)]
        made = [await detector.look(file) for file in _nano_gifs(directory)]
        rows.append(_row(f"nano's GIFs, {len(made)} of 8 frames", made, bare, faces))
        for name, path in film_files().items():
            found = [await detector.look(file) for file in _film_frames(name, path, directory)]
            rows.append(_row(f"{name}, {len(found)} frames", found, bare, faces))
    print_table(
        "What NudeNet sees",
        ("in", f"bare, from {_BARE:g}", "goal", "highest score", f"faces, from {_FACE:g}"),
        rows,
    )


def _row(name: str, found: list[Scores], bare: list[str], faces: list[str]) -> tuple[str, ...]:
    highest = [_highest(scores, bare) for scores in found]
    alarms = sum(score >= _BARE for score in highest)
    seen = sum(_highest(scores, faces) >= _FACE for scores in found)
    share = f"{alarms} ({alarms / len(found):.1%})"
    return name, share, _GOAL, f"{max(highest):.2f}", str(seen)


def _highest(scores: Mapping[str, float], names: list[str]) -> float:
    return max(scores.get(name, 0.0) for name in names)


def _nano_gifs(directory: Path) -> Iterator[Path]:
    # what it keeps from being imported has to be there already where transformers is (``_vit``)
    from generator.inference.hotshot_engine import HotshotEngine

    engine = HotshotEngine.load(ModelSettings(model=NANO), device="cpu", previews=False)
    for number in range(_NANO_GIFS):
        request = nano_request(prompt=prompt_of(number), seed=number)
        file = directory / f"nano-{number}.gif"
        with fetch_sources(request) as sources:
            save(engine.make(request, lambda *_: None, sources), file)
        yield file


def _film_frames(name: str, film: Path, directory: Path) -> Iterator[Path]:
    pictures: list[Image.Image] = list(frames_at_rate(film, "mp4", 25.0))
    wanted = np.linspace(0, len(pictures) - 1, _FILM_FRAMES[name]).round().astype(int)
    for index in wanted:
        file = directory / f"{name}-{index}.png"
        pictures[index].save(file)
        yield file


if __name__ == "__main__":
    asyncio.run(main())
