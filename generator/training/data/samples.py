"""Training samples on disk: folders of numbered frames, each with its prompt.txt. Free of torch.

Every picture is decoded once when samples are looked for, so a bad one is found, and named, before
training begins. Knows nothing of sizes to train at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from generator.contract.bounds import MAX_FRAMES
from generator.contract.errors import MediaError, TrainingError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.text_files import EncodingError, read_text
from generator.media.clip import Frames
from generator.media.containers import STILL_SUFFIXES
from generator.sources.geometry import MIDDLE, Crop, scale_to_fill
from generator.sources.picture_decoder import is_hidden, natural_order, read_still
from generator.training.console import print_lines, warn
from generator.training.data import film_clips
from generator.training.data.folder import FROM_FILE, LeftOut, kohya_folder, summary_lines
from generator.training.settings import SKIP

PROMPT_FILE = "prompt.txt"
FACTS_FILE = "clip.json"  # what ``hotshot dataset`` knows of a clip
MIN_FRAMES = 2


class BadSampleError(TrainingError):
    """One sample can't be used; the sentence says why, without its name."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A clip, or a picture, with its prompt. Sizes are (width, height) in pixels.

    ``original_size`` is what the source once had, which SDXL is told. ``other_prompts`` are as good
    as the first. In an epoch it is seen ``repeats`` times. ``caption_source`` is where the prompts
    come from, one of ``folder.CAPTION_SOURCES``.
    """

    name: str
    files: tuple[Path, ...]
    prompt: str
    size: tuple[int, int]
    original_size: tuple[int, int]
    other_prompts: tuple[str, ...] = ()
    repeats: int = 1
    caption_source: str = FROM_FILE

    @property
    def prompts(self) -> tuple[str, ...]:
        """All prompts of the sample; each time it is seen, one is drawn."""
        return (self.prompt, *self.other_prompts)

    def frames(self, width: int, height: int, crops: Sequence[Crop] = (MIDDLE,)) -> Frames:
        """Return frames (f, h, w, 3) uint8, scaled to fill and cropped; one for each crop."""
        fitted = [
            scale_to_fill(picture, (width, height), crop)
            for picture in map(_open_image, self.files)
            for crop in crops
        ]
        return np.stack([np.asarray(picture) for picture in fitted])


@dataclass
class SampleSet:
    """The samples of a data directory, and what was left out of it."""

    samples: list[Sample] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def epoch_samples(self) -> list[Sample]:
        """The samples of an epoch, each as often as its folder says."""
        return [sample for sample in self for _ in range(sample.repeats)]

    def print_summary(self, what: str) -> None:
        """Print how many there are of ``what`` ("picture"), with captions from where."""
        sources = Counter(sample.caption_source for sample in self)
        print_lines(summary_lines(what, sources, len(self.epoch_samples), self.left_out))


def find_clips(directory: Path, *, video_length: int | None, bad_samples: str) -> SampleSet:
    """Return the samples of a data directory, in the order of their numbers.

    A bad one is named and skipped where ``bad_samples`` is ``skip``. Raises TrainingError for
    it otherwise, and where no sample is left.
    """
    folders = sorted(filter(is_sample_folder, directory.iterdir()), key=natural_order)
    found = read_samples(
        folders, lambda folder: _read_clip(folder, video_length), skip=bad_samples == SKIP
    )
    if not found:
        raise TrainingError(
            f"There is no usable sample in {directory}; a sample is a folder of numbered frames "
            "(0.jpg, 1.jpg, ...) with a prompt.txt."
        )
    return found


def is_sample_folder(path: Path) -> bool:
    """Return whether a path is a sample: no folder that tools leave, none of kohya's with films."""
    if not path.is_dir() or path.name.startswith((".", "__")):
        return False
    return (
        kohya_folder(path) is None
        or (path / PROMPT_FILE).is_file()
        or not any(file.suffix.lower() in film_clips.SUFFIXES for file in path.iterdir())
    )


def write_sample(folder: Path, frames: Frames, prompt: str) -> None:
    """Write frames (f, h, w, 3) and their prompt to a new folder, as ``find_clips`` reads them."""
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index}.png")
    (folder / PROMPT_FILE).write_text(prompt + "\n", encoding="utf-8")


