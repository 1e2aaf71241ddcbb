"""Files made by processes beside a worker's: each ends once, whatever happens to its process."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from generator.contract.errors import FailureKind
from generator.contract.file_reference import FileReference
from generator.contract.messages import Cancelled, Failed, Finished, Outcome
from generator.contract.raw_clip import RawClip
from generator.media.comment import comment_of
from generator.worker.encoder_pool import EncoderPool, EncoderSettings, FileOrder
from generator.worker.shared_frames import MEMFD_NAME
from tests.generator.engines.clips import noise
from tests.generator.media.pictures import read_back
from tests.generator.workers import has_frames, nothing_left_in_shared_memory
from tests.patience import PATIENCE, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Orders:
    """Orders files in one directory, and hears what becomes of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.cancelled: set[str] = set()

    def __call__(self, name: str, clip: RawClip) -> FileOrder:
        job_id = Path(name).stem
        return FileOrder(
            job_id=job_id,
            attempt=1,
            clip=clip,
            path=self.directory / name,
            is_cancelled=lambda: job_id in self.cancelled,
            end=self.outcomes.put,
        )

    def next_outcome(self) -> Outcome:
        return self.outcomes.get(timeout=PATIENCE)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Orders]:
    """And nothing is left in shared memory, whatever a test does."""
    directory = tmp_path / "outputs"
    directory.mkdir()
    ordered = Orders(directory)
    with nothing_left_in_shared_memory():
        yield ordered
        assert ordered.outcomes.empty()
    assert not has_frames_open("self")


def has_frames_open(pid: int | str) -> bool:
    """Whether a process holds a clip's frames, or a way to them."""
    held = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held.append(link.readlink().name)
    return any(MEMFD_NAME in name for name in held)


def long() -> RawClip:
    return noise(16, 256)


def large() -> RawClip:
    """Of which one waits at most."""
    return noise(64, 256)


def short() -> RawClip:
    return noise(2, 32)


def in_mid_file(pool: EncoderPool) -> int:
    """Waits for a process that is; returns which."""
    wait_until(lambda: any(map(has_frames, pool.pids)), lambda: pool.pids)
    return next(filter(has_frames, pool.pids))


def test_files_are_made_in_light_processes(orders: Orders) -> None:
    frames = np.zeros((3, 16, 24, 3), np.uint8)
    frames[1, 4:8], frames[2, 8:12] = 255, 100
    with EncoderPool() as pool:
        pool.write(orders("a.gif", RawClip(frames.data, 300, comment="how it was made")))
        made = orders.next_outcome()
        pool.write(orders("b.mp4", short()))
        assert isinstance(orders.next_outcome(), Finished)
        assert pool.offer(orders("c.webp", RawClip(frames.data, 300, quality=60)))
        assert isinstance(orders.next_outcome(), Finished)
        for pid in pool.pids:
            assert "torch" not in Path(f"/proc/{pid}/maps").read_text()
    gif = orders.directory / "a.gif"
    assert isinstance(made, Finished)
    assert (made.output, made.size_bytes) == (FileReference.of_file(gif), gif.stat().st_size)
    assert comment_of(gif.read_bytes()) == "how it was made"
    assert np.array_equal(read_back(gif.read_bytes()).frames, frames)
    assert orders.files() == ["a.gif", "b.mp4", "c.webp"]
    assert pool.pids == []


