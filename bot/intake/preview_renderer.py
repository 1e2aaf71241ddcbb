"""What a source looks like to a ControlNet, and parts of it: drawn by a child."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from bot.core.errors import RefusedError
from bot.intake.child_process import run_child
from bot.intake.user_slots import UserSlots
from generator.contract.control_types import DEPTH_FOLLOWS
from generator.contract.messages import Request
from generator.contract.text import Text, parse_notes

logger = logging.getLogger(__name__)

_MODULE = "generator.annotators.source_preview"
# Torch and a model are loaded for it, which takes memory and some seconds.
_DEPTH_TURNS = UserSlots(at_once=1, each=1, waiting=2)
_DEPTH_WITHIN = 45.0  # seconds
_NO_DEPTH = Text(
    "What depth sees couldn't be drawn for this contact sheet (the reason is in the bot's "
    "log); you can still press Go."
)


@dataclass(frozen=True, slots=True)
class ControlPreview:
    """What to say beside a preview, and whether ``draw_depth_preview`` can draw the rest of it."""

    notes: list[Text]
    depth_follows: bool


async def draw_preview(
    user_id: int,
    source: Path,
    output: Path,
    request: Request,
    *,
    control_type: str,
    depth_model: str,
) -> ControlPreview:
    """Writes the contact sheet that this person asked for. Raises RefusedError."""
    arguments = _arguments(source, output, request, control_type, depth_model)
    notices = parse_notes(await run_child(user_id, *arguments))
    return ControlPreview(
        [words for words in notices if words != DEPTH_FOLLOWS], DEPTH_FOLLOWS in notices
    )


async def draw_depth_preview(
    user_id: int, source: Path, output: Path, request: Request, depth_model: str
) -> list[Text]:
    """Writes a sheet with depth maps; what is to be said where there are none, and why."""
    arguments = _arguments(source, output, request, "depth", depth_model)
    try:
        await run_child(
            user_id, *arguments, "--with-depth", turns=_DEPTH_TURNS, within=_DEPTH_WITHIN
        )
    except RefusedError as error:
        logger.warning("no depth on a contact sheet: %s", error)
        return [_NO_DEPTH]
    return []


def _arguments(
    source: Path, output: Path, request: Request, control_type: str, depth_model: str
) -> tuple[str, ...]:
    return (
        *(_MODULE, str(source), str(output)),
        *("--type", control_type, "--depth-model", depth_model),
        *("--frames", str(request.video_length), "--duration", str(request.video_duration)),
        *("--width", str(request.width), "--height", str(request.height)),
    )


async def cut_part(user_id: int, source: Path, output: Path, start: float, end: float) -> None:
    """Writes a part of it, from ``start`` to ``end`` in fractions. Raises RefusedError."""
    span = (f"{start:g}", f"{end:g}")
    await run_child(user_id, _MODULE, str(source), str(output), "--cut", *span)
