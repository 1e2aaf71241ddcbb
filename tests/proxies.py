"""Hosts that fall silent: a listener that says nothing, and a proxy that passes nothing on."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOOK_EVERY = 0.05  # seconds


@contextmanager
def silent_host() -> Iterator[int]:
    """The port of a host that takes connections, and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class Proxy:
    """Passes on what comes to ``port`` to a socket's path, unless it is ``silent``.

    Then it takes and keeps connections, as before, and lets nothing through.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.silent = threading.Event()
        self._stopped = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    @classmethod
    @contextmanager
    def to(cls, target: Path) -> Iterator[Proxy]:
        proxy = cls(target)
        proxy._thread.start()
        try:
            yield proxy
        finally:
            proxy._stopped.set()
            proxy._thread.join()

    def _run(self) -> None:
        with contextlib.ExitStack() as opened:
            opened.enter_context(self._server)
            while not self._stopped.is_set():
                if self.silent.is_set():
                    self._stopped.wait(_LOOK_EVERY)
                    continue
                every = [self._server, *(each for pair in self._pairs for each in pair)]
                for ready in select.select(every, [], [], _LOOK_EVERY)[0]:
                    if ready is self._server:
                        self._connect(opened)
                    else:
                        self._pass_on(ready)

    def _connect(self, opened: contextlib.ExitStack) -> None:
        near = opened.enter_context(self._server.accept()[0])
        far = opened.enter_context(socket.socket(socket.AF_UNIX))
        far.connect(str(self._target))
        self._pairs.append((near, far))

    def _pass_on(self, ready: socket.socket) -> None:
        pair = next((pair for pair in self._pairs if ready in pair), None)
        if pair is None or self.silent.is_set():
            return
        other = pair[1] if ready is pair[0] else pair[0]
        with contextlib.suppress(OSError):
            if data := ready.recv(65536):
                other.sendall(data)
                return
        self._pairs.remove(pair)
        for each in pair:
            each.close()
