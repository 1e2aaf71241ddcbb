"""Each kind of failure, from a real worker's engine up to the row, and what its owner reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.storage.database import open_database
from bot.storage.models import Job, State
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.watchdog import WatchdogSettings
from generator.contract.errors import FailureKind
from generator.contract.worker_settings import WorkerSettings
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ORIGIN, REQUEST

ENGINES = "tests.generator.engines"
SMALLER = "There isn't enough memory for this; ask for a smaller size or fewer frames."
NOT_WRITTEN = "The GIF couldn't be written to the bot's disk; please tell whoever runs the bot."


@asynccontextmanager
async def working(
    directory: Path, engine: str, watchdog: WatchdogSettings | None = None
) -> AsyncIterator[JobRig]:
    """A job service whose one real worker has that engine."""
    async with open_database(f"sqlite:///{directory / 'test.db'}") as database:
        rig = JobRig(database, directory, RecordingNotifier())
        settings = WorkerSettings(engine=f"{ENGINES}.{engine}:create", threads=1)
        backend = LocalBackend(files=directory / "blobs", outputs=rig.scratch)
        async with run_pool(Pool([settings], rig.jobs, backend, watchdog)):
            yield rig
        await rig.jobs.close()


async def accepted(rig: JobRig, prompt: str) -> Job:
    async with rig.accepting(ORIGIN, replace(REQUEST, prompt=prompt)) as job:
        return job


@pytest.mark.parametrize(
    ("prompt", "kind", "is_retryable", "said"),
    [
        ("bad request", FailureKind.BAD_REQUEST, False, "The width must be a multiple of 8."),
        ("no model", FailureKind.MODEL, False, "There is no LoRA ink; give a file."),
        ("bad media", FailureKind.MEDIA, False, "The control GIF can't be read."),
        ("no room", FailureKind.OUT_OF_MEMORY, False, "There is no room for this; ask for a sm"),
        ("torch has no room", FailureKind.OUT_OF_MEMORY, False, SMALLER),
        ("cannot write", FailureKind.DISK, True, NOT_WRITTEN),
        ("disk full", FailureKind.DISK, True, NOT_WRITTEN),
        ("quota", FailureKind.DISK, True, NOT_WRITTEN),
        ("bug", FailureKind.INTERNAL, False, "Something went wrong inside the generator (ZeroDi"),
    ],
)
async def test_what_an_engine_raises_is_its_rows_kind(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    prompt: str,
    kind: FailureKind,
    *,
    is_retryable: bool,
    said: str,
) -> None:
    caplog.set_level("INFO")
    async with working(tmp_path, "raises") as rig:
        failed = await rig.until(await accepted(rig, prompt), State.FAILED)
        assert (failed.failure_kind, failed.failure_is_retryable) == (kind, is_retryable)
        assert (failed.error or "").startswith(said)
        assert str(tmp_path) not in (failed.error or "")
        assert f"no result: {kind}" in caplog.text
        done = await rig.until(await accepted(rig, "a red ball"), State.DONE)
        assert (done.failure_kind, done.failure_is_retryable) == (None, None)


async def test_two_deaths_are_a_failure_of_their_kind(tmp_path: Path) -> None:
    async with working(tmp_path, "killed") as rig:
        failed = await rig.until(await accepted(rig, "x"), State.FAILED)
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.WORKER_DIED, True)
    assert failed.crashes == 2


async def test_two_silences_are_a_failure_of_their_kind(tmp_path: Path) -> None:
    async with working(tmp_path, "hangs", WatchdogSettings(silence_seconds=0.3)) as rig:
        failed = await rig.until(await accepted(rig, "x"), State.FAILED)
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.WORKER_HUNG, True)


async def test_a_model_that_cannot_be_loaded_fails_what_waits(tmp_path: Path) -> None:
    async with working(tmp_path, "raises_in_setup") as rig:
        failed = await rig.until(await accepted(rig, "x"), State.FAILED)
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.MODEL, True)
    assert "There is no model at nano" in (failed.error or "")
