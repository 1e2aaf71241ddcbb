"""Jobs that a worker computes together: each with a file, a progress and a fate of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from generator.contract import wire
from generator.contract.errors import MessageError
from generator.contract.messages import (
    MAX_TOGETHER,
    Cancel,
    Cancelled,
    Capabilities,
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Request,
    SlotFreed,
    Started,
    StartFailed,
)
from generator.contract.worker_settings import WorkerSettings
from generator.worker.engine import BatchEngine
from generator.worker.pace import Pace
from generator.worker.process import WorkerHandle
from tests.generator.engines.batches import FAILS_TOGETHER, Batches
from tests.generator.workers import receive, started

REQUEST = Request(
    prompt="ball", seed=1, width=32, height=32, steps=3, guidance_scale=1.0, video_length=2
)


def together(name: str, count: int, **asked: object) -> list[Generate]:
    """So many jobs, to be computed together."""
    request = replace(REQUEST, **asked)  # type: ignore[arg-type]
    return [
        Generate(f"{name}{n}", 1, replace(request, seed=n + 1), ".gif", count - 1 - n)
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def worker(outputs: Path) -> Iterator[WorkerHandle]:
    settings = WorkerSettings(engine="tests.generator.engines.batches:create", outputs=str(outputs))
    with started(settings) as handle:
        ready = receive(handle)
        assert isinstance(ready, Ready)
        assert ready.capabilities.clips_together(2 * 32 * 32) == MAX_TOGETHER
        yield handle


def hear_all(handle: WorkerHandle, ends: int) -> dict[str, list[Event]]:
    """Reads up to so many outcomes; returns what was said of each job."""
    heard: dict[str, list[Event]] = {}
    while ends:
        event = receive(handle)
        assert not isinstance(event, Ready | StartFailed)
        heard.setdefault(event.job_id, []).append(event)
        ends -= isinstance(event, Finished | Failed | Cancelled)
    return heard


def says(path: Path, comment: str) -> bool:
    return comment.encode() in path.read_bytes()


def test_each_has_its_own_events_and_its_own_file(worker: WorkerHandle, outputs: Path) -> None:
    jobs = together("a", 3)
    for job in jobs:
        worker.send(job)
    heard = hear_all(worker, 3)
    for n, job in enumerate(jobs):
        first, *between, last = heard[job.job_id]
        assert first == Started(job.job_id, 1)
        assert isinstance(last, Finished)
        assert sum(isinstance(event, SlotFreed) for event in between) == 1
        steps = [
            each.step for each in between if isinstance(each, Progress) if each.stage != "save"
        ]
        assert steps == [1, 2, 3]
        assert says(outputs / job.output_name, f"seed {n + 1}, one of 3")


def test_one_that_is_cancelled_leaves_the_others_alone(worker: WorkerHandle, outputs: Path) -> None:
    jobs = together("b", 3, steps=100)
    for job in jobs:
        worker.send(job)
    while not isinstance(receive(worker), Progress):
        pass
    worker.send(Cancel("b1", 1))
    heard = hear_all(worker, 1)
    assert heard["b1"][-1] == Cancelled("b1", 1)  # at once, not with the end of the others
    others = hear_all(worker, 2)
    assert "b1" not in others
    assert all(isinstance(others[name][-1], Finished) for name in ("b0", "b2"))
    assert not (outputs / "b1-1.gif").exists()


def test_what_fails_together_is_made_one_by_one(worker: WorkerHandle, outputs: Path) -> None:
    jobs = together("c", 2, prompt=FAILS_TOGETHER)
    for job in jobs:
        worker.send(job)
    heard = hear_all(worker, 2)
    for job in jobs:
        assert sum(isinstance(event, Started) for event in heard[job.job_id]) == 1
        assert isinstance(heard[job.job_id][-1], Finished)
        assert says(outputs / job.output_name, "alone")


def test_a_file_that_can_t_be_written_is_one_job_s_misfortune(
    worker: WorkerHandle, outputs: Path
) -> None:
    (outputs / "d0-1.gif").mkdir()
    for job in together("d", 2):
        worker.send(job)
    heard = hear_all(worker, 2)
    assert isinstance(heard["d0"][-1], Failed)
    assert isinstance(heard["d1"][-1], Finished)


def test_an_engine_that_knows_no_batches_makes_one_after_the_other(tmp_path: Path) -> None:
    settings = WorkerSettings(engine="tests.generator.engines.clips:create", outputs=str(tmp_path))
    with started(settings) as handle:
        ready = receive(handle)
        assert isinstance(ready, Ready)
        assert ready.capabilities.clips_together(1) == 1
        for job in together("e", 2):
            handle.send(job)
        heard = hear_all(handle, 2)
    assert all(isinstance(said[-1], Finished) for said in heard.values())


# -- what both sides say ---------------------------------------------------------------------------


def test_how_many_are_computed_together() -> None:
    can = Capabilities(model="m", device="d", dtype="t", max_frames=8, max_pixels=1)
    assert can.clips_together(1000) == 1
    can = replace(can, batch_pixels=2999)
    assert [can.clips_together(pixels) for pixels in (10, 1000, 5000)] == [MAX_TOGETHER, 2, 1]


def test_a_message_without_companions_is_as_it_was_before_there_were_any() -> None:
    job = Generate("a", 1, REQUEST, ".gif", 3)
    said = wire.to_dict(job)
    assert wire.from_dict(said) == job
    del said["companions"]
    assert wire.from_dict(said) == replace(job, companions=0)
    with pytest.raises(MessageError):
        wire.from_dict(said | {"companions": MAX_TOGETHER})


def test_steps_taken_together_count_once_for_the_pace() -> None:
    now = 0.0
    pace = Pace(lambda: now)
    shared = pace.together()
    assert not any(shared.begin(REQUEST) for _ in range(3))
    for step in (1, 2):
        now += 10
        assert not any(shared.step(step, 3) for _ in range(3))
    now += 10
    assert all(shared.step(3, 3) for _ in range(3))
    assert not pace.begin(REQUEST)  # it knows that a step takes 10 s, not none


def test_the_test_s_engine_is_one_that_batches() -> None:
    assert isinstance(Batches(), BatchEngine)
