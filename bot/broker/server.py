"""nats-server as a child of the bot: found, started, told of changes, started again, stopped."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

from bot.broker import launch
from bot.broker.errors import BrokerError
from bot.broker.server_log import ServerLog

logger = logging.getLogger(__name__)

PROGRAM = "nats-server"
ADDRESS_IN_USE = (
    "The port of remote.listen is in use by another program, perhaps a nats-server that the system "
    "started (systemctl disable --now nats-server); stop that, or choose another port."
)
NO_SUCH_ADDRESS = (
    "remote.listen isn't an address of this machine; use 0.0.0.0 for all of them, and "
    "remote.address for the one that hosts connect to."
)
_READY = "Server is ready"
_RELOADED = "Reloaded server configuration"
_NOT_RELOADED = "Failed to reload"
_IN_USE = "address already in use"
_NO_ADDRESS = "cannot assign requested address"
_FATAL = "[FTL]"
_STARTS_WITHIN_SECONDS = 30.0
_RELOADS_WITHIN_SECONDS = 10.0
_STOPS_WITHIN_SECONDS = 3.0
_PAUSES_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_LINE_BYTES = 64 * 1024


def find_server(given: str) -> Path:
    """Return where the nats-server to start is. Raises BrokerError."""
    found = shutil.which(Path(given).expanduser() if given else PROGRAM)
    if found is None and given:
        raise BrokerError(
            f"remote.server: {given} isn't a program that can be run; give the path of a "
            "nats-server, or leave it out for the one on the PATH."
        )
    if found is None:
        raise BrokerError(
            "remote.listen needs nats-server, which isn't installed here: install Debian's package "
            "nats-server (apt-get install nats-server), or name the program in remote.server."
        )
    return Path(found).absolute()


class NatsServer:
    """One nats-server, kept running with a configuration file that others write."""

    def __init__(self, program: Path, config: Path) -> None:
        self._program = program
        self._config = config
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[str, asyncio.Future[str]] = {}
        self._last_words = ""
        self._reading: asyncio.Task[None] | None = None
        self._is_ready = False
        self.log = ServerLog()

    @property
    def pid(self) -> int | None:
        """Its process; None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it and wait until it takes connections. Raises BrokerError."""
        ready = self._expect(_READY)
        self._last_words = ""
        process = self._process = await self._spawn()
        reading = self._reading = asyncio.create_task(self._read(process))
        try:
            async with asyncio.timeout(_STARTS_WITHIN_SECONDS):
                await asyncio.wait((ready, reading), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            self._last_words = f"it wasn't ready after {_STARTS_WITHIN_SECONDS:g} s"
        except asyncio.CancelledError:
            await self.stop()
            raise
        if not ready.done():
            await self.stop()
            raise BrokerError(self._why_not())
        self._is_ready = True

    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start a process for it. Raises BrokerError where the system has no room for one."""
        try:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid())),
                *(str(self._program), "-c", str(self._config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_BYTES,
            )
        except OSError as error:
            self._last_words = error.strerror or type(error).__name__
            raise BrokerError(self._why_not()) from error

    async def keep_running(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        failures = 0
        while True:
            if self._process is not None:
                code = await self._process.wait()
                self._process, self._is_ready = None, False
                logger.warning("nats-server ended (exit code %d) and is started again", code)
            await asyncio.sleep(_PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)])
            try:
                await self.start()
            except BrokerError as error:
                failures += 1
                logger.error("%s", error)  # noqa: TRY400 - its sentence says it all
            else:
                failures = 0

    async def reload(self) -> bool:
        """Have it read its configuration again; False where it didn't, or isn't there.

        Who isn't in there any more is disconnected by then.
        """
        process = self._process
        if process is None or process.returncode is not None or not self._is_ready:
            return False  # one that is starting would die of the signal
        done = self._expect(_RELOADED, _NOT_RELOADED)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGHUP)
        try:
            async with asyncio.timeout(_RELOADS_WITHIN_SECONDS):
                return _RELOADED in await done
        except TimeoutError:
            return False

    async def stop(self) -> None:
        """End it, within seconds."""
        process, self._process, self._is_ready = self._process, None, False
        if process is None or process.returncode is not None:
            return
        for ask in (process.terminate, process.kill):
            with contextlib.suppress(ProcessLookupError, TimeoutError):
                ask()
                async with asyncio.timeout(_STOPS_WITHIN_SECONDS):
                    await process.wait()
                return

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Take in what it says until it ends."""
        assert process.stderr is not None  # noqa: S101 - it was asked for
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than any that matters
                continue
            if not line:
                return
            self._take(line.decode(errors="replace").strip())

    def _take(self, line: str) -> None:
        for words in [each for each in self._waiting if each in line]:
            waiting = self._waiting.pop(words)
            if not waiting.done():
                waiting.set_result(line)
        is_fatal = _FATAL in line or line.startswith(f"{PROGRAM}:")
        if is_fatal:
            self._last_words = line
        self.log.take(line)

    def _expect(self, *words: str) -> asyncio.Future[str]:
        """Return what ends with the next line that has some of these words."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting |= dict.fromkeys(words, future)
        return future

    def _why_not(self) -> str:
        said = self._last_words
        if _IN_USE in said:
            return ADDRESS_IN_USE
        if _NO_ADDRESS in said:
            return NO_SUCH_ADDRESS
        reason = said.partition(_FATAL)[2].strip() or said or "it ended at once"
        return f"{self._program} can't be started ({reason})."
