"""Which frames of a long clip the networks see together, at each step: windows of a few frames.

``continue`` and ``loop`` have dense windows, which overlap by half; a loop's go around its end.
``stretch`` has strided windows, each of which sees the whole clip, and dense ones in between, by
which neighbours come to agree. Static windows that overlap are
AnimateDiff-Evolved's "standard static" context options, closed ones its "looped uniform"
(Kosinkadink, 2023), pyramid weights its default fuse method, though less steep; splitting strided
from dense by step was measured on nano.
Index lists alone: the estimate counts what they compute, and the generator cuts by them. Standard
library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.contract.text import Text

if TYPE_CHECKING:
    from generator.contract.messages import Request

CONTINUE, STRETCH, LOOP = "continue", "stretch", "loop"
MOTIONS = {
    CONTINUE: Text("continue: what moves goes on"),
    STRETCH: Text("stretch: one motion over all frames"),
    LOOP: Text("loop: the end meets the beginning"),
}
"""What a clip longer than a window does, and what people read of it."""

MIN_WINDOW = 2  # frames
USUAL_WINDOW = 8  # frames that Hotshot-XL was trained on

_STEEPNESS = 3

Window = tuple[int, ...]

# Of a stretched clip's steps: when neighbours see each other, and for how long. At the end, where
# outlines are made, they tear: of dense windows nano knows nothing, since all is slower there.
_DENSE_FROM, _DENSE_SHARE = 0.57, 0.15


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """The windows of a clip that has more ``frames`` than the ``size`` of one.

    The first ``kept`` of them are there already.
    """

    motion: str
    frames: int
    size: int
    kept: int = 0

    def windows(self, step: int, steps: int) -> tuple[Window, ...]:
        """Return the windows at ``step`` of ``steps``, counted from 0.

        Every frame that is made is in one, and none is of frames alone that are kept.
        """
        every = self._windows(step, steps)
        return tuple(window for window in every if max(window) >= self.kept)

    def _windows(self, step: int, steps: int) -> tuple[Window, ...]:
        if self.motion == LOOP:
            return closed_windows(self.frames, self.size)
        if self.motion == STRETCH and not is_dense(step, steps):
            return strided_windows(self.frames, self.size)
        return dense_windows(self.frames, self.size)

    @property
    def group(self) -> int:
        """How many neighbours are alike at first, since each is another strided window's."""
        return -(-self.frames // self.size) if self.motion == STRETCH else 1

    def frames_computed(self, steps: int) -> int:
        """Return how many frames the windows of all steps have together."""
        return sum(len(window) for step in range(steps) for window in self.windows(step, steps))


def plan_of(request: Request) -> WindowPlan | None:
    """Return the windows of a request; None where the networks see the whole clip at once."""
    if not request.motion or request.video_length <= request.window:
        return None
    return WindowPlan(request.motion, request.video_length, request.window, request.kept_frames)


def frames_at_once(request: Request) -> int:
    """Return how many frames the networks see together."""
    return request.video_length if plan_of(request) is None else request.window


def frames_computed(request: Request) -> int:
    """Return how many frames all steps of a pass compute, each as often as it is in a window."""
    plan, steps = plan_of(request), request.steps_made
    return request.video_length * steps if plan is None else plan.frames_computed(steps)


def dense_windows(frames: int, size: int) -> tuple[Window, ...]:
    """Return windows of ``size`` from the first frame to the last that overlap by half or more."""
    last = frames - size
    count = -(-last // (size // 2)) + 1
    starts = [round(index * last / (count - 1)) for index in range(count)]
    return tuple(tuple(range(start, start + size)) for start in starts)


def closed_windows(frames: int, size: int) -> tuple[Window, ...]:
    """Return windows of ``size`` that overlap by half or more and go around the end of the clip."""
    count = -(-frames // (size // 2))
    starts = [round(index * frames / count) for index in range(count)]
    return tuple(tuple((start + at) % frames for at in range(size)) for start in starts)


def strided_windows(frames: int, size: int) -> tuple[Window, ...]:
    """Return windows of at most ``size``, each of every n-th frame, which share no frame."""
    stride = -(-frames // size)
    return tuple(tuple(range(first, frames, stride)) for first in range(stride))


def is_dense(step: int, steps: int) -> bool:
    """Return whether neighbours see each other at a step of a stretched clip."""
    first = round(steps * _DENSE_FROM)
    return first <= step < first + max(1, round(steps * _DENSE_SHARE))


def pyramid(size: int) -> Window:
    """Return the weights of a window's frames: its middle counts most, its ends next to nothing.

    They fall off steeply, since the mean of two windows that disagree tears outlines on nano.
    """
    return tuple(min(at + 1, size - at) ** _STEEPNESS for at in range(size))
