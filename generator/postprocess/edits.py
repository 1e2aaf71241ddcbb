"""``python -m generator.postprocess.edits``: other versions of a finished file, by no model at all.

Looping, there and back, reverse, speed, crop, caption, joining to other clips, the last frame
alone, and what Discord takes as an emoji and a sticker; one edit after another, each from whole
frames. The file's recipe goes along. Prints one line of JSON: ``notes``, sentences on what a person
should know of the result, and ``given_up``, what had to go to make it fit (a Text each). A sentence
on standard error and exit code 2 where it can't be done, or would change nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from generator.contract.errors import HotshotError, MediaError
from generator.contract.text import Text, print_refusal
from generator.media.clip import Clip, Frames
from generator.media.comment import kept_comment, with_comment
from generator.media.output import check_output, write_whole
from generator.media.save import encode
from generator.postprocess import loop_detection
from generator.postprocess.fit import fit
from generator.sources.geometry import scale_to_fill
from generator.sources.reader import read

JOIN, LAST_FRAME = "join", "last_frame"
MAX_CAPTION = 200
_MAX_JOINED_PIXELS = 200_000_000  # of all frames, as one of a file's limits is half of that
_FASTEST_MS = 20  # a frame; browsers slow down anything faster
_USAGE_ERROR = 2

Edit = Callable[[Clip, str], Clip]
Step = tuple[str, str]
"""The name of an edit, and the words that it needs (a caption's)."""


@dataclass(frozen=True, slots=True)
class UploadTarget:
    """What Discord takes somewhere: a square of ``edge`` pixels, in GIF."""

    edge: int
    max_bytes: int
    max_ms: int | None = None
    may_shrink: bool = True  # Discord scales an emoji itself, and refuses a sticker


UPLOAD_TARGETS = {
    "emoji": UploadTarget(128, 256 * 1024),
    "sticker": UploadTarget(320, 512 * 1024, 5000, may_shrink=False),
}


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A whole file, sentences about it for a person, and what had to be given up to make it fit."""

    data: bytes
    notes: tuple[Text, ...] = ()
    given_up: tuple[Text, ...] = ()


def main(arguments: list[str] | None = None) -> int:
    """Edit the file that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m generator.postprocess.edits")
    parser.add_argument("edit", choices=(*EDITS, JOIN, LAST_FRAME, *UPLOAD_TARGETS))
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--caption", default="")
    parser.add_argument("--before", type=Path, action="append", default=[], help="clips to join")
    parser.add_argument("--after", type=json.loads, default=[], help="earlier edits, as JSON")
    chosen = parser.parse_args(arguments)
    steps = [*((str(name), str(words)) for name, words in chosen.after),
             (chosen.edit, chosen.caption)]  # fmt: skip
    try:
        check_output(chosen.output)
        clip, comment = _clip(chosen.source), kept_comment(chosen.source.read_bytes())
        before = [_clip(path) for path in chosen.before]
        made = apply_edits(clip, steps, chosen.output.suffix.lower(), comment, before=before)
        write_whole(chosen.output, made.data)
    except HotshotError as error:
        print_refusal(error)
        return _USAGE_ERROR
    answer = {"notes": made.notes, "given_up": made.given_up}
    print(json.dumps({name: [each.to_dict() for each in words] for name, words in answer.items()}))
    return 0


def apply_edits(
    clip: Clip, steps: Sequence[Step], suffix: str, comment: str = "", before: Sequence[Clip] = ()
) -> EditedFile:
    """Return the file of a clip after one edit and another. Raises MediaError.

    The edit ``JOIN`` puts the clips ``before`` it in front.

    Only the last edit is held to changing something, and only the last may be for an
    upload to Discord: one before it was for another.
    """
    *earlier, (last, words) = steps
    notes: tuple[Text, ...] = ()
    known = {**EDITS, JOIN: lambda clip, _: join([*before, clip]), LAST_FRAME: last_frame}
    for name, text in earlier:
        if name in known:
            clip, notes = _apply_edit(known[name], clip, (name, text), notes)
    if last in UPLOAD_TARGETS:
        made = fit_for_upload(clip, UPLOAD_TARGETS[last], comment)
        return replace(made, notes=(*notes, *made.notes))
    after, notes = _apply_edit(known[last], clip, (last, words), notes)
    timed_alike = after.duration_ms == clip.duration_ms and _delays(after) == _delays(clip)
    if timed_alike and np.array_equal(after.frames, clip.frames):
        raise MediaError(_NO_CHANGE.get(last, _NO_CHANGE["reverse"]))
    return EditedFile(with_comment(encode(after, suffix), comment), notes)


def fit_for_upload(clip: Clip, target: UploadTarget, comment: str = "") -> EditedFile:
    """Return what Discord takes there: colours go first, then frames, and pixels if they may."""
    size = (target.edge, target.edge)
    notes: tuple[Text, ...] = ()
    small = clip.with_frames(_scaled(clip.frames, size))
    if target.max_ms is not None and clip.duration_ms > target.max_ms:
        small = _with_duration(small, target.max_ms)
        notes = (
            Text(
                "It plays faster, so that it lasts {seconds:g} seconds.",
                seconds=target.max_ms / 1000,
            ),
        )
    made = fit(
        small,
        ".gif",
        target.max_bytes,
        comment,
        keeps_size=not target.may_shrink,
    )
    return EditedFile(made.data, notes, made.given_up)


def _apply_edit(
    edit: Edit, clip: Clip, step: Step, notes: tuple[Text, ...]
) -> tuple[Clip, tuple[Text, ...]]:
    name, words = step
    if name == "loop" and loop_detection.find_loop(clip.frames) is None:
        notes = (*notes, _TURNS_BACK)
    return edit(clip, words), notes


def loop(clip: Clip) -> Clip:
    """Return a clip that ends where it begins.

    It is cut where it comes back to how it was, or else goes there and back again. Never one
    picture faded into another: what moves would be seen twice.
    """
    cut = loop_detection.find_loop(clip.frames)
    if cut is None:
        return ping_pong(clip)
    return _select_frames(clip, cut)


def ping_pong(clip: Clip) -> Clip:
    """Return a clip that goes there and back again, the two ends shown once.

    One that does so already stays as it is.
    """
    if np.array_equal(clip.frames[1:], clip.frames[:0:-1]):
        return clip
    count = len(clip.frames)
    return _select_frames(clip, [*range(count), *range(count - 2, 0, -1)])


def reverse(clip: Clip) -> Clip:
    """Return a clip from its end to its beginning."""
    return _select_frames(clip, range(len(clip.frames) - 1, -1, -1))


def speed(clip: Clip, factor: float) -> Clip:
    """Return a clip ``factor`` times as fast. Raises MediaError where viewers couldn't show it."""
    if len(clip.frames) == 1:
        return clip
    duration = round(clip.duration_ms / factor)
    if duration < _FASTEST_MS * len(clip.frames):
        raise MediaError("It can't play any faster; use fewer frames instead.")
    return _with_duration(clip, duration)


def square(clip: Clip) -> Clip:
    """Return the middle of a clip, as wide as it is high."""
    edge = min(clip.width, clip.height)
    top, left = (clip.height - edge) // 2, (clip.width - edge) // 2
    cut = clip.frames[:, top : top + edge, left : left + edge]
    return clip.with_frames(np.ascontiguousarray(cut))


def caption(clip: Clip, words: str) -> Clip:
    """Return a clip with white words, edged in black, at its bottom.

    Raises MediaError for no words, or too many.
    """
    if not words.strip() or len(words) > MAX_CAPTION:
        raise MediaError("A caption must have 1 to {most} characters.", most=MAX_CAPTION)
    size = max(10, clip.width // 14)
    font = ImageFont.load_default(size)
    lines = textwrap.wrap(" ".join(words.split()), max(6, int(clip.width / (size * 0.55))))
    return clip.with_frames(
        np.stack([_draw_caption(frame, lines, font, size) for frame in clip.frames])
    )


def join(clips: Sequence[Clip]) -> Clip:
    """Return clips as one, each in its own time and at the size of the last.

    Each begins with the last frame of the one before, which is shown once. Raises MediaError for
    too many pixels together.
    """
    clips = [clips[0], *(_select_frames(clip, range(1, len(clip.frames))) for clip in clips[1:])]
    size = (clips[-1].width, clips[-1].height)
    if sum(len(clip.frames) for clip in clips) * size[0] * size[1] > _MAX_JOINED_PIXELS:
        raise MediaError("Together these clips are too long; join fewer, or make smaller ones.")
    frames = [
        clip.frames if (clip.width, clip.height) == size else _scaled(clip.frames, size)
        for clip in clips
    ]
    delays = [delay for clip in clips for delay in clip.delays(1000)]
    return Clip.timed(np.concatenate(frames), delays)


def last_frame(clip: Clip, words: str = "") -> Clip:
    """Return the last frame alone."""
    del words
    return _select_frames(clip, [-1])


def _scaled(frames: Frames, size: tuple[int, int]) -> Frames:
    return np.stack([np.asarray(scale_to_fill(Image.fromarray(each), size)) for each in frames])


EDITS: dict[str, Edit] = {
    "loop": lambda clip, _: loop(clip),
    "ping_pong": lambda clip, _: ping_pong(clip),
    "reverse": lambda clip, _: reverse(clip),
    "faster": lambda clip, _: speed(clip, 2.0),
    "slower": lambda clip, _: speed(clip, 0.5),
    "square": lambda clip, _: square(clip),
    "caption": caption,
}
_NO_CHANGE = {
    JOIN: Text("There is no clip before it, so there is nothing to join."),
    LAST_FRAME: Text("It's a still picture already."),
    "loop": Text("It already loops without a jump, so there's nothing to change."),
    "ping_pong": Text("It looks the same there and back, so nothing would change."),
    "reverse": Text("It looks the same backwards, so nothing would change."),
    "square": Text("It's already square, so there's nothing to crop."),
    "faster": Text("It's a still picture, so it can't play faster or slower."),
    "slower": Text("It's a still picture, so it can't play faster or slower."),
}
_TURNS_BACK = Text("It doesn't come back to where it began, so it plays there and back again.")


def _draw_caption(
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


def _clip(path: Path) -> Clip:
    source = read(path)
    return Clip.timed(source.frames, source.delays_ms)


def _select_frames(clip: Clip, indices: Sequence[int]) -> Clip:
    """Return a clip of the frames of those ``indices``, each for its own time."""
    frames = np.ascontiguousarray(clip.frames[list(indices)])
    if clip.own_delays_ms:
        return Clip.timed(frames, [clip.own_delays_ms[index] for index in indices])
    return Clip(frames, max(1, round(clip.duration_ms * len(frames) / len(clip.frames))))


def _with_duration(clip: Clip, duration_ms: int) -> Clip:
    """Return a clip that is faster or slower as a whole."""
    lasting = replace(clip, duration_ms=duration_ms)
    if not clip.own_delays_ms:
        return lasting
    return Clip(clip.frames, duration_ms, tuple(lasting.delays(1000)))


def _delays(clip: Clip) -> list[int]:
    return clip.delays(1000)


if __name__ == "__main__":
    sys.exit(main())
