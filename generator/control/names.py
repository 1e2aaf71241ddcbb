"""Which annotators there are, by name. Standard library only, so that a typo costs nothing."""

from __future__ import annotations

from generator.errors import RequestError

AUTO = "auto"
DEPTH_MODEL = "depth-anything/Depth-Anything-V2-Small-hf"
ANNOTATORS = ("none", "canny", "lineart", "gray", "tile", "depth")
_TOLD_BY_NAME = ("canny", "depth", "lineart", "tile")


def annotator_name(name: str) -> str:
    """The name of an annotator, or RequestError with the names there are."""
    if name.lower() not in ANNOTATORS:
        raise RequestError(f"There is no annotator {name!r}; there are {', '.join(ANNOTATORS)}.")
    return name.lower()


def default_for(control_type: str) -> str:
    """The annotator that a ControlNet of this type, or whose path or hub id names it, expects.

    ``none`` where nothing tells: whoever brings a ControlNet of their own knows what it wants.
    """
    told = control_type.lower()
    return next((name for name in _TOLD_BY_NAME if name in told), "none")


def annotator_of(control_type: str, wanted: str) -> str:
    """The annotator for a ControlNet: the one wanted, or for ``auto`` the one that it expects.

    Raises RequestError for a name there isn't.
    """
    return default_for(control_type) if wanted == AUTO else annotator_name(wanted)
