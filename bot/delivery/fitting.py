"""Makes a file small enough to be sent, in a process of its own: it takes seconds of computing.

What is tried, in which order, and what it costs the picture is ``generator.postprocess.fit``'s.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from bot.core.child_process import ChildResult, run_module
from bot.core.errors import TooLargeError
from bot.delivery.message import OutputFile
from bot.ui.text import file_size
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 600.0


async def fit(original: Path, limit: int, directory: Path) -> OutputFile:
    """A smaller copy of ``original`` of at most ``limit`` bytes, written into ``directory``.

    Raises TooLargeError where no format gets it there.
    """
    try:
        done = await run_module(
            "generator.postprocess.fit",
            *(str(original), str(directory), "--max-bytes", str(limit)),
            timeout_seconds=_TIMEOUT_SECONDS,
        )
    except TimeoutError:
        done = ChildResult(exit_code=1, output=b"", last_words="took too long")
    if done.exit_code != 0:
        logger.warning("it can't be made to fit: %s", done.last_words)
        size = (await asyncio.to_thread(original.stat)).st_size
        raise TooLargeError(
            "The GIF is {size}, and Discord allows at most {limit} here; ask for fewer frames "
            "or a smaller size.",
            size=file_size(size),
            limit=file_size(limit),
        )
    found = json.loads(done.output)
    given_up = tuple(map(Text.from_dict, found["given_up"]))
    logger.info("fitted into %d bytes: %s", limit, ", ".join(map(str, given_up)))
    return OutputFile(Path(found["file"]), int(found["size_bytes"]), given_up)
