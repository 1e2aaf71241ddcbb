"""Which annotators there are, by name. Standard library only, so that a typo costs nothing."""

from __future__ import annotations

from generator.contract.errors import RequestError
from generator.contract.messages import Control
from generator.contract.text import Text
from generator.contract.travel import with_each_strength

AUTO = "auto"
DEPTH_MODEL = "depth-anything/Depth-Anything-V2-Small-hf"
ANNOTATORS = ("none", "canny", "lineart", "gray", "tile", "depth")
DEPTH_FOLLOWS = Text("Depth follows.")
"""What the child that draws a preview says to the bot where a further one can draw depth."""
LOOSE = "loose"
"""Depth, held to less, and only while a clip's layout is laid down: what moves where is followed,
and the prompt says what shape it has."""
CONTROL_TYPES = {
    "depth": Text("depth: follows shapes, and how near they are"),
    "canny": Text("canny: follows outlines, so a square stays a square"),
    LOOSE: Text("loose: follows where things move; their shape is up to your prompt"),
}
"""How /gif offers to follow a source, and what that means."""
# As measured on nano: less of either, and the way isn't followed; more, and the shape is.
_LOOSE_KIND, _LOOSE_STRENGTH, _LOOSE_END = "depth", 0.7, 0.7
_NAMED_ANNOTATORS = ("canny", "depth", "lineart", "tile")


def annotator_name(name: str) -> str:
    """Return an annotator's name in lower case. Raises RequestError with the names there are."""
    if name.lower() not in ANNOTATORS:
        raise RequestError(
            "There is no annotator {name!r}; choose one of {names}.",
            name=name,
            names=", ".join(ANNOTATORS),
        )
    return name.lower()


def parse_control(name: str, scale: float | str) -> Control:
    """Return the control that a type's name stands for, at ``scale`` times its usual strength.

    A text has strengths by frame: ``0: 1.0 | 5: 0``. ``loose`` is depth, held to less and for a
    part of the steps.
    """
    if name.lower() != LOOSE:
        return Control(name, scales=scale) if isinstance(scale, str) else Control(name, scale)
    if isinstance(scale, str):
        scales = with_each_strength(scale, _LOOSE_STRENGTH)
        return Control(_LOOSE_KIND, end=_LOOSE_END, scales=scales)
    return Control(_LOOSE_KIND, round(scale * _LOOSE_STRENGTH, 6), end=_LOOSE_END)


def split_control(control: Control) -> tuple[str, float | str]:
    """Return the name and the scale from which ``parse_control`` makes this control."""
    is_loose = control == Control(_LOOSE_KIND, control.scale, end=_LOOSE_END, scales=control.scales)
    if not is_loose:
        return control.kind, control.scales or control.scale
    if control.scales:
        return LOOSE, with_each_strength(control.scales, 1 / _LOOSE_STRENGTH)
    return LOOSE, round(control.scale / _LOOSE_STRENGTH, 6)


def default_annotator(control_type: str) -> str:
    """Return the annotator that a ControlNet of this type expects, told by its path or hub id too.

    ``none`` where nothing tells: whoever brings a ControlNet of their own knows what it wants.
    """
    lowered = _LOOSE_KIND if control_type.lower() == LOOSE else control_type.lower()
    return next((name for name in _NAMED_ANNOTATORS if name in lowered), "none")


def annotator_of(control_type: str, wanted: str) -> str:
    """Return the annotator wanted for a ControlNet, or for ``auto`` the one that it expects.

    Raises RequestError for a name there isn't.
    """
    return default_annotator(control_type) if wanted == AUTO else annotator_name(wanted)
