"""What a source looks like to a ControlNet, drawn in a child: pictures are none of the bot's work.

``generator.control.sheet`` draws; it is started anew each time and killed where it takes too long.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from bot.errors import RefusedError
from generator.protocol import Request

logger = logging.getLogger(__name__)

_WITHIN = 60.0  # seconds
_AT_ONCE = asyncio.Semaphore(2)
_TOLD = 2  # the exit code of a child that says what is wrong


async def draw_sheet(source: Path, output: Path, request: Request, control_type: str) -> None:
    """Writes the contact sheet. Raises RefusedError."""
    await _run(
        *(str(source), str(output), "--type", control_type),
        *("--frames", str(request.video_length), "--duration", str(request.video_duration)),
        *("--width", str(request.width), "--height", str(request.height)),
    )


async def cut(source: Path, output: Path, start: float, end: float) -> None:
    """Writes a part of it, from ``start`` to ``end`` in fractions. Raises RefusedError."""
    await _run(str(source), str(output), "--cut", f"{start:g}", f"{end:g}")


async def _run(*arguments: str) -> None:
    async with _AT_ONCE:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "generator.control.sheet", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await asyncio.wait_for(process.communicate(), _WITHIN)
        except TimeoutError:
            raise RefusedError(
                "The source takes too long to look at; make it smaller or shorter."
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    words = said.decode(errors="replace").strip()
    if process.returncode == _TOLD:
        raise RefusedError(words.splitlines()[-1] if words else "The source can't be used.")
    if process.returncode != 0:
        logger.error("a source can't be drawn: %s", words[-500:])
        raise RefusedError("The source can't be looked at; try another.")
