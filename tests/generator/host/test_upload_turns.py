"""Whose file goes up: in order, as many at once as make one large one's share of the line."""

from __future__ import annotations

import asyncio

from generator.contract.remote import CHUNK_BYTES, CHUNKS_IN_FLIGHT
from generator.host.upload_turns import UploadTurns

LARGE = 100 * CHUNK_BYTES


class Uploads:
    """Files that go up until they are told to end."""

    def __init__(self) -> None:
        self.turns = UploadTurns()
        self.going: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def begin(self, **sizes: int) -> None:
        for name, size in sizes.items():
            self._tasks[name] = asyncio.create_task(self._go(name, size))
        await self._settle()

    async def end(self, name: str) -> None:
        """End one, whether it goes up or waits for that."""
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._settle()

    async def _go(self, name: str, size: int) -> None:
        async with self.turns.turn(size, lambda: None):
            self.going.append(name)
            try:
                await asyncio.Event().wait()
            finally:
                self.going.remove(name)

    @staticmethod
    async def _settle() -> None:
        for _ in range(10):
            await asyncio.sleep(0)


async def test_small_files_go_up_together_and_a_large_one_alone() -> None:
    uploads = Uploads()
    await uploads.begin(a=10, b=CHUNK_BYTES, c=0, large=LARGE, d=10)
    assert uploads.going == ["a", "b", "c"]
    for name in ("a", "b", "c"):
        await uploads.end(name)
    assert uploads.going == ["large"]
    await uploads.end("large")
    assert uploads.going == ["d"]


async def test_no_more_goes_up_at_once_than_of_one_large_file() -> None:
    uploads = Uploads()
    await uploads.begin(**{f"f{number}": CHUNK_BYTES for number in range(CHUNKS_IN_FLIGHT + 2)})
    assert len(uploads.going) == CHUNKS_IN_FLIGHT
    await uploads.end("f3")
    assert len(uploads.going) == CHUNKS_IN_FLIGHT
    assert uploads.going[-1] == f"f{CHUNKS_IN_FLIGHT}"


async def test_one_that_is_given_up_keeps_nobody_waiting() -> None:
    uploads = Uploads()
    await uploads.begin(first=LARGE, second=LARGE, third=10)
    await uploads.end("second")
    assert uploads.going == ["first"]
    await uploads.end("first")
    assert uploads.going == ["third"]
