"""A bad line between a host and its server: a TCP proxy that delays, stalls and cuts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK_BYTES = 64 * 1024


@dataclass
class BadLine:
    """``delay`` is one way, and up to ``jitter`` more, in seconds; bytes stay in their order.

    ``cut_every`` bytes all connections are cut, ``cuts_left`` times.
    """

    to_port: int
    delay: float = 0.0
    jitter: float = 0.0
    cut_every: int = 0
    cuts_left: int = 0
    port: int = 0
    carried: int = 0  # bytes, both ways
    cuts: int = 0
    _carried_at_cut: int = 0
    serving: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _flows: asyncio.Event = field(default_factory=asyncio.Event)
    _draw: random.Random = field(default_factory=lambda: random.Random(1))

    def stall(self) -> None:
        """Carry nothing, as a line does that is down: nobody is told."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def cut(self) -> None:
        """End all connections at once; what was under way is lost."""
        self.cuts += 1
        self._carried_at_cut = self.carried
        for writer in self._writers:
            writer.transport.abort()

    def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self.serving.add(task)
        task.add_done_callback(self.serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._writers |= ends
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, far_writer))
                group.create_task(self._carry(far_reader, writer))
        except* OSError:
            pass
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry what comes until it ends. Raises OSError."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(under_way, writer))
        clock, due = asyncio.get_running_loop().time, 0.0
        try:
            while data := await reader.read(_CHUNK_BYTES):
                due = max(due, clock() + self.delay + self._draw.uniform(0, self.jitter))
                under_way.put_nowait((due, data))
        finally:
            delivering.cancel()
        raise ConnectionError("an end is gone, and so is the other")

    async def _deliver(
        self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await self._flows.wait()
            writer.write(data)
            self.carried += len(data)
            if self.cuts_left and self.carried - self._carried_at_cut > self.cut_every > 0:
                self.cuts_left -= 1
                self.cut()


@asynccontextmanager
async def bad_line(line: BadLine) -> AsyncIterator[BadLine]:
    """Serve a line on a port of its own."""
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    line.flow()
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await asyncio.gather(*line.serving)
