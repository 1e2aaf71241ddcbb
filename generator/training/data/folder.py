"""What lies in a data directory: the files to learn from, and what is left out, with the reason.

Knows kohya's folders: what lies in ``10_sks ring`` counts ten times in an epoch, and where it has
no caption of its own, "sks ring" is what it shows. Opens no file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.sources.pictures import by_number

CAPTION_SUFFIXES = (".txt", ".caption")
_OF_CAPTIONS = (*CAPTION_SUFFIXES, ".jsonl", ".csv")
_KOHYA = re.compile(r"(\d{1,6})_(.*\S.*)")
_OF_WINDOWS = ("thumbs.db", "desktop.ini")

# Where a caption comes from.
FROM_FILE, FROM_FOLDER = "captions from files", "the words of their folder alone"
TRIGGER = "the trigger alone"
SOURCES = (FROM_FILE, FROM_FOLDER, TRIGGER)

LeftOut = tuple[str, str]  # a name below the data directory, and why


@dataclass(frozen=True, slots=True)
class Material:
    """One file to learn from. ``words`` are those of the folder that it lies in, if any."""

    path: Path
    repeats: int = 1
    words: str = ""


@dataclass
class Stock:
    """A data directory's files; ``beside`` are the others that may be captions."""

    material: list[Material] = field(default_factory=list)
    beside: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def take_stock(
    directory: Path,
    suffixes: Sequence[str],
    what: str,
    *,
    passes: Callable[[Path], bool] = lambda _: False,
) -> Stock:
    """The files of ``suffixes``, ``what`` ("picture") for a person, in the order of their numbers.

    Folders that ``passes`` is true of are somebody else's to read, and not named.
    """
    stock = Stock()
    for made in _walk(directory, passes):
        suffix, reason = made.path.suffix.lower(), _unfit(made)
        if not reason and suffix in suffixes:
            stock.material.append(made)
        elif not reason and suffix in _OF_CAPTIONS:
            stock.beside.append(made.path)
        else:
            name = made.path.relative_to(directory).as_posix()
            stock.left_out.append((name, reason or f"not a {what}"))
    return stock


def kohya_folder(path: Path) -> tuple[int, str] | None:
    """Repeats and words of a folder such as ``10_sks ring``; None for any other."""
    found = _KOHYA.fullmatch(path.name)
    return (int(found[1]), found[2].strip()) if found and path.is_dir() else None


def summary(
    what: str, captioned: Counter[str], seen: int, left_out: Sequence[LeftOut]
) -> list[str]:
    """What a run begins with, for a person.

    ``captioned`` is how many files of ``what`` ("picture") have their captions from where, ``seen``
    how many there are in an epoch.
    """
    count = captioned.total()
    repeats = f" ({seen} with their folders' repeats)" if seen != count else ""
    sources = ", ".join(
        f"{captioned[source]} with {source}" for source in SOURCES if source in captioned
    )
    left = f"{_counted(len(left_out), 'file')} left out" + (":" if left_out else ".")
    return [f"{_counted(count, what)}{repeats}: {sources}; {left}", *_by_reason(left_out)]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _by_reason(left_out: Sequence[LeftOut], *, most: int = 5) -> list[str]:
    """A line for each reason, with the first ``most`` of its names."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in left_out:
        by_reason.setdefault(reason, []).append(name)
    return [
        f"  {', '.join(names[:most])}"
        + (f" and {len(names) - most} more" if len(names) > most else "")
        + f": {reason}"
        for reason, names in by_reason.items()
    ]


def _walk(directory: Path, passes: Callable[[Path], bool]) -> Iterator[Material]:
    """What people may mean to be used: files, folders, and what lies in kohya's folders."""
    for path in sorted(directory.iterdir(), key=by_number):
        if _is_hidden(path) or passes(path):
            continue
        repeats, words = kohya_folder(path) or (1, "")
        if not words:
            yield Material(path)
            continue
        for file in sorted(path.iterdir(), key=by_number):
            if not _is_hidden(file):
                yield Material(file, repeats, words)


def _is_hidden(path: Path) -> bool:
    """What systems and tools keep for themselves; macOS's ``._`` files look like people's own."""
    name = path.name.lower()
    hidden = name.startswith((".", "__")) and not name.startswith("._")
    return hidden or name in _OF_WINDOWS


def _unfit(made: Material) -> str:
    """Why it can't be used, whatever its suffix is; empty if it may be."""
    if made.path.name.startswith("._"):
        return "macOS's notes about another file"
    if made.path.is_dir():
        return "a folder whose name isn't a number of repeats and words (10_sks ring)"
    return "" if made.repeats else "its folder says 0 repeats"
