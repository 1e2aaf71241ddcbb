"""Which frames of a source stand for the frames to be made.

As the original chooses them wherever it could choose: a stretch from the middle of the source,
every n-th frame of it, so that its length comes near the length asked for. What the original could
not do: every frame's own delay counts, and a source with too few frames is spread over the whole.
A pause, as very many GIFs have one at their end, counts as no more than any other frame: who
follows a motion wants what moves. Knows only times, no pictures.
"""

from __future__ import annotations

import itertools
import statistics
from bisect import bisect_right
from collections.abc import Sequence

from generator.contract.text import Text

PAUSE_NOTE = Text("The source has a long pause, so the key frames are taken from where it moves.")
_SHORT_SOURCE = 16  # frames; up to here a source that tells no times is taken for 8 frames a second
_SHORT_DELAY_MS, _LONG_DELAY_MS = 125, 70
_PAUSE_TIMES, _PAUSE_MS = 8, 700  # longer than both is a pause, and no slow part of a motion
_LAST_TIMES, _LAST_MS = 3, 250  # of the last frame, which most often is held
_MOST_TICKS = 100_000  # bounds the search in a source with wildly different delays


def choose_key_frames(delays_ms: Sequence[int], count: int, duration_ms: int) -> list[int]:
    """Return ``count`` indices into ``delays_ms``, in order; one may come twice in a short source.

    A delay of 0 means that the file doesn't tell. Where delays differ, time is cut into ticks of
    the usual delay, and the tick's frame is the one that is seen in the middle of it.
    """
    delays = _without_pauses(_known(delays_ms))
    ends = list(itertools.accumulate(delays))
    tick = max(statistics.median_low(delays), ends[-1] / _MOST_TICKS)
    ticks = round(ends[-1] / tick)
    if ticks < count or len(delays) < count:
        moments = [(index + 0.5) * ends[-1] / count for index in range(count)]
    else:
        moments = [(index + 0.5) * tick for index in _window(ticks, count, tick, duration_ms)]
    return [min(bisect_right(ends, moment), len(delays) - 1) for moment in moments]


def has_pause(delays_ms: Sequence[int]) -> bool:
    """Return whether a frame is held so long that key frames are chosen as if it weren't."""
    delays = _known(delays_ms)
    return _without_pauses(delays) != delays


def _without_pauses(delays: list[int]) -> list[int]:
    """Return the delays with each pause as short as the usual delay."""
    usual = statistics.median_low(delays)
    longest = max(_PAUSE_TIMES * usual, _PAUSE_MS)
    kept = [usual if delay > longest else delay for delay in delays]
    if kept[-1] > max(_LAST_TIMES * usual, _LAST_MS):
        kept[-1] = usual
    return kept


def _known(delays_ms: Sequence[int]) -> list[int]:
    stated = [delay for delay in delays_ms if delay > 0]
    if stated:
        usual = statistics.median_low(stated)
    else:
        usual = _SHORT_DELAY_MS if len(delays_ms) <= _SHORT_SOURCE else _LONG_DELAY_MS
    return [delay if delay > 0 else usual for delay in delays_ms]


def _window(ticks: int, count: int, tick: float, duration_ms: int) -> range:
    """Return every n-th tick around the middle, by the n whose length is nearest.

    It goes from the widest n down while the length comes nearer.
    """
    best, best_miss = range(0), float("inf")
    for stride in range(ticks // count, 0, -1):
        length = (count - 1) * stride
        margin = (ticks - 1 - length) // 2
        miss = abs(length * tick - duration_ms)
        if best and (margin == 0 or miss > best_miss):
            break
        best, best_miss = range(margin, margin + length + 1, stride), miss
    return best
