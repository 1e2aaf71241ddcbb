"""The frames of MP4, QuickTime, WebM and Matroska as players show them, by ffmpeg.

Upright, with square pixels, 8 bits, on white where they are transparent, HDR brought down. Frames
are chosen by their time, so that decoding can begin at the nearest key frame of a film of any
length. Runs inside the limited decoder process, but for this package's own files.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from generator.media.containers import BrokenFileError
from generator.sources import ffmpeg
from generator.sources.facts import Facts
from generator.sources.film_timeline import Head, Timeline, read_head, read_timeline
from generator.sources.pixels import as_displayed

_SEEK_PIXELS = 8_000_000  # to decode as many costs as much as to start ffmpeg once more
_MOST_STRETCHES = 32  # of one run: ffmpeg's expressions hold a hundred terms
_HD_HEIGHT = 720  # from here on players take a film that names no matrix for BT.709

Stretch = tuple[int, int]
"""The first and the last of frames that follow each other."""


@dataclass(frozen=True, slots=True)
class Film:
    """A film that can be read; made by ``open_film``."""

    path: Path
    kind: str
    head: Head
    timeline: Timeline

    @property
    def facts(self) -> Facts:
        """The film's size and delays as they are seen."""
        return Facts(self.head.width, self.head.height, self.timeline.delays_ms)

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``, which must rise.

        Raises BrokenFileError where one can't be decoded.
        """
        for run in self._runs(_stretches(wanted)):
            indices = [index for first, last in run for index in range(first, last + 1)]
            done = 0
            for picture in self._decode(run, seeks=True):
                yield picture
                done += 1
            if done < len(indices):  # a file whose index misleads is read from its beginning
                done += yield from self._decode_counted(_stretches(indices[done:]))
            if done < len(indices):
                raise BrokenFileError("the film ends early")

    def _decode_counted(self, run: Sequence[Stretch]) -> Generator[Image.Image, None, int]:
        count = 0
        for picture in self._decode(run, seeks=False):
            yield picture
            count += 1
        return count

    def _decode(self, run: Sequence[Stretch], *, seeks: bool) -> Iterator[Image.Image]:
        """Yield frames as they come; fewer than ``run`` has where ffmpeg doesn't find them."""
        count = sum(last + 1 - first for first, last in run)
        first, keys = self.timeline.starts[run[0][0]], self.timeline.keys
        before: tuple[str, ...] = ()
        if seeks and len(keys) > 1 and first >= keys[1]:
            before = ("-noaccurate_seek", "-seek_timestamp", "1", "-ss", _seconds(first))
        output = ("-fps_mode", "passthrough", "-enc_time_base", "demux", "-frames:v", str(count))
        words = _command(self.path, self.kind, self.head, self._select(run), *output, before=before)
        return itertools.islice(_pictures(words, self.head), count)

    def _select(self, run: Sequence[Stretch]) -> str:
        """Return an expression of ffmpeg's that is true for the frames of ``run``."""
        starts = self.timeline.starts
        least = min(
            (after - before for before, after in itertools.pairwise(starts)), default=Fraction(1)
        )
        terms = (
            f"between(t,{_seconds(starts[first] - least / 2)},{_seconds(starts[last] + least / 2)})"
            for first, last in run
        )
        once = "(isnan(prev_selected_t)+gt(t,prev_selected_t))"  # of two at one moment, one is seen
        return f"select='({'+'.join(terms)})*{once}'"

    def _runs(self, stretches: Sequence[Stretch]) -> Iterator[Sequence[Stretch]]:
        """Yield what one start of ffmpeg decodes.

        It goes on unless a key frame far ahead is nearer.
        """
        run: list[Stretch] = []
        for stretch in stretches:
            if run and (len(run) == _MOST_STRETCHES or self._is_far(run[-1][1], stretch[0])):
                yield run
                run = []
            run.append(stretch)
        if run:
            yield run

    def _is_far(self, here: int, there: int) -> bool:
        starts, keys = self.timeline.starts, self.timeline.keys
        key = bisect_right(keys, starts[there]) - 1
        if key < 0:
            return False
        skipped = bisect_right(starts, keys[key]) - 1 - here
        return skipped * self.head.width * self.head.height > _SEEK_PIXELS


def open_film(path: Path, kind: str) -> Film:
    """Open a film of ``kind`` mp4 or webm (see ``containers.sniff``).

    Raises BrokenFileError, or MediaError for far too many frames.
    """
    return Film(path, kind, *read_timeline(path, kind))


def frames_at_rate(path: Path, kind: str, per_second: float) -> Iterator[Image.Image]:
    """Yield RGB pictures of a whole film of any length, so many a second whatever its own rate.

    Raises BrokenFileError where none can be read.
    """
    head = read_head(path, kind)
    count = 0
    for picture in _pictures(_command(path, kind, head, f"fps={per_second:g}"), head):
        yield picture
        count += 1
    if not count:
        raise BrokenFileError("the film can't be decoded")


def _command(
    path: Path, kind: str, head: Head, chosen: str, *output: str, before: tuple[str, ...] = ()
) -> list[str]:
    """Return the command line that decodes the frames which the filter ``chosen`` lets through."""
    scale = f"scale={head.width}:{head.height}"
    if head.matrix == "unknown" and head.height >= _HD_HEIGHT:
        scale += ":in_color_matrix=bt709"
    decoder = ("-c:v", head.decoder) if head.decoder else ()
    return ffmpeg.command(
        path,
        kind,
        *("-map", head.stream, "-vf", f"{chosen},{scale},format=rgb24|rgba", *output),
        *("-c:v", "pam", "-threads", "1", "-f", "image2pipe", "pipe:1"),
        before=(*before, *decoder),
    )


def _pictures(words: list[str], head: Head) -> Iterator[Image.Image]:
    """Yield what ffmpeg writes, as people see it. Raises BrokenFileError where it fails."""
    with ffmpeg.start(words) as process:
        try:
            while picture := ffmpeg.read_pam(process.stdout):
                shown = as_displayed(picture)
                yield _tone_mapped(shown, head.transfer) if head.is_hdr else shown
            if process.wait() != 0:
                raise BrokenFileError("the film can't be decoded to its end")
        finally:
            process.kill()


def _tone_mapped(picture: Image.Image, transfer: str) -> Image.Image:
    from generator.sources.tone_mapping import tone_map  # NumPy, which few films need

    return tone_map(picture, transfer)


def _stretches(wanted: Sequence[int]) -> list[Stretch]:
    found: list[Stretch] = []
    for index in wanted:
        if found and index == found[-1][1] + 1:
            found[-1] = found[-1][0], index
        else:
            found.append((index, index))
    return found


def _seconds(time: Fraction) -> str:
    return f"{float(time):.7f}"
