"""Pictures are none of the bot's work: they are drawn by a child, started anew each time.

A child that takes too long is killed; one that says what is wrong
(``generator.contract.text.tell``), with exit code 2, is quoted.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from bot.core.errors import RefusedError
from bot.intake.user_slots import UserSlots
from generator.contract.text import Text, parse_refusal

logger = logging.getLogger(__name__)

_WITHIN = 60.0  # seconds
_TURNS = UserSlots(at_once=2, each=1, waiting=4)
_TOLD = 2


async def run_child(
    user_id: int,
    module: str,
    *arguments: str,
    turns: UserSlots = _TURNS,
    within: float = _WITHIN,
) -> bytes:
    """Runs ``python -m module`` in this person's turn; what it printed. Raises RefusedError.

    What is slow has ``turns`` of its own, so that nobody waits behind it for what is quick.
    """
    async with turns.turn(user_id):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            printed, said = await asyncio.wait_for(process.communicate(), within)
        except TimeoutError:
            raise RefusedError("That takes too long; try something smaller or shorter.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    words = said.decode(errors="replace").strip()
    if process.returncode == _TOLD:
        raise RefusedError(parse_refusal(printed) or Text("That file can't be used."))
    if process.returncode != 0:
        logger.error("%s failed: %s", module, words[-500:])
        raise RefusedError("That file can't be read; try another.")
    return printed
