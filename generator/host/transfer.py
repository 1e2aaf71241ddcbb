"""Files on their way between a bot and a GPU host: in chunks, each asked for and answered.

The host is who asks, in both directions. A chunk that gets no answer is asked for again, for as
long as the job is wanted; what a file is decides its hash, at the end and as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from generator.contract import subjects
from generator.contract.errors import FailureKind, HotshotError, MessageError, is_disk_full
from generator.contract.file_reference import FileReference
from generator.contract.remote import (
    CHUNK_BYTES,
    CHUNKS_IN_FLIGHT,
    number_of,
    pack,
    text_of,
    unpack,
)
from generator.contract.text import Text
from generator.host.cache import DamagedFileError, FileCache
from generator.link.lasting import LastingLink, NotConnectedError

_ANSWER_SECONDS = 5.0
_AGAIN_SECONDS = 0.5
_MOST_DAMAGED = 3  # tries of one file
OnMoved = Callable[[int, int], None]  # bytes moved, of how many


class HostDiskError(HotshotError):
    """There is no writing to the host's disk."""

    kind = FailureKind.DISK
    is_retryable = True
    is_translated = False


class TransferRefusedError(HotshotError):
    """The bot doesn't serve this file, or doesn't take it: it says why."""

    is_retryable = True


class Transfer:
    """Moves the files of one job; ``job`` is how its requests name it."""

    def __init__(self, link: LastingLink, host: str, job: dict[str, Any]) -> None:
        self._link = link
        self._host = host
        self._job = job

    async def fetch(self, reference: FileReference, cache: FileCache, on_moved: OnMoved) -> None:
        """Bring a file into the cache. Raises HotshotError."""
        for tried in range(1, _MOST_DAMAGED + 1):
            try:
                await self._fetch(reference, cache, on_moved)
            except DamagedFileError:
                if tried == _MOST_DAMAGED:
                    raise
            except OSError as error:
                raise _disk_error(error) from error
            else:
                return

    async def _fetch(self, reference: FileReference, cache: FileCache, on_moved: OnMoved) -> None:
        size, first = await self._chunk(reference, 0)
        part = cache.part(reference, size)
        try:
            with await asyncio.to_thread(part.open, "wb") as opened:
                await self._write(opened, first)
                await self._fetch_rest(reference, opened, size, on_moved)
            await asyncio.to_thread(cache.check, reference, part)
            cache.take(reference, part)
        finally:
            cache.drop_part(reference)

    async def _fetch_rest(
        self, reference: FileReference, opened: BinaryIO, size: int, on_moved: OnMoved
    ) -> None:
        offsets = list(range(CHUNK_BYTES, size, CHUNK_BYTES))
        coming: list[asyncio.Task[tuple[int, bytes]]] = []
        try:
            for at in range(len(offsets)):
                for offset in offsets[at + len(coming) : at + CHUNKS_IN_FLIGHT]:
                    coming.append(asyncio.create_task(self._chunk(reference, offset)))
                now_size, chunk = await coming.pop(0)
                expected = min(CHUNK_BYTES, size - offsets[at])
                if now_size != size or len(chunk) != expected:
                    raise DamagedFileError("A file was damaged on its way to the GPU host.")
                await self._write(opened, chunk)
                on_moved(offsets[at] + len(chunk), size)
        finally:
            for task in coming:
                task.cancel()

    @staticmethod
    async def _write(opened: BinaryIO, chunk: bytes) -> None:
        await asyncio.to_thread(opened.write, chunk)

    async def _chunk(self, reference: FileReference, offset: int) -> tuple[int, bytes]:
        """Return a file's size and what begins at an offset of it. Raises TransferRefusedError."""
        asked = pack(self._job | {"file": reference.name, "offset": offset})
        values, body = await self._ask(subjects.blob(self._host), asked)
        return number_of(values, "size"), body

    async def bring(
        self, file: Path, reference: FileReference, size: int, on_moved: OnMoved
    ) -> None:
        """Bring a file to the bot, whole. Raises HotshotError."""
        head = self._job | {"file": reference.name, "size": size}
        for _ in range(_MOST_DAMAGED):
            try:
                if await self._bring(file, head, size, on_moved):
                    return
            except OSError as error:
                raise HostDiskError(
                    "The GIF that was made can't be read on the GPU host ({reason}).",
                    reason=error.strerror or type(error).__name__,
                ) from error
        raise DamagedFileError("The GIF was damaged on its way from the GPU host.")

    async def _bring(self, file: Path, head: dict[str, Any], size: int, on_moved: OnMoved) -> bool:
        """Send chunks from where the bot says; return False where all came, and not whole."""
        acknowledged: int | None = 0
        while acknowledged is not None:
            if acknowledged < 0:
                return False
            acknowledged = await self._put_window(file, head, acknowledged, size)
            on_moved(size if acknowledged is None else max(acknowledged, 0), size)
        return True

    async def _put_window(
        self, file: Path, head: dict[str, Any], begin: int, size: int
    ) -> int | None:
        """Send some chunks at once; return how far the bot has the file, None for all of it."""
        end = min(size, begin + CHUNK_BYTES * CHUNKS_IN_FLIGHT)
        offsets = range(begin, end, CHUNK_BYTES) if end > begin else [begin]
        chunks = await asyncio.to_thread(_read, file, offsets)  # at once: each costs a switch
        sending = [
            asyncio.create_task(self._put(head, offset, chunk))
            for offset, chunk in zip(offsets, chunks, strict=True)
        ]
        try:
            answers = await asyncio.gather(*sending)
        finally:
            for task in sending:
                task.cancel()
        if None in answers:
            return None
        return answers[-1]

    async def _put(self, head: dict[str, Any], offset: int, chunk: bytes) -> int | None:
        """Send a chunk; return how far the bot has the file, None for all, -1 for a damaged one."""
        values, _ = await self._ask(
            subjects.put(self._host), pack(head | {"offset": offset}, chunk)
        )
        if values.get("done") is True:
            return None
        if values.get("damaged") is True:
            return -1
        return number_of(values, "offset")

    async def _ask(self, subject: str, frame: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the bot's answer, however long the connection is lost meanwhile."""
        while True:
            try:
                answer = await self._link.request(subject, frame, _ANSWER_SECONDS)
                values, body = unpack(answer)
                if "refused" in values:
                    raise TransferRefusedError(Text(text_of(values, "refused")))
            except NotConnectedError:
                await asyncio.sleep(_AGAIN_SECONDS)
            except MessageError as error:
                raise TransferRefusedError(error.words) from error
            else:
                return values, body


def _read(file: Path, offsets: Sequence[int]) -> list[bytes]:
    """Return the chunks that begin at some offsets, which follow one another."""
    with file.open("rb") as opened:
        opened.seek(offsets[0])
        return [opened.read(CHUNK_BYTES) for _ in offsets]


def _disk_error(error: OSError) -> HotshotError:
    if is_disk_full(error):
        return HostDiskError("The disk of the GPU host is full, so this can't be made there.")
    return HostDiskError(
        "A file can't be written on the GPU host ({reason}).",
        reason=error.strerror or type(error).__name__,
    )
