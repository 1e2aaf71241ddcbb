"""``python -m generator.media.encoder_process DESCRIPTOR LEVEL FORMAT``: writes files for a worker.

Once it is ready, it says a word on the socket ``DESCRIPTOR``. Each task comes through that with a
descriptor of the frames' memory, and is answered by an outcome. LEVEL and FORMAT are of the log.
The process ends with the socket, and leaves nothing half written then. Its parent kills it where it
takes too long; a limit on its address space makes a sentence of a clip that needs too much. Never
imports torch.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing import reduction
from multiprocessing.connection import Connection
from pathlib import Path

from generator.contract import logs, wire
from generator.contract.encoder_task import EncoderTask
from generator.contract.failures import failure_of
from generator.contract.file_reference import FileReference
from generator.contract.messages import Failed, Finished
from generator.contract.raw_clip import RawClip
from generator.media.output import write_whole
from generator.media.save import encode_raw

logger = logging.getLogger(__name__)


class _Inbox:
    """Tasks as they come in, read by a thread of its own, which sees the parent's end at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tasks: queue.SimpleQueue[tuple[EncoderTask, int]] = queue.SimpleQueue()
        self._at_hand: EncoderTask | None = None
        threading.Thread(target=self._read, name="tasks", daemon=True).start()

    def next_task(self) -> tuple[EncoderTask, int]:
        """Wait for a task, and the descriptor of its frames."""
        task, descriptor = self._tasks.get()
        self._at_hand = task
        return task, descriptor

    def _read(self) -> None:
        while True:
            try:
                task = EncoderTask.from_json(self._connection.recv_bytes())
                self._tasks.put((task, reduction.recv_handle(self._connection)))
            except (EOFError, OSError):
                self._leave()

    def _leave(self) -> None:
        """End the whole process: sys.exit would only end this thread."""
        if self._at_hand is not None:
            with contextlib.suppress(OSError):
                Path(self._at_hand.scratch).unlink(missing_ok=True)
        os._exit(0)


def main(arguments: Sequence[str]) -> None:
    """Carry out one task after another until the parent is gone."""
    descriptor, level, form = arguments
    connection = Connection(int(descriptor))
    logs.configure(level, form)
    inbox = _Inbox(connection)
    connection.send_bytes(b"ready")
    while True:
        task, frames = inbox.next_task()
        with logs.job_context(task.job_id, task.attempt):
            outcome = _outcome(task, frames)
        with contextlib.suppress(OSError):  # the parent is gone, which the inbox sees as well
            connection.send_bytes(wire.encode(outcome))


def _outcome(task: EncoderTask, descriptor: int) -> Finished | Failed:
    """Carry out a task; whatever happens comes back as an outcome."""
    began = time.perf_counter()
    path = Path(task.path)
    try:
        _limit_memory(task.memory_bytes)
        write_whole(path, _encoded(task, descriptor), Path(task.scratch))
        reference, size = FileReference.of_file(path), path.stat().st_size
    except Exception as error:  # a bug in an encoder must not cost the next file
        failure = failure_of(error)
        logger.exception("no file could be made (%s)", failure.kind)
        return Failed(task.job_id, task.attempt, failure)
    seconds = time.perf_counter() - began
    return Finished(task.job_id, task.attempt, reference, seconds, size)


def _encoded(task: EncoderTask, descriptor: int) -> bytes:
    """Return the file's bytes."""
    try:
        memory = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
    finally:
        os.close(descriptor)
    frames = memoryview(memory).cast("B", task.shape)
    clip = RawClip(frames, task.duration_ms, task.comment, task.quality)
    return encode_raw(clip, Path(task.path).suffix.lower())


def _limit_memory(most: int) -> None:
    """Let this process have no more address space from here on, up to what it was given itself."""
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


if __name__ == "__main__":
    main(sys.argv[1:])
