"""One way to read every source: told by its bytes, opened by the decoder of its kind.

Nothing is decoded by opening, but for what a film's facts need. Whatever is hostile belongs into
the limited process of ``generator.sources.decoder_process``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image

from generator.contract.errors import MediaError
from generator.media.containers import BrokenFileError, read_head, sniff
from generator.sources.facts import Facts
from generator.sources.gif_decoder import open_gif
from generator.sources.picture_decoder import open_directory, open_pictures
from generator.sources.refusals import unsupported_reason

MAX_FILE_BYTES = 256 << 20
FILMS = ("mp4", "webm")


class Source(Protocol):
    """Frames that can be read one at a time, so that memory doesn't grow with the source."""

    @property
    def facts(self) -> Facts:
        """What people see of the source; not checked yet."""

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``, which must rise."""


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """A source whose ``frames`` raise BrokenFileError for whatever a decoder raises."""

    source: Source
    is_film: bool

    @property
    def facts(self) -> Facts:
        """What people see of the source; not checked yet."""
        return self.source.facts

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``, which must rise."""
        with _broken_by_any_error():
            yield from self.source.frames(wanted)


def open_source(path: Path) -> OpenedSource:
    """Open a file, or a directory of numbered pictures, by the decoder of its kind.

    Raises MediaError for what can't be used, BrokenFileError for what is damaged, and nothing else
    but MemoryError.
    """
    with _broken_by_any_error():
        return _open(path)


@contextmanager
def _broken_by_any_error() -> Iterator[None]:
    try:
        yield
    except (MediaError, BrokenFileError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they like for a damaged file
        raise BrokenFileError(f"{type(error).__name__}: {error}") from error


def _open(path: Path) -> OpenedSource:
    if path.is_dir():
        return OpenedSource(open_directory(path), is_film=False)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise MediaError(
            "The file is larger than {most} MiB; make it shorter.", most=MAX_FILE_BYTES >> 20
        )
    head = read_head(path)
    kind = sniff(head)
    if kind is None:
        raise MediaError(unsupported_reason(head))
    if kind in FILMS:
        from generator.sources.film_decoder import open_film  # as much as all else together

        return OpenedSource(open_film(path, kind), is_film=True)
    source = open_gif(path) if kind == "gif" else open_pictures(path, kind)
    return OpenedSource(source, is_film=False)