def read_samples(paths: Sequence[Path], read: Callable[[Path], Sample], *, skip: bool) -> SampleSet:
    """Read all samples, several at once; see ``find_clips`` for what becomes of a bad one."""
    found = SampleSet()
    with ThreadPoolExecutor() as pool:
        pending = [pool.submit(read, path) for path in paths]
        for path, job in zip(paths, pending, strict=True):
            try:
                found.samples.append(job.result())
            except BadSampleError as error:
                if not skip:
                    raise TrainingError(
                        f"The sample {path.name} can't be used: {error}; fix it, or leave such "
                        "samples out with --bad-samples skip."
                    ) from error
                reason = str(error).removeprefix(f"{path.name}: ")
                warn(f"Skipping the sample {path.name}: {reason}.")
                found.left_out.append((path.name, reason))
    return found


def read_prompt(path: Path) -> str:
    """Return the prompt in a file. Raises BadSampleError where there is none."""
    try:
        prompt = read_text(path).strip()
    except FileNotFoundError:
        raise BadSampleError(f"it has no {path.name}") from None
    except EncodingError as error:
        raise BadSampleError(f"its {path.name} {error}") from error
    except OSError as error:
        raise BadSampleError(f"its {path.name} can't be read ({error.strerror})") from error
    if not prompt:
        raise BadSampleError(f"its {path.name} is empty")
    return prompt


def read_common_size(files: Iterable[Path]) -> tuple[int, int]:
    """Decode every picture and return the size that they share. Raises BadSampleError."""
    sizes = {_open_image(file).size for file in files}
    if len(sizes) > 1:
        shown = " and ".join(f"{width} x {height}" for width, height in sorted(sizes)[:2])
        raise BadSampleError(f"its frames differ in size ({shown})")
    return sizes.pop()


def list_images(folder: Path) -> list[Path]:
    """Return the pictures of a folder, 2 before 10."""
    found = (file for file in folder.iterdir() if file.suffix.lower() in STILL_SUFFIXES)
    return sorted((file for file in found if not is_hidden(file)), key=natural_order)


def _read_clip(folder: Path, video_length: int | None) -> Sample:
    prompt = read_prompt(folder / PROMPT_FILE)
    files = _choose_frames(list_images(folder), video_length)
    size = read_common_size(files)
    facts = _read_facts(folder)
    return Sample(
        folder.name,
        tuple(files),
        prompt,
        size,
        facts.original_size or size,
        repeats=facts.repeats,
    )


def _choose_frames(files: list[Path], video_length: int | None) -> list[Path]:
    wanted = video_length or max(len(files), MIN_FRAMES)
    if len(files) < wanted:
        raise BadSampleError(f"it has {len(files)} of the {wanted} frames that it needs")
    if wanted > MAX_FRAMES:
        raise BadSampleError(
            f"it has {wanted} frames, but at most {MAX_FRAMES} are allowed; --video-length "
            f"{MAX_FRAMES} takes as many, evenly spread"
        )
    return [files[round(index)] for index in np.linspace(0, len(files) - 1, wanted)]


@dataclass(frozen=True, slots=True)
class _ClipFacts:
    """Says what is known of a clip beside its frames and prompt."""

    original_size: tuple[int, int] | None = None
    repeats: int = 1


def _read_facts(folder: Path) -> _ClipFacts:
    path = folder / FACTS_FILE
    if not path.is_file():
        return _ClipFacts()
    try:
        facts = parse_json(read_text(path))
    except (OSError, EncodingError, JsonError) as error:
        raise BadSampleError(f"its {FACTS_FILE} can't be read ({error})") from error
    match facts:
        case {"original_size": [int(width), int(height)], **others}:
            repeats = others.get("repeats", 1)
            if isinstance(repeats, int):
                return _ClipFacts((width, height), max(1, repeats))
    raise BadSampleError(f"its {FACTS_FILE} can't be read (a value is missing, or isn't a number)")


def _open_image(file: Path) -> Image.Image:
    try:
        return read_still(file)
    except MediaError as error:
        raise BadSampleError(f"{file.name}: {str(error).removesuffix('.')}") from error
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise BadSampleError(f"{file.name}: it isn't a picture that can be read") from error
