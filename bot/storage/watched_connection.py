"""A PostgreSQL connection that doesn't wait for ever: imported where the extra ``postgresql`` is.

The server's own time-outs end what it is slow at. They say nothing of a host that fell silent, or
of a proxy that goes on holding the connection to one: the thread that waits there would never
wake. So each wait has a limit on this side as well, at whose end the socket is shut down; the
driver takes that for what it is, a lost connection.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg

_LOOK_EVERY = 0.25  # seconds


class SilenceWatch:
    """Shuts down the sockets that are waited on for longer than ``seconds``, in one thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waits: dict[int, tuple[float, int]] = {}  # when each is over, and its socket
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watching(self, socket_number: int) -> Iterator[None]:
        """Shut the socket down where the block takes too long."""
        with self._lock:
            if self._thread is None:
                self._start()
            number = next(self._numbers)
            self._waits[number] = time.monotonic() + self._seconds, socket_number
        try:
            yield
        finally:
            with self._lock:  # so that no other socket of that number is ever shut down
                self._waits.pop(number, None)

    def stop(self) -> None:
        """End the thread; the next wait starts another."""
        with self._lock:
            thread, self._thread = self._thread, None
        self._stopped.set()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stopped,), name="database watch", daemon=True
        )
        self._thread.start()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.wait(_LOOK_EVERY):
            now = time.monotonic()
            with self._lock:
                over = [number for number, (end, _) in self._waits.items() if end <= now]
                for number in over:
                    _shut_down(self._waits.pop(number)[1])


def _shut_down(socket_number: int) -> None:
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(socket_number)) as opened:
        opened.shutdown(socket.SHUT_RDWR)


def watched_class(watch: SilenceWatch) -> type[psycopg.Connection[Any]]:
    """Return psycopg's connection with each of its waits under a watch."""

    class WatchedConnection(psycopg.Connection[Any]):
        def wait(self, *args: Any, **kwargs: Any) -> Any:
            with watch.watching(self.pgconn.socket):
                return super().wait(*args, **kwargs)

    return WatchedConnection
