"""Pictures of a subject or in a style, with captions of their own or one trigger word for all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from generator.contract.errors import TrainingError
from generator.media.containers import STILL_SUFFIXES
from generator.training.data.captions import Captions
from generator.training.data.folder import FROM_FILE, FROM_FOLDER, TRIGGER, Material, take_stock
from generator.training.data.samples import BadSampleError, Found, Sample, read_sizes, usable
from generator.training.settings import SKIP


def find_pictures(directory: Path, *, trigger: str | None, bad_samples: str) -> Found:
    """The pictures of a directory. Raises TrainingError where none can be used; see ``usable``.

    Captions are the lines of NAME.txt or NAME.caption beside NAME.png, or what a list says of it
    (``captions``), of which one is drawn each time; each gets the trigger in front where it lacks
    it. Without any, the words of kohya's folders, or else the trigger, are all that is said.
    """
    stock = take_stock(directory, STILL_SUFFIXES, "picture that can be read")
    captions = Captions.of(directory, stock)
    material = {made.path: made for made in stock.material}
    found = usable(
        list(material),
        lambda path: _read(material[path], captions, trigger),
        skip=bad_samples == SKIP,
    )
    if not found:
        raise TrainingError(
            f"There is no usable picture in {directory}; put 5 to 30 pictures of the subject in it."
        )
    found.left_out[:0] = [*stock.left_out, *captions.unused()]
    return found


def _read(made: Material, captions: Captions, trigger: str | None) -> Sample:
    path = made.path
    size = read_sizes([path])
    written = [line.strip() for text in captions.of_file(path) for line in text.splitlines()]
    (first, *others), captioned = _prompts(made, list(filter(None, written)), trigger)
    return Sample(path.name, (path,), first, size, size, tuple(others), made.repeats, captioned)


def _prompts(made: Material, written: Sequence[str], trigger: str | None) -> tuple[list[str], str]:
    """All that may be said of a picture, and where it comes from."""
    if written:
        return [_with_trigger(line, trigger) for line in written], FROM_FILE
    if made.words:
        return [_with_trigger(made.words, trigger)], FROM_FOLDER
    if trigger is None:
        wanted = made.path.with_suffix(".txt").name
        raise BadSampleError(f"it has no {wanted}, and no --trigger says what it shows")
    return [trigger], TRIGGER


def _with_trigger(caption: str, trigger: str | None) -> str:
    if trigger is None or re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", caption, re.IGNORECASE):
        return caption
    return f"{trigger}, {caption}"
