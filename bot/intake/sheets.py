"""What a source looks like to a ControlNet, and parts of it: drawn by a child."""

from __future__ import annotations

from pathlib import Path

from bot.intake.children import run_child
from generator.protocol import Request
from generator.words import Words, notes

_MODULE = "generator.control.sheet"


async def draw_sheet(
    user_id: int, source: Path, output: Path, request: Request, control_type: str
) -> list[Words]:
    """Writes the contact sheet that this person asked for; what is to be said beside it.

    Raises RefusedError.
    """
    printed = await run_child(
        user_id,
        *(_MODULE, str(source), str(output), "--type", control_type),
        *("--frames", str(request.video_length), "--duration", str(request.video_duration)),
        *("--width", str(request.width), "--height", str(request.height)),
    )
    return notes(printed)


async def cut(user_id: int, source: Path, output: Path, start: float, end: float) -> None:
    """Writes a part of it, from ``start`` to ``end`` in fractions. Raises RefusedError."""
    span = (f"{start:g}", f"{end:g}")
    await run_child(user_id, _MODULE, str(source), str(output), "--cut", *span)
