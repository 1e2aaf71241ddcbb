"""Makes a file small enough to be sent, in a process of its own: it takes seconds of computing.

What is tried, in which order, and what it costs the picture is ``generator.postprocess.fit``'s.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path

from bot.core.errors import TooLargeError
from bot.delivery.message import OutputFile
from bot.ui.text import file_size
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_WITHIN = 600.0  # seconds


async def fit(master: Path, limit: int, directory: Path) -> OutputFile:
    """A smaller copy of ``master`` of at most ``limit`` bytes, written into ``directory``.

    Raises TooLargeError where no format gets it there.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "generator.postprocess.fit", str(master), str(directory)),
        *("--max-bytes", str(limit)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        printed, complaint = await asyncio.wait_for(process.communicate(), _WITHIN)
    except TimeoutError:
        printed, complaint = b"", b"took too long"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        logger.warning("it can't be made to fit: %s", complaint.decode(errors="replace")[-500:])
        size = (await asyncio.to_thread(master.stat)).st_size
        raise TooLargeError(
            "The GIF is {size}, and Discord allows at most {limit} here; ask for fewer frames "
            "or a smaller size.",
            size=file_size(size),
            limit=file_size(limit),
        )
    found = json.loads(printed)
    given_up = tuple(map(Text.from_dict, found["given_up"]))
    logger.info("fitted into %d bytes: %s", limit, ", ".join(map(str, given_up)))
    return OutputFile(Path(found["file"]), int(found["size_bytes"]), given_up)
