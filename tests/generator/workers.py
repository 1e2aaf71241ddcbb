"""Starting real workers and reading what they say."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from generator.contract.messages import Event, Progress, Ready, SlotFreed, Started
from generator.contract.worker_settings import WorkerSettings
from generator.worker import process
from generator.worker.process import WorkerHandle
from generator.worker.shared_frames import MEMFD_NAME
from tests.patience import PATIENCE, wait_until


@contextmanager
def started(settings: WorkerSettings) -> Iterator[WorkerHandle]:
    """A worker that doesn't outlive its test."""
    handle = process.start(settings)
    try:
        yield handle
    finally:
        handle.process.kill()
        handle.process.join(PATIENCE)
        handle.close()


def receive(handle: WorkerHandle) -> Event:
    assert handle.events.poll(PATIENCE), "the worker says nothing"
    return handle.receive()


def job_events(handle: WorkerHandle) -> list[Event]:
    """Reads up to the event that ends a job; of which one has room for the next one behind it.

    That comes at a moment that depends on the pace, so it is looked at here and left out.
    """
    events = [receive(handle)]
    while isinstance(events[-1], Ready | Started | Progress | SlotFreed):
        events.append(receive(handle))
    assert sum(isinstance(event, SlotFreed) for event in events) == 1
    return [event for event in events if not isinstance(event, SlotFreed)]


def outcome(handle: WorkerHandle) -> Event:
    """Reads up to the event that ends a job."""
    while isinstance(event := receive(handle), Ready | Started | Progress | SlotFreed):
        pass
    return event


def has_frames(pid: int) -> bool:
    """Whether a process has a clip's frames before it, so that it is in the middle of a file."""
    with suppress(OSError):
        return MEMFD_NAME in Path(f"/proc/{pid}/maps").read_text()
    return False


@contextmanager
def nothing_left_in_shared_memory() -> Iterator[None]:
    """Fail where something is left in /dev/shm; what tests beside this one put there goes away."""
    before = _in_shared_memory()
    yield
    wait_until(lambda: _in_shared_memory() <= before, lambda: _in_shared_memory() - before)


def _in_shared_memory() -> set[str]:
    return set(os.listdir("/dev/shm"))  # noqa: PTH208, S108 - looked at, and nothing is put there
