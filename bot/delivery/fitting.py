"""Makes a file small enough to be sent, in a process of its own: it takes seconds of computing.

What is tried, in which order, and what it costs the picture is ``generator.postprocess.fit``'s.
"""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bot.core.child_process import ChildResult, run_module
from bot.core.errors import TooLargeError
from bot.ui.result_message import OutputFile
from bot.ui.wording import file_size
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 600.0
_SMALLEST = 32 * 1024  # bytes; who refuses even that may have another reason
_RETRY_SECONDS = 1.0  # before a file that gets no smaller is tried once more


@dataclass(frozen=True, slots=True)
class FittedFiles:
    """One result's files, the original first and each smaller than the one before.

    Copies lie in directories below ``scratch``, which are gone when ``directories`` is closed.
    """

    files: list[OutputFile]
    scratch: Path
    directories: ExitStack

    async def within(self, limit: int) -> OutputFile:
        """Return the best file of at most ``limit`` bytes; it is made where there is none yet.

        Raises TooLargeError where no format gets it there. Of a limit that is next to nothing
        nothing is believed: then the smallest file there is, after a moment.
        """
        for file in self.files:
            if file.size_bytes <= limit:
                return file
        # only now: a full disk is no reason not to deliver what fits as it is
        made = tempfile.TemporaryDirectory(dir=self.scratch, prefix="fit-")
        directory = Path(self.directories.enter_context(made))
        try:
            self.files.append(await fit(self.files[0].path, limit, directory))
        except TooLargeError:
            if limit >= _SMALLEST:
                raise
            await asyncio.sleep(_RETRY_SECONDS)
        return self.files[-1]


async def fit(original: Path, limit: int, directory: Path) -> OutputFile:
    """Return a smaller copy of ``original`` of at most ``limit`` bytes, made in ``directory``.

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
