"""The real engine in a real worker, with a small model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from generator.contract.messages import (
    Cancel,
    Cancelled,
    Event,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Request,
    Started,
    StartFailed,
)
from generator.contract.worker_settings import WorkerSettings
from generator.recipes.recipe import ModelSettings, read_recipe
from generator.worker.process import WorkerHandle
from tests.generator.media.pictures import read_back
from tests.generator.small_model import small_model
from tests.generator.workers import job_events, outcome, receive, started
from tests.patience import PATIENCE

TINY = Path(__file__).parents[2] / "data" / "reference" / "tiny"
A_REQUEST = Request(
    prompt="a red ball",
    seed=0,
    width=64,
    height=64,
    steps=2,
    guidance_scale=5.0,
    video_length=3,
    video_duration=500,
)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one worker writes; each test leaves it empty."""
    return tmp_path_factory.mktemp("outputs")


@pytest.fixture(scope="module")
def hotshot(outputs: Path) -> Iterator[WorkerHandle]:
    """One worker for all tests here, since torch takes seconds to import."""
    settings = WorkerSettings(
        model=str(small_model()), device="cpu", precision="f32", threads=1, outputs=str(outputs)
    )
    with started(settings) as handle:
        ready = receive(handle)
        assert isinstance(ready, Ready)
        can = ready.capabilities
        assert (can.model, can.device, can.dtype) == (str(small_model()), "cpu", "float32")
        assert ready.seconds > 0
        yield handle


def test_a_gif_is_made_in_named_stages(hotshot: WorkerHandle, outputs: Path) -> None:
    output = outputs / "one-1.gif"
    hotshot.send(Generate("one", 1, A_REQUEST, ".gif"))
    *said, finished = job_events(hotshot)
    assert said[0] == Started("one", 1)
    stages = [(e.stage, e.step, e.steps) for e in said if isinstance(e, Progress)]
    # A preview, which a slow machine has the time for, comes with the step that it shows again.
    denoised = dict.fromkeys(stage for stage in stages if stage[0] == "denoise")
    assert list(denoised) == [("denoise", 1, 2), ("denoise", 2, 2)]
    assert stages[0][0] == "encode_prompt"
    assert stages[-1] == ("save", 0, 1)
    assert isinstance(finished, Finished)
    assert finished.size_bytes == output.stat().st_size
    seen = read_back(output.read_bytes())
    assert seen.frames.shape == (3, 64, 64, 3)
    assert seen.durations == [160, 170, 170]
    output.unlink()


def test_a_cancelled_job_writes_nothing(hotshot: WorkerHandle, outputs: Path) -> None:
    request = replace(A_REQUEST, steps=150)
    hotshot.send(Generate("long", 1, request, ".gif"))
    assert receive(hotshot) == Started("long", 1)
    hotshot.send(Cancel("long", 1))
    assert outcome(hotshot) == Cancelled("long", 1)
    assert list(outputs.iterdir()) == []


