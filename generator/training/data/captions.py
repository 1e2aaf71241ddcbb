"""Captions that people wrote of their pictures and films: in sidecar files, or in one list of all.

``0.txt`` or ``0.caption`` beside ``0.png``, in any case; ``metadata.jsonl`` or ``metadata.csv``, as
the hub's image folders have them, in the data directory or in the folder of the files. A list comes
before a file beside. Knows nothing of trigger words.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from generator.contract.errors import TrainingError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.text_files import EncodingError, read_text
from generator.training.data.folder import CAPTION_SUFFIXES, FolderScan, LeftOut
from generator.training.data.samples import read_prompt

LIST_FILES = ("metadata.jsonl", "metadata.csv")
# Without "_", "-" and capitals: data sets agree on what they say, and not on how it is spelt.
_NAME_KEYS = ("filename", "file", "filepath", "path", "image", "imagepath", "imagefile", "video",
              "videopath", "videofile", "key")  # fmt: skip
_TEXT_KEYS = ("text", "caption", "captions", "prompt", "description", "additionalfeature")
_ANYWHERE = "//"  # before a bare name; no place below the root begins so


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of a list: the file that it names, and what it says of it."""

    name: str
    texts: tuple[str, ...]


@dataclass
class CaptionIndex:
    """The captions of one data directory, from its lists and its sidecar files."""

    root: Path
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _sidecars: dict[str, Path] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, root: Path, scan: FolderScan, list_file: Path | None = None) -> CaptionIndex:
        """Read the lists of a scan, or ``list_file`` in their place. Raises TrainingError."""
        captions = cls(root)
        lists = [path for path in scan.caption_files if path.name.lower() in LIST_FILES]
        for path in [list_file] if list_file else lists:
            base = root if list_file else path.parent
            for entry in _read_list(path):
                captions._entries[captions._key(base, entry.name)] = entry
        captions._sidecars = {
            _folded(path.relative_to(root).as_posix()): path
            for path in scan.caption_files
            if path not in lists
        }
        return captions

    def captions_for(self, path: Path) -> tuple[str, ...]:
        """Return all texts about a file, each as it was written; none where nothing is.

        Raises BadSampleError where its file can't be read, or is empty.
        """
        for key in self._keys(path):
            if key in self._entries:
                self._used.add(key)
                if self._entries[key].texts:
                    return self._entries[key].texts
        for key in self._sidecar_names(path):
            if key in self._sidecars:
                self._used.add(key)
                return (read_prompt(self._sidecars[key]),)
        return ()

    def unused(self) -> Iterator[LeftOut]:
        """Yield the captions of no file that was asked for, once all were."""
        for key, path in self._sidecars.items():
            if key not in self._used:
                name = path.relative_to(self.root).as_posix()
                yield name, "a caption of no file here, or of one that has another"
        for key, entry in self._entries.items():
            if key not in self._used:
                yield entry.name, "named in a list of captions, but not there"

    def _key(self, base: Path, name: str) -> str:
        """Return a listed file's path below the root; its bare name if it isn't there."""
        place = PurePosixPath(name.replace("\\", "/"))
        path = base / place
        if place.is_absolute() or ".." in place.parts or not _is_file(path):
            return _ANYWHERE + _folded(place.name)
        return _folded(path.relative_to(self.root).as_posix())

    def _keys(self, path: Path) -> tuple[str, str]:
        return _folded(path.relative_to(self.root).as_posix()), _ANYWHERE + _folded(path.name)

    def _sidecar_names(self, path: Path) -> Iterator[str]:
        place = path.relative_to(self.root)
        for suffix in CAPTION_SUFFIXES:
            yield _folded(place.with_suffix(suffix).as_posix())
        for suffix in CAPTION_SUFFIXES:  # as some downloaders write them: 0.png.txt
            yield _folded(f"{place.as_posix()}{suffix}")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for any file
        return False


def _folded(name: str) -> str:
    """Return one spelling for names that differ in capitals, or in how macOS writes an accent."""
    return unicodedata.normalize("NFC", name).casefold()


def _read_list(path: Path) -> list[_Entry]:
    """Read a list's entries. Raises TrainingError for a line that makes no sense."""
    try:
        text = read_text(path)
    except EncodingError as error:
        raise TrainingError(f"{path} {error}.") from error
    except OSError as error:
        raise TrainingError(f"{path} can't be read ({error.strerror}).") from error
    rows = _csv_rows(path, text) if path.suffix.lower() == ".csv" else _json_rows(path, text)
    return [_entry(path, number, row) for number, row in rows]


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    # Not splitlines: a caption may hold what Unicode calls a line's end.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, parse_json(line)
            except JsonError:
                raise _bad_line(path, number) from None


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error:
        raise _bad_line(path, rows.line_num) from None


def _entry(path: Path, number: int, row: Any) -> _Entry:
    if not isinstance(row, Mapping):
        raise _bad_line(path, number)
    values = {_plain_key(key): value for key, value in row.items()}
    name = next((values[key] for key in _NAME_KEYS if isinstance(values.get(key), str)), "")
    given = [values[key] for key in _TEXT_KEYS if key in values]
    if not name.strip() or not _is_text(name) or not given:
        raise _bad_line(path, number)
    first = next((value for value in given if value), None)
    texts = [first] if isinstance(first, str) else first or []
    if not isinstance(texts, list) or not all(map(_is_text, texts)):
        raise _bad_line(path, number)
    return _Entry(name.strip(), tuple(_stripped(texts)))


def _plain_key(key: object) -> str:
    return str(key).lower().replace("_", "").replace("-", "").replace(" ", "")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _stripped(texts: Iterable[str]) -> Iterator[str]:
    return filter(None, (text.strip() for text in texts))


def _bad_line(path: Path, number: int) -> TrainingError:
    return TrainingError(
        f"Line {number} of {path.name} isn't a caption; write lines such as "
        '{"file_name": "ball.gif", "text": "a red ball bouncing"}'
        + (", or columns file_name and text." if path.suffix.lower() == ".csv" else ".")
    )