@pytest.mark.slow
def test_a_killed_process_costs_another_try_and_no_more_than_that(orders: Orders) -> None:
    with EncoderPool() as pool:
        pool.write(orders("a.gif", long()))
        pool.write(orders("b.gif", long()))
        os.kill(in_mid_file(pool), signal.SIGKILL)
        ends = [orders.next_outcome(), orders.next_outcome()]
    assert all(isinstance(end, Finished) for end in ends)
    assert orders.files() == ["a.gif", "b.gif"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "settings", "kind", "reason"),
    [
        (signal.SIGKILL, EncoderSettings(count=1), FailureKind.WORKER_DIED, "by signal 9"),
        (
            signal.SIGSTOP,
            EncoderSettings(count=1, seconds=0.5),
            FailureKind.WORKER_HUNG,
            "it didn't respond for",
        ),
    ],
)
def test_a_file_that_no_process_gets_through_is_given_up(
    orders: Orders, number: int, settings: EncoderSettings, kind: FailureKind, reason: str
) -> None:
    with EncoderPool(settings) as pool:
        pool.write(orders("a.gif", noise(64, 256)))
        while orders.outcomes.empty():
            for pid in filter(has_frames, pool.pids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
        failed = orders.next_outcome()
        assert isinstance(failed, Failed)
        assert (failed.failure.kind, failed.failure.is_retryable) == (kind, True)
        assert reason in str(failed.failure)
        assert orders.files() == []


def test_too_little_memory_is_a_sentence(orders: Orders) -> None:
    with EncoderPool(EncoderSettings(memory_bytes=1)) as pool:
        pool.write(orders("a.gif", short()))
        failed = orders.next_outcome()
        assert pool.pids == []  # one that holds too much is not kept
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureKind.OUT_OF_MEMORY


def test_a_disk_that_fills_in_mid_file_leaves_nothing(orders: Orders) -> None:
    with EncoderPool(EncoderSettings(count=1)) as pool:
        pool.write(orders("a.gif", short()))
        assert isinstance(orders.next_outcome(), Finished)
        [pid] = pool.pids
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
        pool.write(orders("b.gif", noise(4, 128)))
        failed = orders.next_outcome()
        resource.prlimit(
            pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        )
        pool.write(orders("c.gif", short()))
        assert isinstance(orders.next_outcome(), Finished)
        assert pool.pids == [pid]
    assert isinstance(failed, Failed)
    assert (failed.failure.kind, failed.failure.is_retryable) == (FailureKind.DISK, True)
    assert orders.files() == ["a.gif", "c.gif"]


def test_without_shared_memory_frames_go_through_files(
    orders: Orders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As on macOS, which has no such memory."""
    caplog.set_level(logging.WARNING, logger="generator")
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    with EncoderPool() as pool:
        for name in ("a.gif", "b.gif"):
            pool.write(orders(name, short()))
            assert isinstance(orders.next_outcome(), Finished)
        own.rmdir()
        pool.write(orders("c.gif", short()))
        failed = orders.next_outcome()
    assert isinstance(failed, Failed)
    assert orders.files() == ["a.gif", "b.gif"]
    assert caplog.text.count("there is no shared memory for frames") == 1


def test_what_is_cancelled_ends_at_once_at_any_moment(orders: Orders) -> None:
    with EncoderPool(EncoderSettings(count=1)) as pool:
        pool.write(orders("at-work.gif", long()))
        pool.write(orders("waits.gif", large()))
        pool.write(orders("small.gif", short()))  # which is nothing to hold as well
        assert not pool.offer(orders("no-room.webp", short()))
        bringing = threading.Thread(target=pool.write, args=(orders("brought.gif", large()),))
        bringing.start()
        os.kill(in_mid_file(pool), signal.SIGSTOP)  # it can't be through before it is cancelled
        bringing.join(0.1)
        assert bringing.is_alive()  # there is room for as many as that, and their frames
        orders.cancelled |= {"at-work", "waits", "small", "brought"}
        pool.drop_cancelled()
        ends = {orders.next_outcome() for _ in range(4)}
        bringing.join(PATIENCE)
        assert ends == {Cancelled(name, 1) for name in orders.cancelled}
        pool.write(orders("brought.gif", long()))  # already on its way when it was cancelled
        assert orders.next_outcome() == Cancelled("brought", 1)
        pool.write(orders("next.gif", short()))
        assert isinstance(orders.next_outcome(), Finished)
    assert orders.files() == ["next.gif"]


def test_a_pool_that_closes_ends_every_file(orders: Orders) -> None:
    with EncoderPool(EncoderSettings(count=1)) as pool:
        pool.write(orders("a.gif", long()))
        pool.write(orders("b.gif", long()))
        in_mid_file(pool)
    assert {orders.next_outcome(), orders.next_outcome()} == {Cancelled("a", 1), Cancelled("b", 1)}
    assert orders.files() == []


PARENT = """
import sys, time
from pathlib import Path
from generator.worker.encoder_pool import EncoderPool, FileOrder
from tests.generator.engines.clips import noise
from tests.generator.media.pictures import read_back
from tests.generator.workers import has_frames
pool, path = EncoderPool(), Path(sys.argv[1]) / "a.gif"
pool.write(FileOrder("a", 1, noise(64, 256), path, lambda: False, print))
while not pool.pids:
    time.sleep(0.01)
print(pool.pids[0], flush=True)
time.sleep(1000)
"""


def test_the_end_of_the_parent_ends_its_processes_in_mid_file(orders: Orders) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(orders.directory)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        wait_until(lambda: has_frames(pid))
        parent.kill()
        wait_until(lambda: not has_frames(pid))
    assert orders.files() == []
