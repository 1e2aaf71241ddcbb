"""Scans a data directory: the files to learn from, and what is left out, with the reason.

Knows kohya's folders: what lies in ``10_sks ring`` counts ten times in an epoch, and where it has
no caption of its own, "sks ring" is what it shows. Opens no file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.sources.picture_decoder import natural_order

CAPTION_SUFFIXES = (".txt", ".caption")
_CAPTION_FILE_SUFFIXES = (*CAPTION_SUFFIXES, ".jsonl", ".csv")
_KOHYA = re.compile(r"(\d{1,6})_(.*\S.*)")
_WINDOWS_FILES = ("thumbs.db", "desktop.ini")

# Where a caption comes from.
FROM_FILE, FROM_FOLDER = "captions from files", "the words of their folder alone"
FROM_TRIGGER = "the trigger alone"
CAPTION_SOURCES = (FROM_FILE, FROM_FOLDER, FROM_TRIGGER)

LeftOut = tuple[str, str]  # a name below the data directory, and why


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to learn from. ``folder_caption`` is what the words of its folder say, if any."""

    path: Path
    repeats: int = 1
    folder_caption: str = ""


@dataclass
class FolderScan:
    """A data directory's files; ``caption_files`` are the others that may be captions."""

    source_files: list[SourceFile] = field(default_factory=list)
    caption_files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def scan_folder(
    directory: Path,
    suffixes: Sequence[str],
    what: str,
    *,
    is_skipped: Callable[[Path], bool] = lambda _: False,
) -> FolderScan:
    """Return the files of ``suffixes``, called ``what`` ("picture"), in the order of their numbers.

    Folders that ``is_skipped`` is true of are somebody else's to read, and not named.
    """
    scan = FolderScan()
    for source in _walk(directory, is_skipped):
        suffix, reason = source.path.suffix.lower(), _reason_unfit(source)
        if not reason and suffix in suffixes:
            scan.source_files.append(source)
        elif not reason and suffix in _CAPTION_FILE_SUFFIXES:
            scan.caption_files.append(source.path)
        else:
            name = source.path.relative_to(directory).as_posix()
            scan.left_out.append((name, reason or f"not a {what}"))
    return scan


def kohya_folder(path: Path) -> tuple[int, str] | None:
    """Return repeats and words of a folder such as ``10_sks ring``; None for any other."""
    found = _KOHYA.fullmatch(path.name)
    return (int(found[1]), found[2].strip()) if found and path.is_dir() else None


def summary_lines(
    what: str, captioned: Counter[str], seen: int, left_out: Sequence[LeftOut]
) -> list[str]:
    """Return the lines that a run begins with: what it found, what it left out and why.

    ``captioned`` is how many files of ``what`` ("picture") have their captions from where, ``seen``
    how many there are in an epoch.
    """
    count = captioned.total()
    repeats = f" ({seen} with their folders' repeats)" if seen != count else ""
    sources = ", ".join(
        f"{captioned[source]} with {source}" for source in CAPTION_SOURCES if source in captioned
    )
    left = f"{_count(len(left_out), 'file')} left out" + (":" if left_out else ".")
    return [f"{_count(count, what)}{repeats}: {sources}; {left}", *_by_reason(left_out)]


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _by_reason(left_out: Sequence[LeftOut], *, most: int = 5) -> list[str]:
    """Return a line for each reason, with the first ``most`` of its names."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out:
        by_reason.setdefault(reason, []).append(name)
    return [
        f"  {', '.join(names[:most])}"
        + (f" and {len(names) - most} more" if len(names) > most else "")
        + f": {reason}"
        for reason, names in by_reason.items()
    ]


def _walk(directory: Path, is_skipped: Callable[[Path], bool]) -> Iterator[SourceFile]:
    """Yield what people may mean to be used: files, folders, and what lies in kohya's folders."""
    for path in sorted(directory.iterdir(), key=natural_order):
        if _is_hidden(path) or is_skipped(path):
            continue
        repeats, folder_caption = kohya_folder(path) or (1, "")
        if not folder_caption:
            yield SourceFile(path)
            continue
        for file in sorted(path.iterdir(), key=natural_order):
            if not _is_hidden(file):
                yield SourceFile(file, repeats, folder_caption)


def _is_hidden(path: Path) -> bool:
    """Return whether it is a system's or tool's; macOS's ``._`` files look like people's own."""
    name = path.name.lower()
    hidden = name.startswith((".", "__")) and not name.startswith("._")
    return hidden or name in _WINDOWS_FILES


def _reason_unfit(source: SourceFile) -> str:
    """Return why a file can't be used, whatever its suffix is; empty if it may be."""
    if source.path.name.startswith("._"):
        return "macOS's notes about another file"
    if source.path.is_dir():
        return "a folder whose name isn't a number of repeats and words (10_sks ring)"
    return "" if source.repeats else "its folder says 0 repeats"
