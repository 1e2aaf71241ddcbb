"""The files of hosts' jobs: those that a job needs are handed out, what was made is taken in.

A host gets what a job in its own hands names, and nothing else; what it sends is taken for such a
job alone. Each host has a queue of its own here, so one that asks much waits for itself. A request
says where it wants its answer, and only the asker's own inbox is answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg

from bot.workers.remote.connection import RemoteConnection, RemoteJob
from bot.workers.remote.uploads import DamagedUploadError, Upload
from generator.contract import subjects
from generator.contract.errors import Failure, FailureKind, MessageError
from generator.contract.file_reference import FileReference
from generator.contract.remote import (
    CHUNK_BYTES,
    CHUNKS_IN_FLIGHT,
    MAX_FILE_BYTES,
    number_of,
    pack,
    text_of,
    unpack,
)
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_MOST_WAITING = 8 * CHUNKS_IN_FLIGHT  # requests of one host; it asks again for what is dropped
_NOT_WRITTEN = Text(
    "The GIF couldn't be written to the bot's disk; please tell whoever runs the bot."
)
_NOT_YOURS = "no job that this host has needs this file"

Answer = tuple[dict[str, Any], bytes]
Handler = Callable[[RemoteConnection, RemoteJob, dict[str, Any], bytes], Any]


class _RefusedError(Exception):
    """A request isn't served; says why, to the host."""


class FileDesk:
    """``connection_of(host, device)`` finds the session of a worker."""

    def __init__(
        self,
        connection_of: Callable[[str, str], RemoteConnection | None],
        files: Path,
        publish: Callable[[str, bytes], None],
    ) -> None:
        self._connection_of = connection_of
        self._files = files
        self._publish = publish
        self._waiting: dict[str, deque[tuple[Msg, Handler]]] = {}  # by host, while it is served
        self._serving: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Serve nobody any more."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def take_request(self, message: Msg) -> None:
        """Queue a request of a file's chunk."""
        self._queue(message, self._read)

    def take_chunk(self, message: Msg) -> None:
        """Queue a chunk of a file that was made."""
        self._queue(message, self._write)

    def _queue(self, message: Msg, handler: Handler) -> None:
        host = subjects.parse_host(message.subject)
        if host is None or not subjects.is_in_inbox(host, message.reply):
            return
        waiting = self._waiting.get(host)
        if waiting is None:
            waiting = self._waiting[host] = deque()
            task = asyncio.create_task(self._serve(host, waiting), name=f"files of {host}")
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        if len(waiting) < _MOST_WAITING:
            waiting.append((message, handler))

    async def _serve(self, host: str, waiting: deque[tuple[Msg, Handler]]) -> None:
        """Answer what a host asked, one after the other, until nothing of it waits."""
        while waiting:
            message, handler = waiting.popleft()
            try:
                head, body = await self._answer(host, message.data, handler)
            except (_RefusedError, MessageError) as error:
                head, body = {"refused": str(error)[:200]}, b""
            except Exception:
                logger.exception("a file of %s couldn't be served", host)
                head, body = {"refused": "the bot has trouble with this file"}, b""
            self._publish(message.reply, pack(head, body))
        del self._waiting[host]

    async def _answer(self, host: str, frame: bytes, handler: Handler) -> Answer:
        values, body = unpack(frame)
        connection = self._connection_of(host, text_of(values, "device"))
        if connection is None or connection.session != text_of(values, "session"):
            raise _RefusedError(_NOT_YOURS)
        job = connection.job(text_of(values, "job"), number_of(values, "attempt"))
        if job is None:
            raise _RefusedError(_NOT_YOURS)
        answer: Answer = await handler(connection, job, values, body)
        return answer

    async def _read(
        self, _: RemoteConnection, job: RemoteJob, values: dict[str, Any], __: bytes
    ) -> Answer:
        reference = _reference(values)
        if reference not in job.generate.request.files:
            raise _RefusedError(_NOT_YOURS)
        path, offset = reference.path_in(self._files), number_of(values, "offset")
        try:
            size, chunk = await asyncio.to_thread(_chunk, path, offset)
        except OSError as error:
            logger.warning("a file that a host needs can't be read: %s", error)
            raise _RefusedError("A file that this GIF needs is no longer there.") from error
        return {"size": size}, chunk

    async def _write(
        self, connection: RemoteConnection, job: RemoteJob, values: dict[str, Any], body: bytes
    ) -> Answer:
        upload = await _upload(connection, job, _reference(values), number_of(values, "size"))
        try:
            await upload.take(number_of(values, "offset"), body)
        except DamagedUploadError:
            return {"damaged": True}, b""
        except OSError as error:
            logger.error("a file that was made can't be written: %s", error)  # noqa: TRY400
            job.failure = Failure(FailureKind.DISK, _NOT_WRITTEN, is_retryable=True)
            raise _RefusedError("The file can't be written to the bot's disk.") from error
        return ({"done": True} if upload.is_done else {"offset": upload.received}), b""


def _reference(values: dict[str, Any]) -> FileReference:
    reference = FileReference.parse(text_of(values, "file"))
    if reference is None:
        raise _RefusedError("that names no file")
    return reference


async def _upload(
    connection: RemoteConnection, job: RemoteJob, reference: FileReference, size: int
) -> Upload:
    """Return a job's upload, a new one where another file is announced than before."""
    if reference.suffix != job.generate.suffix or size > MAX_FILE_BYTES:
        raise _RefusedError("that isn't what the job is to become")
    if job.upload is None or (job.upload.reference, job.upload.size) != (reference, size):
        if job.upload is not None:
            await asyncio.to_thread(job.upload.drop)
        job.upload = Upload(connection.output(job), reference, size)
    return job.upload


def _chunk(path: Path, offset: int) -> tuple[int, bytes]:
    with path.open("rb") as opened:
        size = opened.seek(0, 2)
        opened.seek(offset)
        return size, opened.read(CHUNK_BYTES)
