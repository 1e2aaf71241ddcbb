"""Pictures of a subject or in a style, with captions beside them or one trigger word for all."""

from __future__ import annotations

import re
from pathlib import Path

from generator.errors import TrainingError
from generator.training.samples import (
    BadSampleError,
    Sample,
    pictures_in,
    read_prompt,
    read_sizes,
    usable,
)
from generator.training.settings import SKIP


def find_pictures(directory: Path, *, trigger: str | None, bad_samples: str) -> list[Sample]:
    """The pictures of a directory. Raises TrainingError where none can be used; see ``usable``.

    Captions are the lines of NAME.txt beside NAME.png, of which one is drawn each time; each gets
    the trigger in front where it lacks it. Without a file, the trigger is all that is said.
    """
    found = usable(
        pictures_in(directory), lambda path: _read(path, trigger), skip=bad_samples == SKIP
    )
    if not found:
        raise TrainingError(
            f"There is no usable picture in {directory}; put 5 to 30 pictures of the subject in it."
        )
    return found


def _read(path: Path, trigger: str | None) -> Sample:
    size = read_sizes([path])
    first, *others = _captions(path.with_suffix(".txt"), trigger)
    return Sample(path.name, (path,), first, size, size, tuple(others))


def _captions(path: Path, trigger: str | None) -> list[str]:
    if not path.is_file():
        if trigger is None:
            raise BadSampleError(f"it has no {path.name}, and no --trigger says what it shows")
        return [trigger]
    lines = [line.strip() for line in read_prompt(path).splitlines()]
    return [_with_trigger(line, trigger) for line in lines if line]


def _with_trigger(caption: str, trigger: str | None) -> str:
    if trigger is None or re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", caption, re.IGNORECASE):
        return caption
    return f"{trigger}, {caption}"
