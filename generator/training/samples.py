"""Training samples on disk: folders of numbered frames, each with its prompt.txt. Free of torch.

Every picture is decoded once when samples are looked for, so a bad one is found, and named, before
training begins. Knows nothing of sizes to train at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, ImageOps

from generator.errors import TrainingError
from generator.media.clip import Frames
from generator.sources.geometry import MIDDLE, Crop, scale_to_fill
from generator.sources.pictures import by_number
from generator.training.settings import SKIP
from generator.training.telling import tell

PROMPT = "prompt.txt"
ABOUT = "clip.json"  # what ``hotshot dataset`` knows of a clip
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
LEAST, MOST = 2, 24  # frames; the positional table has 24 entries

_T = TypeVar("_T")


class BadSampleError(TrainingError):
    """One sample can't be used; the sentence says why, without its name."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A clip, or a picture, with its prompt. Sizes are (width, height) in pixels.

    ``original_size`` is what the material once had, which SDXL is told. ``others`` are further
    prompts, as good as the first.
    """

    name: str
    files: tuple[Path, ...]
    prompt: str
    size: tuple[int, int]
    original_size: tuple[int, int]
    others: tuple[str, ...] = ()

    @property
    def prompts(self) -> tuple[str, ...]:
        """All of them; each time it is seen, one is drawn."""
        return (self.prompt, *self.others)

    def frames(self, width: int, height: int, crops: Sequence[Crop] = (MIDDLE,)) -> Frames:
        """uint8 (f, height, width, 3), scaled to fill and cropped; a frame for each crop."""
        fitted = [
            scale_to_fill(picture, (width, height), crop)
            for picture in map(_open, self.files)
            for crop in crops
        ]
        return np.stack([np.asarray(picture) for picture in fitted])


def find_clips(directory: Path, *, video_length: int | None, bad_samples: str) -> list[Sample]:
    """The samples of a data directory, in the order of their numbers.

    A bad one is named and skipped where ``bad_samples`` is ``skip``. Raises TrainingError for
    it otherwise, and where no sample is left.
    """
    folders = sorted(filter(is_sample, directory.iterdir()), key=by_number)
    found = usable(
        folders, lambda folder: _read_clip(folder, video_length), skip=bad_samples == SKIP
    )
    if not found:
        raise TrainingError(
            f"There is no usable sample in {directory}; a sample is a folder of numbered frames "
            "(0.jpg, 1.jpg, ...) with a prompt.txt."
        )
    return found


def is_sample(path: Path) -> bool:
    """Whether it is to be one."""
    return path.is_dir() and not path.name.startswith((".", "__"))  # as tools leave them behind


def usable(paths: Sequence[Path], read: Callable[[Path], _T], *, skip: bool) -> list[_T]:
    """Reads all, several at once; see ``find_clips`` for what becomes of a bad one."""
    with ThreadPoolExecutor() as pool:
        pending = [pool.submit(read, path) for path in paths]
        return list(_good(paths, (job.result for job in pending), skip=skip))


def _good(
    paths: Sequence[Path], results: Iterable[Callable[[], _T]], *, skip: bool
) -> Iterator[_T]:
    for path, result in zip(paths, results, strict=True):
        try:
            yield result()
        except BadSampleError as error:
            if not skip:
                raise TrainingError(
                    f"The sample {path.name} can't be used: {error}; mend it, or leave such "
                    "samples out with --bad-samples skip."
                ) from error
            tell(f"Skipping the sample {path.name}: {error}.")


def read_prompt(path: Path) -> str:
    """Raises BadSampleError where there is none."""
    try:
        prompt = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise BadSampleError(f"it has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise BadSampleError(f"its {path.name} can't be read ({error})") from error
    if not prompt:
        raise BadSampleError(f"its {path.name} is empty")
    return prompt


def read_sizes(files: Iterable[Path]) -> tuple[int, int]:
    """Decodes every picture; the size they share. Raises BadSampleError."""
    sizes = {_open(file).size for file in files}
    if len(sizes) > 1:
        told = " and ".join(f"{width} x {height}" for width, height in sorted(sizes)[:2])
        raise BadSampleError(f"its frames differ in size ({told})")
    return sizes.pop()


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder, 2 before 10."""
    return sorted(
        (file for file in folder.iterdir() if file.suffix.lower() in PICTURES), key=by_number
    )


def _read_clip(folder: Path, video_length: int | None) -> Sample:
    prompt = read_prompt(folder / PROMPT)
    files = _chosen(pictures_in(folder), video_length)
    size = read_sizes(files)
    return Sample(folder.name, tuple(files), prompt, size, _original_size(folder) or size)


def _chosen(files: list[Path], video_length: int | None) -> list[Path]:
    wanted = video_length or max(len(files), LEAST)
    if len(files) < wanted:
        raise BadSampleError(f"it has {len(files)} of the {wanted} frames that it needs")
    if wanted > MOST:
        raise BadSampleError(
            f"it has {wanted} frames where at most {MOST} can be; --video-length {MOST} takes as "
            "many, evenly spread"
        )
    return [files[round(index)] for index in np.linspace(0, len(files) - 1, wanted)]


def _original_size(folder: Path) -> tuple[int, int] | None:
    path = folder / ABOUT
    if not path.is_file():
        return None
    try:
        about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        width, height = (int(edge) for edge in about["original_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSampleError(f"its {ABOUT} can't be read ({error})") from error
    return width, height


def _open(file: Path) -> Image.Image:
    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened)  # phones lay their pictures on a side
            if picture.has_transparency_data:
                ground = Image.new("RGBA", picture.size, (255, 255, 255, 255))
                return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")
            return picture.convert("RGB")
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise BadSampleError(f"{file.name} is no picture that can be read") from error
