"""One process that makes files of frames, from its parent's side: started, asked, killed.

It is a plain child and no ``multiprocessing`` one, since a worker is a daemon, which may have none
of those. It imports no torch, so it is there within a fraction of a second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import cast

from generator.contract import logs, wire
from generator.contract.encoder_task import EncoderTask
from generator.contract.failures import describe_exit
from generator.contract.messages import Failed, Finished
from generator.contract.text import NO_TEXT, Text

_MODULE = "generator.media.encoder_process"
# Several files are made at a time, beside a model that may need the cores itself.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_START_SECONDS = 120.0


class EncoderDiedError(Exception):
    """The process ended before it answered; ``reason`` is a few words on how."""

    def __init__(self, reason: Text) -> None:
        super().__init__(str(reason))
        self.reason = reason


class EncoderHungError(EncoderDiedError):
    """The process took too long, and was killed."""


@dataclass(slots=True)
class _Process:
    """A process that was started; ``is_ready`` once it has said so."""

    process: subprocess.Popen[bytes]
    connection: Connection
    is_ready: bool = False


class Encoder:
    """A process that writes one file at a time; started when it is needed and isn't there.

    One thread calls ``write``; ``kill`` may come from any.
    """

    def __init__(self, log_level: str, log_format: str = logs.TEXT) -> None:
        self._log = (log_level, log_format)
        self._running: _Process | None = None
        self._lock = threading.Lock()  # between a start and a kill

    @property
    def pid(self) -> int | None:
        """The id of the process, None where there is none."""
        running = self._running
        return running.process.pid if running else None

    def write(
        self, task: EncoderTask, frames: int, seconds: float, is_unwanted: Callable[[], bool]
    ) -> Finished | Failed:
        """Have a file made of the frames in the file of that descriptor.

        Raises EncoderDiedError, of a process that isn't through in ``seconds`` EncoderHungError,
        and OSError where none can be started; there is no process then. None is started for a file
        that ``is_unwanted``, so ``kill`` after that turned true stops it at whatever moment.
        """
        running = self._started(is_unwanted)
        try:
            if not running.is_ready:
                _answer(running, _START_SECONDS)
                running.is_ready = True
            running.connection.send_bytes(task.to_json())
            reduction.send_handle(running.connection, frames, running.process.pid)
            return cast(Finished | Failed, wire.decode(_answer(running, seconds)))
        except (EOFError, OSError) as error:
            raise EncoderDiedError(self._end(running)) from error
        except EncoderHungError:
            self._end(running)
            raise

    def kill(self) -> None:
        """End the process, whatever it is at; ``write`` raises."""
        with self._lock:
            if self._running is not None:
                self._running.process.kill()

    def close(self) -> None:
        """End the process, and wait for that."""
        if (running := self._running) is not None:
            self._end(running)

    def _started(self, is_unwanted: Callable[[], bool]) -> _Process:
        with self._lock:
            running = self._running
            if running is not None and running.process.poll() is None:
                return running
            if running is not None:  # it died while nobody needed it
                running.connection.close()
                self._running = None
            if is_unwanted():
                raise EncoderDiedError(NO_TEXT)  # nobody wants its file any more
            self._running = _start(*self._log)
            return self._running

    def _end(self, running: _Process) -> Text:
        """Kill and reap the process; return how it ended."""
        with self._lock:
            self._running = None
            running.process.kill()
        code = running.process.wait()
        running.connection.close()
        return describe_exit(code)


def _answer(running: _Process, seconds: float) -> bytes:
    """Return what the process says next. Raises EncoderHungError, EOFError, OSError."""
    if not running.connection.poll(seconds):
        raise EncoderHungError(
            Text("it didn't respond for {seconds:g} s and was stopped", seconds=seconds)
        )
    return running.connection.recv_bytes()


def _start(log_level: str, log_format: str) -> _Process:
    """Start a process. Raises OSError."""
    ours, theirs = multiprocessing.Pipe()  # a pair of sockets, which carry descriptors as well
    try:
        process = subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-m", _MODULE, str(theirs.fileno()), log_level, log_format],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,  # a terminal's signals are for whoever started the worker
        )
    except OSError:
        with contextlib.suppress(OSError):
            ours.close()
        raise
    finally:
        theirs.close()  # else its end would be hidden from us
    return _Process(process, ours)
