"""A module of this project in a process that stays: asked a line at a time, killed, started anew.

For what takes long to load (``bot.core.child_process`` runs one job and is gone). It gets its
questions on standard input and answers on standard output; what it logs goes where the bot's own
lines go.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process

from generator.contract.failures import describe_exit
from generator.contract.text import Text

_LONGEST_LINE = 2**22  # bytes; a model may know 20,000 classes
_EXIT_SECONDS = 5.0
# It computes beside workers that need the cores themselves.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ChildLostError(Exception):
    """The process ended, or took too long and was killed; ``reason`` is a few words on how."""

    def __init__(self, reason: Text, *, is_hung: bool = False) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.is_hung = is_hung


class StandingChild:
    """``python -m module arguments``, started when it is needed and isn't there.

    One caller at a time: whoever shares it holds a lock. ``greeting`` is the first line that it
    says, for which it has ``start_seconds``.
    """

    def __init__(self, module: str, *arguments: str, start_seconds: float) -> None:
        self._command = (sys.executable, "-m", module, *arguments)
        self._start_seconds = start_seconds
        self._process: Process | None = None
        self._greeting = b""

    @property
    def pid(self) -> int | None:
        """The id of the process, None where there is none."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def greeting(self) -> bytes:
        """Return what the process said first; start one where there is none.

        Raises ChildLostError, and then there is none.
        """
        if self.pid is None:  # it may have died while nobody needed it
            await self.close()
        if self._process is None:
            self._process = await self._start()
            self._greeting = await self._line(self._process, self._start_seconds)
        return self._greeting

    async def ask(self, line: str, seconds: float) -> bytes:
        """Return the line that is the answer. Raises ChildLostError, and then there is none."""
        await self.greeting()
        process = self._process
        if process is None or process.stdin is None:
            raise ChildLostError(describe_exit(None))
        process.stdin.write(line.encode() + b"\n")
        return await self._line(process, seconds)

    async def close(self) -> int | None:
        """Kill and reap the process; return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()

    async def _start(self) -> Process:
        try:
            return await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                limit=_LONGEST_LINE,
                env=os.environ | _ONE_THREAD,
                start_new_session=True,  # a terminal's signals are for the bot
            )
        except OSError as error:
            raise ChildLostError(Text(error.strerror or type(error).__name__)) from error

    async def _line(self, process: Process, seconds: float) -> bytes:
        """Return what the process says next; whatever else happens, it is gone afterwards."""
        line = b""
        try:
            async with asyncio.timeout(seconds):
                if process.stdin is not None:
                    await process.stdin.drain()
                if process.stdout is not None:
                    line = await process.stdout.readline()
        except TimeoutError:
            await self.close()
            reason = Text("it didn't respond for {seconds:g} s and was stopped", seconds=seconds)
            raise ChildLostError(reason, is_hung=True) from None
        except (OSError, ValueError):  # its end of a pipe is closed; a line without an end
            line = b""
        except BaseException:  # else the next one who asks would get this one's answer
            await self.close()
            raise
        if line.endswith(b"\n"):
            return line
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_SECONDS):  # how it ended by itself says more
                await process.wait()
        raise ChildLostError(describe_exit(await self.close()))
