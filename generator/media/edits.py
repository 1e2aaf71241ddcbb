"""``python -m generator.media.edits``: other versions of a finished file, by no model at all.

Looping, ping-pong, reverse, speed, crop, caption, and the sizes of an emoji and a sticker. The
file's recipe goes along. A sentence on standard error and exit code 2 where it can't be done.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generator.errors import HotshotError, MediaError
from generator.media.clip import Clip, Frames
from generator.media.comment import comment_of
from generator.media.containers import BrokenFileError
from generator.media.save import encode, save
from generator.sources.reader import read
from generator.words import tell

MAX_CAPTION = 200
EMOJI = (128, 256 * 1024)  # pixels of an edge, bytes: what Discord takes
STICKER = (320, 512 * 1024)
_FASTEST_MS = 20  # a frame; browsers slow down anything faster
_USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m generator.media.edits")
    parser.add_argument("edit", choices=sorted(EDITS))
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--caption", default="")
    chosen = parser.parse_args(arguments)
    try:
        clip = EDITS[chosen.edit](_clip(chosen.source), chosen.caption)
        save(clip, chosen.output, _comment(chosen.source))
    except HotshotError as error:
        tell(error)
        return _USAGE_ERROR
    return 0


def loop(clip: Clip) -> Clip:
    """Ends where it begins: the last quarter is faded into the frames before the first."""
    frames, count = clip.frames, len(clip.frames)
    overlap = count // 4
    if overlap < 1:
        raise MediaError("It has too few frames to be made to loop; make it longer first.")
    kept = frames[: count - overlap].astype(np.float32)
    for index in range(overlap):
        share = (index + 1) / (overlap + 1)
        tail = frames[count - overlap + index].astype(np.float32)
        kept[index] = tail * (1 - share) + kept[index] * share
    duration = max(1, round(clip.duration_ms * len(kept) / count))
    return Clip(kept.round().astype(np.uint8), duration)


def ping_pong(clip: Clip) -> Clip:
    """There and back again, the two ends shown once."""
    frames = np.concatenate([clip.frames, clip.frames[-2:0:-1]])
    return Clip(frames, round(clip.duration_ms * len(frames) / len(clip.frames)))


def reverse(clip: Clip) -> Clip:
    """From the end to the beginning."""
    return Clip(np.ascontiguousarray(clip.frames[::-1]), clip.duration_ms)


def speed(clip: Clip, factor: float) -> Clip:
    """``factor`` times as fast; raises MediaError where viewers couldn't show it so fast."""
    duration = round(clip.duration_ms / factor)
    if duration < _FASTEST_MS * len(clip.frames):
        raise MediaError("It can't be shown any faster; drop some frames instead.")
    return Clip(clip.frames, duration)


def square(clip: Clip) -> Clip:
    """The middle, as high as it is wide."""
    edge = min(clip.width, clip.height)
    top, left = (clip.height - edge) // 2, (clip.width - edge) // 2
    cut = clip.frames[:, top : top + edge, left : left + edge]
    return Clip(np.ascontiguousarray(cut), clip.duration_ms)


def caption(clip: Clip, words: str) -> Clip:
    """White words with a black edge at the bottom; raises MediaError for none, or too many."""
    if not words.strip() or len(words) > MAX_CAPTION:
        raise MediaError("A caption has 1 to {most} characters.", most=MAX_CAPTION)
    size = max(10, clip.width // 14)
    font = ImageFont.load_default(size)
    lines = textwrap.wrap(" ".join(words.split()), max(6, int(clip.width / (size * 0.55))))
    return Clip(
        np.stack([_written(frame, lines, font, size) for frame in clip.frames]), clip.duration_ms
    )


def fitted(clip: Clip, edge: int, max_bytes: int) -> Clip:
    """A square of ``edge`` pixels, or smaller until its GIF has ``max_bytes`` at most."""
    whole = square(clip)
    for pixels in (edge, edge * 3 // 4, edge // 2, edge // 4):
        small = Clip(_resized(whole.frames, pixels), clip.duration_ms)
        if len(encode(small, ".gif")) <= max_bytes:
            return small
    raise MediaError("It can't be made small enough; use fewer frames.")


EDITS: dict[str, Callable[[Clip, str], Clip]] = {
    "loop": lambda clip, _: loop(clip),
    "ping_pong": lambda clip, _: ping_pong(clip),
    "reverse": lambda clip, _: reverse(clip),
    "faster": lambda clip, _: speed(clip, 2.0),
    "slower": lambda clip, _: speed(clip, 0.5),
    "square": lambda clip, _: square(clip),
    "caption": caption,
    "emoji": lambda clip, _: fitted(clip, *EMOJI),
    "sticker": lambda clip, _: fitted(clip, *STICKER),
}


def _written(
    frame: Frames, lines: list[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, size: int
) -> Frames:
    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    draw.multiline_text(
        (picture.width / 2, picture.height - size // 2),
        "\n".join(lines),
        fill="white",
        font=font,
        anchor="md",
        align="center",
        stroke_width=max(1, size // 10),
        stroke_fill="black",
    )
    return np.asarray(picture)


def _resized(frames: Frames, edge: int) -> Frames:
    small = [cv2.resize(frame, (edge, edge), interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack(small).astype(np.uint8)


def _clip(path: Path) -> Clip:
    source = read(path)
    return Clip(source.frames, sum(source.delays_ms) or 100 * len(source.frames))


def _comment(path: Path) -> str:
    try:
        return comment_of(path.read_bytes())
    except BrokenFileError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
