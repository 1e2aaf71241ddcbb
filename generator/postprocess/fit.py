"""A clip into a file of at most so many bytes, and what had to be given up for it. Free of torch.

Steps down a ladder for each format: first what is hardly seen (colours, grain, quality), then every
other frame, then size. The highest step that fits is found by halving, so a few encodings do.

    fitted = fit(clip, ".gif", 10_000_000)
    path.write_bytes(fitted.data)
    print(fitted.given_up)      # () for nothing, or 64 of 256 colours, every other frame

For a process of its own, as encoding takes seconds of computing:

    python -m generator.postprocess.fit MASTER DIRECTORY --max-bytes N

reads a GIF, WebP, MP4, PNG or JPEG, writes the smaller copy into DIRECTORY under the same name,
with the same comment, and prints one line of JSON: ``file``, ``size_bytes`` and ``given_up``
(Texts, none where the file fitted as it was). A GIF or PNG that can't be made small enough becomes
a WebP or an MP4. What goes wrong is one line on standard error, and exit code 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from generator.contract.errors import HotshotError, MediaError
from generator.contract.text import Text
from generator.media import (
    apng_encoder,
    gif_encoder,
    jpeg_encoder,
    mp4_encoder,
    webp_encoder,
)
from generator.media.clip import Clip
from generator.media.comment import kept_comment, with_comment
from generator.media.output import write_whole
from generator.sources.reader import read

_Encode = Callable[[Clip], bytes]
_SCALES = (0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
_MIN_EDGE = 16  # pixels
_STILLS = (".jpg", ".jpeg")
_EVERY_OTHER = Text("every other frame left out")
_ONE_IN = Text("only 1 frame in {count} kept")
_INSTEAD = {".gif": (".webp", ".mp4"), ".png": (".webp", ".mp4")}  # what packs tighter


@dataclass(frozen=True, slots=True)
class Fitted:
    """A whole file, and what it lacks that it could have had, in words for a person."""

    data: bytes
    given_up: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class _Rung:
    encode: _Encode
    given_up: tuple[Text, ...] = ()
    every: int = 1
    scale: float = 1.0

    def file(self, clip: Clip) -> bytes:
        """Return the clip's file at this rung."""
        return self.encode(_scaled(clip.every(self.every), self.scale))


def fit(
    clip: Clip,
    suffix: str,
    max_bytes: int | None,
    comment: str = "",
    *,
    keeps_size: bool = False,
) -> Fitted:
    """Return the best file of format ``suffix`` (one of ``output.SUFFIXES``) within ``max_bytes``.

    ``comment`` is kept inside it, and given up last. No ``max_bytes`` is the best there is. With
    ``keeps_size`` it gives up more frames instead of pixels. Raises MediaError where even the
    smallest is too large.
    """
    ladder = list(_ladder(suffix, clip, keeps_size=keeps_size))
    best = with_comment(ladder[0].file(clip), comment)
    if max_bytes is None or len(best) <= max_bytes:
        return Fitted(best, ())
    fitting, below, above = None, len(ladder), 1
    while above < below:
        middle = (above + below) // 2
        data = with_comment(ladder[middle].file(clip), comment)
        if len(data) <= max_bytes:
            fitting, below = Fitted(data, ladder[middle].given_up), middle
        else:
            above = middle + 1
    return fitting or _without_comment(clip, ladder[-1], max_bytes, comment)


def fit_file(original: Path, directory: Path, max_bytes: int) -> tuple[Path, Fitted]:
    """Write a copy of ``original`` that fits into ``directory``; return its path and what it lacks.

    It is written whole under the same name, or in another format under that format's suffix where
    its own can't be made small enough.

    Raises MediaError where ``original`` can't be read, or can't be made to fit.
    """
    try:
        data = original.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise MediaError(
            "{path} can't be read ({reason}).", path=original, reason=reason
        ) from error
    if len(data) <= max_bytes:
        fitted, suffix = Fitted(data, ()), original.suffix
    else:
        source = read(original)
        clip = Clip.timed(source.frames, source.delays_ms)
        fitted, suffix = _fit_somehow(clip, original.suffix.lower(), max_bytes, kept_comment(data))
    output = directory / f"{original.stem}{suffix}"
    write_whole(output, fitted.data)
    return output, fitted


