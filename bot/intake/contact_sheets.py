"""Draws control previews in child processes, each person's in their turn.

What a source looks like to a ControlNet, parts of it, and whatever else ``run_in_turn`` is given.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from bot.core.child_process import run_module
from bot.core.errors import RefusedError
from bot.intake.user_slots import UserSlots
from generator.contract.control_types import DEPTH_FOLLOWS
from generator.contract.messages import Request
from generator.contract.text import Text, parse_notes, parse_refusal

logger = logging.getLogger(__name__)

_MODULE = "generator.annotators.contact_sheet_process"
_SLOTS = UserSlots(at_once=2, each=1, waiting=4)
_TIMEOUT_SECONDS = 60.0
# Torch and a model are loaded for it, which takes memory and some seconds.
_DEPTH_SLOTS = UserSlots(at_once=1, each=1, waiting=2)
_DEPTH_TIMEOUT_SECONDS = 180.0
_REFUSED = 2  # exit code of a child that says why, by ``generator.contract.text.print_refusal``
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
    """Write the contact sheet that this person asked for. Raises RefusedError."""
    arguments = _arguments(source, output, request, control_type, depth_model)
    notices = parse_notes(await run_in_turn(user_id, *arguments))
    return ControlPreview(
        [words for words in notices if words != DEPTH_FOLLOWS], DEPTH_FOLLOWS in notices
    )


async def draw_depth_preview(
    user_id: int, source: Path, output: Path, request: Request, depth_model: str
) -> list[Text]:
    """Write a contact sheet with depth maps; return what to say where there are none."""
    arguments = _arguments(source, output, request, "depth", depth_model)
    try:
        await run_in_turn(
            user_id,
            *arguments,
            "--with-depth",
            slots=_DEPTH_SLOTS,
            timeout_seconds=_DEPTH_TIMEOUT_SECONDS,
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
    """Write a part of a source, from ``start`` to ``end`` in fractions. Raises RefusedError."""
    span = (f"{start:g}", f"{end:g}")
    await run_in_turn(user_id, _MODULE, str(source), str(output), "--cut", *span)


async def run_in_turn(
    user_id: int,
    module: str,
    *arguments: str,
    slots: UserSlots = _SLOTS,
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> bytes:
    """Return what ``python -m module`` printed, run in this person's turn. Raises RefusedError.

    What is slow has ``slots`` of its own, so that nobody waits behind it for what is quick.
    """
    async with slots.slot(user_id):
        try:
            done = await run_module(module, *arguments, timeout_seconds=timeout_seconds)
        except TimeoutError:
            raise RefusedError("That takes too long; try something smaller or shorter.") from None
    if done.exit_code == _REFUSED:
        raise RefusedError(parse_refusal(done.output) or Text("That file can't be used."))
    if done.exit_code != 0:
        logger.error("%s failed: %s", module, done.last_words)
        raise RefusedError("That file can't be read; try another.")
    return done.output
