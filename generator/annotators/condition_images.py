"""What the ControlNets of a request are shown: its source's key frames, through their annotators.

Knows requests and annotators, and no ControlNet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from generator.contract.control_types import DEPTH_MODEL, annotator_of
from generator.contract.messages import Request
from generator.media.clip import Frames
from generator.sources.reader import read_key_frames
from generator.sources.source_files import FetchedFile

if TYPE_CHECKING:
    from generator.annotators.annotator import Annotator


@dataclass(frozen=True, slots=True)
class ConditionImages:
    """Makes the pictures; annotators that hold a model stay loaded for the next request."""

    device: str = "cpu"
    depth_model: str = DEPTH_MODEL
    _loaded: dict[str, Annotator] = field(default_factory=dict)

    def for_request(self, request: Request, source: Path | None = None) -> list[Frames]:
        """Return the pictures of each control, uint8 (f, h, w, 3) of the clip's size.

        Each annotator sees all frames, and once.

        ``source`` is the file where ``control_source`` is a link that was fetched already. Raises
        MediaError for a source that can't be used, ModelError for a depth model that can't be
        loaded, RequestError for an unknown annotator.
        """
        if not request.controls:
            return []
        names = [annotator_of(control.kind, control.annotator) for control in request.controls]
        frames = _key_frames(request, source)
        shown = {name: self._annotator(name)(frames) for name in dict.fromkeys(names)}
        return [shown[name] for name in names]

    def _annotator(self, name: str) -> Annotator:
        from generator.annotators.annotator import create_annotator  # OpenCV

        if name not in self._loaded:
            self._loaded[name] = create_annotator(
                name, depth_model=self.depth_model, device=self.device
            )
        return self._loaded[name]


def _key_frames(request: Request, source: Path | None) -> Frames:
    if source is None:
        with FetchedFile(request.control_source) as fetched:
            return _key_frames(request, fetched)
    return read_key_frames(
        source,
        count=request.video_length,
        duration_ms=request.video_duration,
        width=request.width,
        height=request.height,
    )
