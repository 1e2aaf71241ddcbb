"""Run one of this project's modules in a process of its own: what computes for long is no work for
an event loop.

A child that takes too long is killed. What its exit code and its words mean is for whoever started
it.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass

_LAST_WORDS = 500  # characters


@dataclass(frozen=True, slots=True)
class ChildResult:
    """What a child process left: its standard output, and the end of its standard error."""

    exit_code: int
    output: bytes
    last_words: str


async def run_module(module: str, *arguments: str, timeout_seconds: float) -> ChildResult:
    """Run ``python -m module`` to its end.

    Raises TimeoutError, once the child is killed; it is killed as well where nobody waits any more.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, complaint = await asyncio.wait_for(process.communicate(), timeout_seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    last_words = complaint.decode(errors="replace").strip()[-_LAST_WORDS:]
    return ChildResult(process.returncode or 0, output, last_words)
