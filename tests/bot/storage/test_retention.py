"""What the clean-up takes, and what it never touches."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.storage import drafts
from bot.storage import jobs as rows
from bot.storage.blobs import BlobStore
from bot.storage.database import Database, open_database
from bot.storage.drafts import Draft
from bot.storage.models import Attachment, Job, State
from bot.storage.retention import RetentionLimits, clean_up
from tests.bot.jobs.samples import ORIGIN, REQUEST

LONG = RetentionLimits(timedelta(days=30), 10**9)


class Store:
    """Jobs with files of chosen ages."""

    def __init__(self, database: Database, directory: Path) -> None:
        self.database = database
        self.blobs = BlobStore(directory / "blobs")
        self.scratch = directory / "scratch"
        self.scratch.mkdir()
        self._number = 0

    def blob(self, data: bytes) -> str:
        """One that isn't young any more."""
        name = self.blobs.put(data, ".gif")
        os.utime(self.blobs.path(name), (time.time() - 7200,) * 2)
        return name

    async def job(
        self, state: State, *, days: float = 0, output: str | None = None, source: str = ""
    ) -> Job:
        self._number += 1
        job = await self.database.write(
            rows.add,
            f"{self._number:032}",
            origin=ORIGIN,
            request=REQUEST,
            model="nano",
            now=datetime.now(UTC),
            attachments=[Attachment(source, "x.gif", 1)] if source else [],
        )
        finished = datetime.now(UTC) - timedelta(days=days) if state.is_final else None
        moved = await self.database.write(
            rows.move, job, state, output=output, finished_at=finished
        )
        assert moved is not None
        return moved

    async def cleaned(self, limits: RetentionLimits = LONG) -> set[str]:
        """What is left."""
        await clean_up(self.database, self.blobs, self.scratch, limits)
        return {blob.name for blob in self.blobs}

    async def output(self, job: Job) -> str | None:
        found = await self.database.read(rows.get, job.id)
        assert found is not None
        return found.output


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        yield Store(database, tmp_path)


async def test_old_files_go_and_their_rows_stay(store: Store) -> None:
    old, new = store.blob(b"old"), store.blob(b"new")
    gone = await store.job(State.DONE, days=31, output=old, source=store.blob(b"old source"))
    kept = await store.job(State.DONE, days=29, output=new)
    assert await store.cleaned() == {new}
    assert await store.output(gone) is None
    assert await store.database.read(rows.attachments_of, gone.id) == []
    assert await store.output(kept) == new


async def test_an_unfinished_jobs_files_are_never_touched(store: Store) -> None:
    result, source = store.blob(b"result"), store.blob(b"source")
    await store.job(State.DELIVERING, output=result)
    await store.job(State.QUEUED, source=source)
    await store.job(State.DONE, days=99, output=result, source=source)  # names them as well
    assert await store.cleaned(replace(LONG, size_bytes=1)) == {result, source}


async def test_what_all_take_is_bounded_and_the_oldest_go_first(store: Store) -> None:
    names = [store.blob(bytes([number]) * 100) for number in range(4)]
    for number, name in enumerate(names):
        await store.job(State.DONE, days=10 - number, output=name)
    assert await store.cleaned(replace(LONG, size_bytes=250)) == set(names[2:])


async def test_a_file_that_two_jobs_name_goes_with_the_later(store: Store) -> None:
    shared = store.blob(b"the same seed twice")
    await store.job(State.DONE, days=40, output=shared)
    later = await store.job(State.DONE, days=5, output=shared)
    assert await store.cleaned() == {shared}
    assert await store.output(later) == shared


async def test_what_nobody_names_goes_unless_it_is_young(store: Store) -> None:
    store.blob(b"left by a killed bot")
    young = store.blobs.put(b"its row comes in a moment", ".gif")
    left, fresh = store.scratch / "left.gif", store.scratch / "fresh.gif"
    for file in (left, fresh):
        file.touch()
    fitting = store.scratch / "fit-killed"
    fitting.mkdir()
    (fitting / "smaller.gif").touch()
    for old in (left, fitting):
        os.utime(old, (time.time() - 90_000,) * 2)
    assert await store.cleaned() == {young}
    assert [file.name for file in store.scratch.iterdir()] == ["fresh.gif"]


async def test_what_waits_with_a_draft_stays(store: Store) -> None:
    source, picture = store.blob(b"what moves"), store.blob(b"what it begins as")
    content = {"files": [asdict(Attachment(picture, "x.png", 1))]}
    await store.database.write(drafts.add, Draft("d", 7, source, content))
    assert await store.cleaned() == {source, picture}


async def test_young_files_are_not_forgotten_for_room(store: Store) -> None:
    young = store.blobs.put(b"x" * 100, ".gif")
    job = await store.job(State.DONE, output=young)
    assert await store.cleaned(replace(LONG, size_bytes=1)) == {young}
    assert await store.output(job) == young
