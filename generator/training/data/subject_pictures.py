"""Pictures of a subject or in a style, with captions of their own or one trigger word for all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from generator.contract.errors import TrainingError
from generator.media.containers import STILL_SUFFIXES
from generator.training.data.captions import CaptionIndex
from generator.training.data.folder import (
    FROM_FILE,
    FROM_FOLDER,
    FROM_TRIGGER,
    SourceFile,
    scan_folder,
)
from generator.training.data.samples import (
    BadSampleError,
    Sample,
    SampleSet,
    read_common_size,
    read_samples,
)
from generator.training.settings import SKIP


def find_pictures(directory: Path, *, trigger: str | None, bad_samples: str) -> SampleSet:
    """Return the pictures of a directory. Raises TrainingError where none can be used.

    Captions are the lines of NAME.txt or NAME.caption beside NAME.png, or what a list says of it
    (``captions``), of which one is drawn each time; each gets the trigger in front where it lacks
    it. Without any, the words of kohya's folders, or else the trigger, are all that is said.
    """
    scan = scan_folder(directory, STILL_SUFFIXES, "picture that can be read")
    captions = CaptionIndex.of(directory, scan)
    sources = {source.path: source for source in scan.source_files}
    found = read_samples(
        list(sources),
        lambda path: _read(sources[path], captions, trigger),
        skip=bad_samples == SKIP,
    )
    if not found:
        raise TrainingError(
            f"There is no usable picture in {directory}; put 5 to 30 pictures of the subject in it."
        )
    found.left_out[:0] = [*scan.left_out, *captions.unused()]
    return found


def _read(source: SourceFile, captions: CaptionIndex, trigger: str | None) -> Sample:
    path = source.path
    size = read_common_size([path])
    written = [line.strip() for text in captions.captions_for(path) for line in text.splitlines()]
    (first, *others), caption_source = _prompts(source, list(filter(None, written)), trigger)
    return Sample(
        path.name, (path,), first, size, size, tuple(others), source.repeats, caption_source
    )


def _prompts(
    source: SourceFile, written: Sequence[str], trigger: str | None
) -> tuple[list[str], str]:
    """Return all prompts that a picture may have, and where they come from."""
    if written:
        return [_with_trigger(line, trigger) for line in written], FROM_FILE
    if source.folder_caption:
        return [_with_trigger(source.folder_caption, trigger)], FROM_FOLDER
    if trigger is None:
        wanted = source.path.with_suffix(".txt").name
        raise BadSampleError(f"it has no {wanted}, and no --trigger says what it shows")
    return [trigger], FROM_TRIGGER


def _with_trigger(caption: str, trigger: str | None) -> str:
    if trigger is None or re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", caption, re.IGNORECASE):
        return caption
    return f"{trigger}, {caption}"