def _fit_somehow(clip: Clip, suffix: str, max_bytes: int, comment: str) -> tuple[Fitted, str]:
    """Return a file in its own format, or in one that packs tighter, and its suffix."""
    refused: MediaError | None = None
    for tried in (suffix, *_INSTEAD.get(suffix, ())):
        try:
            fitted = fit(clip, tried, max_bytes, comment)
        except MediaError as error:
            refused = refused or error
            continue
        lost = () if tried == suffix else (Text("saved as {name}", name=tried[1:].upper()),)
        return Fitted(fitted.data, (*lost, *fitted.given_up)), tried
    raise refused or MediaError(f"{suffix} files can't be made smaller.")


def _without_comment(clip: Clip, rung: _Rung, max_bytes: int, comment: str) -> Fitted:
    data = rung.file(clip)
    if comment and len(data) <= max_bytes:
        return Fitted(data, (*rung.given_up, Text("the recipe left out")))
    raise MediaError(
        f"It can't be made to fit {max_bytes:,} bytes, and would have {len(data):,} at the least; "
        "allow more, or ask for fewer frames or a smaller size."
    )


def _ladder(suffix: str, clip: Clip, *, keeps_size: bool) -> Iterator[_Rung]:
    """Yield rungs from the best down, each step smaller than the one before."""
    qualities = _QUALITIES[suffix]
    for encode, words in qualities:
        yield _Rung(encode, words)
    encode, words = qualities[-1]
    every, fewer = 1, _fewer_frames(len(clip.frames), keeps_size=keeps_size)
    for every in fewer if suffix not in _STILLS else ():
        lost = _ONE_IN.with_values(count=every) if every > 2 else _EVERY_OTHER
        yield _Rung(encode, (*words, lost), every)
    if keeps_size:
        return
    words = (*words, _EVERY_OTHER) if every > 1 else words
    for scale in _SCALES:
        if min(clip.width, clip.height) * scale >= _MIN_EDGE:
            yield _Rung(encode, (*words, Text("scaled to {share:.0%}", share=scale)), every, scale)


def _fewer_frames(count: int, *, keeps_size: bool) -> range:
    """Return of how many frames one is left, step by step; two of all are left at the least."""
    if count < 4:
        return range(0)
    return range(2, (count + 1) // 2 + 1) if keeps_size else range(2, 3)


def _scaled(clip: Clip, scale: float) -> Clip:
    if scale == 1:
        return clip
    size = (max(1, round(clip.width * scale)), max(1, round(clip.height * scale)))
    smaller = [
        np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
        for frame in clip.frames
    ]
    return clip.with_frames(np.stack(smaller))


def _gif_qualities() -> Iterator[tuple[_Encode, tuple[Text, ...]]]:
    yield gif_encoder.encode, ()
    for colours, lossy in ((128, 0), (64, 0), (64, 6), (64, 12), (32, 16), (32, 24)):
        words = [Text("{colours} instead of 256 colours", colours=colours)]
        words += [Text("less fine grain (lossy {lossy})", lossy=lossy)] if lossy else []
        yield partial(gif_encoder.encode, colours=colours, lossy=lossy), tuple(words)


def _by_number(
    encode: Callable[..., bytes], name: str, values: Sequence[int], words: Text
) -> tuple[tuple[_Encode, tuple[Text, ...]], ...]:
    """Return an encoder at its best, and then with each value of its own number."""
    steps = (
        (partial(encode, **{name: value}), (words.with_values(value=value),)) for value in values
    )
    return ((encode, ()), *steps)


_JPEG = _by_number(
    jpeg_encoder.encode, "quality", (85, 75, 60, 45, 30), Text("quality {value} of 95")
)
_QUALITIES: dict[str, Sequence[tuple[_Encode, tuple[Text, ...]]]] = {
    ".gif": tuple(_gif_qualities()),
    ".webp": _by_number(
        webp_encoder.encode, "quality", (95, 85, 75, 60, 45, 30), Text("quality {value} of 100")
    ),
    ".mp4": _by_number(
        mp4_encoder.encode, "crf", (20, 23, 26, 29, 32, 36), Text("quality (CRF {value})")
    ),
    ".png": _by_number(
        apng_encoder.encode, "colours", (256, 128, 64, 32), Text("only {value} colours")
    ),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
}


def main(words: Sequence[str] | None = None) -> int:
    """Fit the file that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m generator.postprocess.fit")
    parser.add_argument("original", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--max-bytes", type=int, required=True)
    arguments = parser.parse_args(words)
    try:
        path, fitted = fit_file(arguments.original, arguments.directory, arguments.max_bytes)
    except HotshotError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    answer = {
        "file": str(path),
        "size_bytes": len(fitted.data),
        "given_up": [words.to_dict() for words in fitted.given_up],
    }
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