def test_variations_are_made_together_and_one_is_cancelled(
    hotshot: WorkerHandle, outputs: Path
) -> None:
    jobs = [
        Generate(name, 1, replace(A_REQUEST, seed=seed, steps=20), ".gif", 2 - seed)
        for seed, name in enumerate(("a", "b", "c"))
    ]
    for job in jobs:
        hotshot.send(job)
    ends: dict[str, Event] = {}
    denoised: list[str] = []
    while len(ends) < len(jobs):
        event = receive(hotshot)
        assert not isinstance(event, Ready | StartFailed)
        if isinstance(event, Progress) and event.stage == "denoise":
            if not denoised:
                hotshot.send(Cancel("b", 1))
            denoised.append(event.job_id)
        if isinstance(event, Finished | Failed | Cancelled):
            ends[event.job_id] = event
    assert denoised[:6] == ["a", "b", "c"] * 2 or denoised[:4] == ["a", "b", "c", "a"]
    assert ends["b"] == Cancelled("b", 1)
    assert sorted(path.name for path in outputs.iterdir()) == ["a-1.gif", "c-1.gif"]
    for job in (jobs[0], jobs[2]):
        recipe = read_recipe(outputs / job.output_name)
        assert recipe is not None
        assert recipe.request == job.request
        (outputs / job.output_name).unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "suffix", "sentence"),
    [
        ({"width": 100}, ".gif", "multiple of 8"),
        ({"prompt": " "}, ".gif", "prompt is empty"),
        ({"video_length": 25}, ".gif", "at most 24 frames at once"),
        ({}, ".txt", "must be one of .gif"),
        ({}, "/ball.gif", "There is no directory"),
    ],
)
def test_a_bad_request_is_a_sentence(
    hotshot: WorkerHandle, outputs: Path, change: dict[str, object], suffix: str, sentence: str
) -> None:
    request = Request.from_dict(A_REQUEST.to_dict() | change)
    hotshot.send(Generate("bad", 1, request, suffix))
    failed = outcome(hotshot)
    assert isinstance(failed, Failed)
    assert sentence in str(failed.failure)
    assert list(outputs.iterdir()) == []


@pytest.mark.slow
def test_a_worker_with_a_base_in_little_memory(tmp_path: Path) -> None:
    """And its files' recipes name no place on this machine."""
    settings = WorkerSettings(
        model=str(TINY),
        spatial_unet_base=str(TINY / "unet"),
        unet_only=True,
        low_vram=True,
        device="cpu",
        threads=1,
        outputs=str(tmp_path),
    )
    output = tmp_path / "one-1.gif"
    with started(settings) as handle:
        assert isinstance(receive(handle), Ready)
        handle.send(Generate("one", 1, A_REQUEST, ".gif"))
        assert isinstance(outcome(handle), Finished)
    recipe = read_recipe(output)
    assert recipe is not None
    assert recipe.request == A_REQUEST
    assert recipe.setup == ModelSettings(
        model="tiny", spatial_unet_base="unet", unet_only=True, precision="f32"
    )
    assert set(recipe.sha256) == {"tiny", "unet"}


@pytest.mark.slow
def test_a_missing_model_is_told(tmp_path: Path) -> None:
    with started(WorkerSettings(model=str(tmp_path / "missing"))) as handle:
        broken = receive(handle)
    assert isinstance(broken, StartFailed)
    assert "There is no model directory at" in str(broken.failure)


CRAMPED = """
import re, resource, sys
from pathlib import Path
import torch
from generator.contract.errors import OutOfMemoryError
from generator.inference.hotshot_engine import HotshotEngine
from generator.contract.messages import Request
from generator.recipes.recipe import ModelSettings

def no_more_memory():
    status = Path("/proc/self/status").read_text()
    size = int(re.search(r"VmSize:\\s+(\\d+)", status)[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))

def memory():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def attempt(edge, frames):
    request = Request(prompt="x", seed=1, width=edge, height=edge, steps=1,
                      guidance_scale=5.0, video_length=frames)
    try:
        engine.generate(request, Path(sys.argv[2]), lambda *_: None)
        print("made")
    except OutOfMemoryError as error:
        print(error)

def load():
    return HotshotEngine.load(ModelSettings(model=sys.argv[1], precision="f32"), device="cpu")

engine = load()
attempt(64, 2)
no_more_memory()
attempt(256, 24)
try:
    load()
except OutOfMemoryError as error:
    print(error)
memory()
attempt(64, 2)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on a process's memory")
def test_no_room_is_a_sentence_and_the_next_request_is_made(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(small_model()), str(tmp_path / "ball.gif")],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TRANSFORMERS_VERBOSITY": "error"},
    )
    once_more = "The memory of cpu ran out; trying once in low memory.\n"
    assert (done.returncode, done.stderr) == (0, once_more)
    first, too_large, no_model, last = done.stdout.splitlines()
    assert (first, last) == ("made", "made")
    assert "n't enough memory for 24 frames of 256 x 256" in too_large
    assert "doesn't fit into the memory of cpu" in no_model
