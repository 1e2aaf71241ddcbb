"""The largest clip that a worker's memory has room for: a larger one isn't begun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.errors import RefusedError
from generator.contract.messages import Request
from generator.contract.stages import output_size
from generator.contract.text import Text


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """``room`` is how many pixels the frames of a clip may have together, by its model; None: any.

    Networks see a few frames at once, whatever the length of a clip, but all that was made is held
    until its file is written.
    """

    room: Callable[[str], int | None]

    def check(self, requests: Iterable[Request]) -> None:
        """Raise RefusedError where no worker that is connected has room for one."""
        for request in requests:
            width, height = output_size(request)
            most = self.room(request.model)
            if most is None or width * height * request.video_length <= most:
                continue
            if (frames := most // (width * height)) >= 1:
                raise RefusedError(
                    "There isn't enough memory for {frames} frames of {width} x {height}; ask for "
                    "at most {most}, or for a smaller size.",
                    frames=request.video_length,
                    width=width,
                    height=height,
                    most=frames,
                )
            raise RefusedError(
                Text("There isn't enough memory for this; ask for a smaller size or fewer frames.")
            )
