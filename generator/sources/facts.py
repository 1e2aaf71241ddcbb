"""What a source is: size, frames and delays as people see them; and what of it can be used.

That is what makes a bomb harmless: a file is refused by its facts before its pixels cost anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from generator.contract.errors import MediaError
from generator.contract.text import Text

MAX_SOURCE_FRAMES = 2_000
MAX_FILM_FRAMES = 20_000  # of which no more are decoded than are wanted
MAX_EDGE = 8_192
MIN_EDGE = 8
MAX_ASPECT = 16  # beyond it, scaling to fill would make a giant of a thread
MAX_PIXELS = 640_000_000  # of all frames together: ten seconds of full HD
MAX_STILL_PIXELS = 50_000_000  # of one picture: the largest photo of a phone has 48 megapixels
MAX_MOVING_PIXELS = 4_096 * 4_096  # of each frame of several, of which a decoder holds some
_FASTEST_MS = 10
_TOO_FAST_MS = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """Edges in pixels, upright; for how many milliseconds each frame is seen, 0 where the file
    doesn't tell.
    """

    width: int
    height: int
    delays_ms: tuple[int, ...]

    def check(self, *, is_film: bool = False) -> None:
        """Raise MediaError where the source is too large, too small or too long to be used.

        Films may be long, since their frames can be found without decoding all of them.
        """
        frames = len(self.delays_ms)
        check_frames(frames, most=MAX_FILM_FRAMES if is_film else MAX_SOURCE_FRAMES)
        size = Text("{width} x {height} pixels", width=self.width, height=self.height)
        short, long = sorted((self.width, self.height))
        if short < MIN_EDGE or long > short * MAX_ASPECT:
            raise MediaError(
                "The file is {size}; it must be at least {least} pixels along each edge and "
                "no more than {aspect} times as long as wide.",
                size=size,
                least=MIN_EDGE,
                aspect=MAX_ASPECT,
            )
        if long > MAX_EDGE:
            raise MediaError(
                "The file is {size}; at most {most:,} pixels along an edge can be read.",
                size=size,
                most=MAX_EDGE,
            )
        pixels = self.width * self.height
        if pixels * frames > MAX_PIXELS and not is_film:
            raise MediaError(
                "The file has {frames:,} frames of {size}, too much to read; make it smaller or "
                "shorter.",
                frames=frames,
                size=size,
            )
        most = MAX_MOVING_PIXELS if frames > 1 else MAX_STILL_PIXELS
        if pixels > most:
            raise MediaError(
                "The file is {size}, and at most {most} megapixels can be read; make it smaller.",
                size=size,
                most=most // 1_000_000,
            )


def check_frames(count: int, *, most: int = MAX_SOURCE_FRAMES) -> None:
    """Raise MediaError where a source has no frame, or more than ``most``."""
    if count == 0:
        raise MediaError(
            "There are no pictures in it; give a GIF, a video or a folder of numbered pictures."
        )
    if count > most:
        raise MediaError(
            "The file has more than {most:,} frames; cut out the part that matters.",
            most=most,
        )


def displayed_ms(delay_ms: float) -> int:
    """Return for how long browsers show a frame of an animated picture that says ``delay_ms``.

    Chromium, Firefox and Safari slow down what is meant to be "as fast as possible": every delay of
    10 ms or less, in GIF, WebP, PNG and AVIF alike. Films are shown as fast as they say.
    """
    return _TOO_FAST_MS if int(delay_ms) <= _FASTEST_MS else round(delay_ms)
