"""What every detector does, and which one a name means. Imports no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from generator.contract.detection import NUDENET
from generator.contract.errors import ModelError
from generator.contract.paths import existing_path, parse_hub_id
from generator.media.clip import Frames


class Detector(Protocol):
    """A loaded model that looks at pictures."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of what it can see."""

    def look(self, frames: Frames) -> Mapping[str, float]:
        """Return the highest score of each class in these frames (f, h, w, 3), from 0 to 1.

        A class without a score isn't there.
        """


def load_detector(model: str, *, may_fetch: bool = True) -> Detector:
    """Return the detector called ``nudenet``, or that of a directory or hub id.

    One of the hub is fetched where it isn't cached, if that is allowed. Raises ModelError and
    MissingExtraError.
    """
    if model == NUDENET:
        from generator.detection.nude_net import NudeNet

        return NudeNet.load()
    if existing_path(model) is None and parse_hub_id(model) is None:  # torch takes its time
        raise unusable(model, "there is nothing of that name")
    from generator.detection.classifier import Classifier

    return Classifier.load(model, may_fetch=may_fetch)


def unusable(model: str, reason: str) -> ModelError:
    """Return the error for a model that is no detector."""
    return ModelError(
        "The detector {model} can't be loaded ({reason}); give nudenet, or the directory or hub id "
        "of an image-classification model of transformers.",
        model=model,
        reason=reason,
    )
