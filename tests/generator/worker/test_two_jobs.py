"""Two jobs in one worker, one computed and one written, while processes are killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from generator.contract.messages import (
    Cancel,
    Cancelled,
    Event,
    Finished,
    Generate,
    Progress,
    Ready,
    Request,
    Shutdown,
    SlotFreed,
    Started,
)
from generator.contract.worker_settings import WorkerSettings
from generator.worker.process import WorkerHandle
from tests.generator.media.pictures import read_back
from tests.generator.worker.test_encoder_pool import has_frames_open
from tests.generator.workers import has_frames, nothing_left_in_shared_memory, receive, started
from tests.patience import PATIENCE, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def clip(job_id: str, frames: int = 16, steps: int = 1) -> Generate:
    """A job whose file takes more than a CPU second, unless it is told otherwise."""
    edge = 256 if frames > 2 else 32
    request = Request(
        prompt="noise",
        seed=1,
        width=edge,
        height=edge,
        steps=steps,
        guidance_scale=5.0,
        video_length=frames,
    )
    return Generate(job_id, 1, request, ".gif")


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerHandle]:
    """Leaves nothing in shared memory."""
    settings = WorkerSettings(
        engine="tests.generator.engines.clips:create", threads=1, outputs=str(tmp_path)
    )
    with nothing_left_in_shared_memory(), started(settings) as handle:
        assert isinstance(receive(handle), Ready)
        yield handle


def encoder_in_mid_file(handle: WorkerHandle) -> int:
    """Waits for one of the worker's children that is; returns which."""
    process = psutil.Process(handle.process.pid)

    def at_work() -> list[int]:
        return [child.pid for child in process.children() if has_frames(child.pid)]

    wait_until(at_work, process.children)
    return at_work()[0]


def events_until(handle: WorkerHandle, ends: int) -> list[Event]:
    """Reads up to so many outcomes."""
    events: list[Event] = []
    while sum(isinstance(event, Finished | Cancelled) for event in events) < ends:
        events.append(receive(handle))
    return events


def test_the_next_job_is_computed_while_the_last_one_is_written(
    worker: WorkerHandle, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        worker.send(clip(name))
    events = events_until(worker, 2)
    ended = {event.job_id: n for n, event in enumerate(events) if isinstance(event, Finished)}
    assert events.index(Started("b", 1)) < ended["a"]
    assert events.index(Progress("a", 1, "save", 0, 1)) < events.index(Started("b", 1))
    assert sum(isinstance(event, SlotFreed) for event in events) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.gif", "b-1.gif"]
    assert not has_frames_open(worker.process.pid or 0)


def test_previews_come_one_after_the_other_and_go_with_the_job(tmp_path: Path) -> None:
    settings = WorkerSettings(engine="tests.bot.engines.previews:create", outputs=str(tmp_path))
    with started(settings) as handle:
        handle.send(clip("a", steps=100))
        shown: list[str] = []
        while len(shown) < 2:
            event = receive(handle)
            if isinstance(event, Progress) and event.preview not in ("", *shown):
                shown.append(event.preview)
        assert read_back((tmp_path / shown[-1]).read_bytes()).format == "WEBP"
        assert shown == ["a-1.preview-1.webp", "a-1.preview-2.webp"]
        assert [path.name for path in tmp_path.iterdir()] == [shown[-1]]
        handle.send(Cancel("a", 1))
        assert events_until(handle, 1)[-1] == Cancelled("a", 1)
        assert list(tmp_path.iterdir()) == []


def test_a_killed_encoder_costs_the_engine_nothing(worker: WorkerHandle, tmp_path: Path) -> None:
    for name in ("a", "b"):
        worker.send(clip(name))
    os.kill(encoder_in_mid_file(worker), signal.SIGKILL)
    events = events_until(worker, 2)
    for name in ("a", "b"):
        assert events.count(Started(name, 1)) == 1
        assert sum(isinstance(one, Finished) and one.job_id == name for one in events) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-1.gif", "b-1.gif"]


def test_a_job_that_is_cancelled_between_decoding_and_its_file(
    worker: WorkerHandle, tmp_path: Path
) -> None:
    worker.send(clip("a"))
    os.kill(encoder_in_mid_file(worker), signal.SIGSTOP)
    worker.send(Cancel("a", 1))
    worker.send(clip("b", frames=2))
    events = events_until(worker, 2)
    assert events.count(Cancelled("a", 1)) == 1
    assert isinstance(events[-1], Finished)
    assert [path.name for path in tmp_path.iterdir()] == ["b-1.gif"]


def test_shutdown_ends_both_jobs(worker: WorkerHandle, tmp_path: Path) -> None:
    worker.send(clip("a"))
    worker.send(clip("b", steps=100_000))
    encoder = encoder_in_mid_file(worker)
    os.kill(encoder, signal.SIGSTOP)
    worker.send(Shutdown())
    ends = [event for event in events_until(worker, 2) if isinstance(event, Cancelled)]
    assert {event.job_id for event in ends} == {"a", "b"}
    worker.process.join(PATIENCE)
    assert worker.process.exitcode == 0
    assert not psutil.pid_exists(encoder)
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_worker_ends_its_encoders_in_mid_file(
    worker: WorkerHandle, tmp_path: Path
) -> None:
    worker.send(clip("a", frames=64))
    encoder = encoder_in_mid_file(worker)
    worker.process.kill()
    wait_until(lambda: not has_frames(encoder))
    assert list(tmp_path.iterdir()) == []
