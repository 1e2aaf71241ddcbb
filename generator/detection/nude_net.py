"""NudeNet as a detector: bodies, bare and covered, and faces. Its package carries its weights.

It is under the AGPL and no part of this project: whoever installs it decides on that.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from generator.contract.errors import ModelError
from generator.contract.extras import require_modules
from generator.media.clip import Frames

_WEIGHTS = "320n.onnx"
_LABELS = "__labels"  # a list in its module, whose name has no public spelling


class NudeNet:
    """A loaded model; its scores are those of the boxes that it draws."""

    def __init__(self, model: Any, classes: tuple[str, ...]) -> None:
        self._model = model
        self.classes = classes

    @classmethod
    def load(cls) -> Self:
        """Load the model. Raises MissingExtraError, and ModelError where the package is damaged."""
        require_modules("nudenet")
        try:
            from nudenet import NudeDetector, nudenet
            from onnxruntime import InferenceSession, SessionOptions

            model = NudeDetector()
            options = SessionOptions()
            options.intra_op_num_threads = (
                1  # more wait for each other by computing, at twice the CPU
            )
            weights = Path(nudenet.__file__).with_name(_WEIGHTS)
            model.onnx_session = InferenceSession(
                str(weights), options, providers=["CPUExecutionProvider"]
            )
            return cls(model, tuple(getattr(nudenet, _LABELS)))
        except Exception as error:
            raise ModelError(
                "The package nudenet is installed but can't be used ({reason}); reinstall it.",
                reason=str(error)[:200] or type(error).__name__,
            ) from error

    def look(self, frames: Frames) -> Mapping[str, float]:
        """Return the highest score of each class in these frames."""
        highest: dict[str, float] = {}
        for frame in frames:
            for box in self._model.detect(np.ascontiguousarray(frame[:, :, ::-1])):  # as OpenCV has
                highest[box["class"]] = max(float(box["score"]), highest.get(box["class"], 0.0))
        return highest
