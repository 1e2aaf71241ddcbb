"""What a source is: size, frames and delays as people see them. Refuses nothing."""

from __future__ import annotations

from dataclasses import dataclass

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


def displayed_ms(delay_ms: float) -> int:
    """Return for how long browsers show a frame of an animated picture that says ``delay_ms``.

    Chromium, Firefox and Safari slow down what is meant to be "as fast as possible": every delay of
    10 ms or less, in GIF, WebP, PNG and AVIF alike. Films are shown as fast as they say.
    """
    return _TOO_FAST_MS if int(delay_ms) <= _FASTEST_MS else round(delay_ms)
