"""Where a clip comes back to how it was, so that it can be cut to go round and round."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from generator.media.clip import Frames

_LEAST = 4  # frames: fewer hardly show a movement
_MOST = 0.6  # of them: who wants a loop doesn't want half a clip
_LIKE_A_STEP = 1.5  # times the clip's usual step
_EDGE = 32  # pixels that frames are compared at

_Distances = npt.NDArray[np.float32]  # (f, f), from each frame to each


def find_loop(frames: Frames) -> range | None:
    """Return the longest part whose end leads into its beginning as its frames do into each other.

    Most of the frames (f, h, w, 3), and all of a clip that goes round already; None where
    no part does.
    """
    count = len(frames)
    distances = _distances(frames)
    for length in range(count, max(_LEAST, round(_MOST * count)) - 1, -1):
        cuts = [range(start, start + length) for start in range(count - length + 1)]
        smooth = [cut for cut in cuts if all(_is_smooth(each, cut) for each in distances)]
        if smooth:
            return min(smooth, key=lambda cut: float(distances[0][cut[-1], cut[0]]))
    return None


def _is_smooth(distance: _Distances, cut: range) -> bool:
    """Return whether the step from the end to the beginning is like the others inside the cut."""
    inside = [distance[one, other] for one, other in itertools.pairwise(cut)]
    return float(distance[cut[-1], cut[0]]) <= _LIKE_A_STEP * float(np.median(inside))


def _distances(frames: Frames) -> tuple[_Distances, _Distances]:
    """Return how frames differ pixel by pixel, and how far what is in them has moved.

    Of a thing that moved further than it is wide, pixels alone can't tell how far. Its moving shows
    in the sums over columns and rows: the earth mover's distance between those grows with the way.
    """
    import cv2  # few clips are looked at

    small = np.stack(
        [cv2.resize(frame, (_EDGE, _EDGE), interpolation=cv2.INTER_AREA) for frame in frames]
    ).astype(np.float32)
    profiles = np.concatenate([small.mean(axis=1), small.mean(axis=2)], axis=-1)
    moved = np.cumsum(profiles - profiles.mean(axis=1, keepdims=True), axis=1)
    return _apart(small), _apart(moved)


def _apart(values: npt.NDArray[np.float32]) -> _Distances:
    flat = values.reshape(len(values), -1)
    return np.stack([np.abs(flat - one).mean(axis=1) for one in flat]).astype(np.float32)
