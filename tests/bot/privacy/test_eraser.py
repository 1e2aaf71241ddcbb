"""Erasing while jobs wait, run and are on their way, of a bot that goes on for the others."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot.app.erasing import forgetting
from bot.core.errors import RefusedError
from bot.jobs.gate import check_may_post
from bot.privacy.eraser import Eraser, Removal
from bot.storage import erasure, jobs
from bot.storage.database import open_database
from bot.storage.erasure_ledger import ErasureLedger
from bot.storage.models import State
from bot.storage.preferences import PERSON
from bot.storage.tables import erased_messages
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ORIGIN, REQUEST
from tests.patience import until

ADA = replace(ORIGIN, user_id=4242, user_name="ada")
BOB = replace(ORIGIN, user_id=77, user_name="bob")
WORD = "planted9zt"


class RecordingRemover:
    """Deletes nothing, and says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.outcome = Removal.GONE

    async def remove(self, channel_id: int, message_id: int) -> Removal:
        self.asked.append((channel_id, message_id))
        return self.outcome


class EraserRig(JobRig):
    """A service with an eraser that runs."""

    def begin(self) -> None:
        self.remover = RecordingRemover()
        self.told = asyncio.Event()
        self.eraser = Eraser(
            self.database,
            self.blobs,
            self.scratch,
            jobs=self.jobs,
            transitions=self.store.transitions,
            leaving=self.leaving,
            remover=self.remover,
            ledger=ErasureLedger(self.scratch.parent / "erased"),
            server_days=30,
            forget_cached=forgetting(self.preferences, self.words, self.blocks),
        )
        self.running = asyncio.create_task(self.eraser.run())

    async def tell(self) -> None:
        self.told.set()

    async def end(self) -> None:
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def words_left(self, directory: Path) -> list[str]:
        return [
            path.name
            for path in directory.rglob("*")
            if path.is_file() and WORD.encode() in path.read_bytes()
        ]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[EraserRig]:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        made = EraserRig(database, tmp_path, RecordingNotifier(), size=10)
        made.begin()
        yield made
        await made.end()
        await made.jobs.close()


async def test_what_waits_and_runs_is_cancelled_and_nothing_of_it_is_left(
    rig: EraserRig, tmp_path: Path
) -> None:
    request = replace(REQUEST, prompt=WORD)
    async with rig.accepting(ADA, request) as running:
        pass
    begun, generate = await rig.start_job()
    assert begun.id == running.id
    async with rig.accepting(ADA, request) as waiting:
        pass
    theirs = await rig.accept(BOB)
    preview = rig.scratch / f"{generate.job_id}-1.preview-1.webp"
    await asyncio.to_thread(preview.write_text, WORD)
    await rig.preferences.change(PERSON, ADA.user_id, {"style": WORD})

    await rig.eraser.begin(ADA.user_id, rig.tell)
    with pytest.raises(RefusedError, match="already being erased"):
        await rig.eraser.begin(ADA.user_id, rig.tell)
    with pytest.raises(RefusedError, match="being erased"):
        await rig.accept(ADA)
    await rig.told.wait()
    assert (running.id, 1) in rig.stopped
    assert rig.words_left(tmp_path) == []
    # the worker was faster than its being told
    made = await asyncio.to_thread(rig.finished, generate)
    await asyncio.to_thread(made.path.write_text, WORD)
    rig.jobs.job_ended(begun, made)
    await rig.jobs.wait_until_idle()
    assert rig.words_left(tmp_path) == []
    assert rig.notifier.delivered == []
    assert await rig.database.read(jobs.get, waiting.id) is None
    assert await rig.preferences.get(PERSON, ADA.user_id) == {}

    # bob's goes on, and ada is a person like any other again
    assert (await rig.start_job())[0].id == theirs.id
    assert (await rig.accept(ADA)).user_id == ADA.user_id


async def test_what_is_on_its_way_is_waited_for_and_what_was_posted_is_taken_down(
    rig: EraserRig, tmp_path: Path
) -> None:
    async with rig.accepting(ADA, replace(REQUEST, prompt=WORD)) as job:
        pass
    begun, generate = await rig.start_job()
    rig.notifier.holding.clear()
    rig.jobs.job_ended(begun, await asyncio.to_thread(rig.finished, generate))
    delivering = await rig.row_in(job, State.DELIVERING)
    assert delivering.output is not None
    path = rig.blobs.path(delivering.output)
    assert not await check_may_post(rig.gate, delivering, path, delivering.origin.guild_id)
    await rig.eraser.begin(ADA.user_id, rig.tell)
    with pytest.raises(RefusedError, match="being erased"):
        await check_may_post(rig.gate, delivering, path, delivering.origin.guild_id)
    assert not rig.told.is_set()
    rig.notifier.holding.set()
    await rig.told.wait()
    assert rig.words_left(tmp_path) == []
    assert not await asyncio.to_thread(path.exists)
    await until(lambda: rig.remover.asked, lambda: "nothing was taken down")
    assert rig.remover.asked == [(12, 11)]


async def test_what_is_being_answered_is_waited_for(rig: EraserRig) -> None:
    with rig.leaving.serving(ADA.user_id):
        await rig.eraser.begin(ADA.user_id, rig.tell)
        with pytest.raises(RefusedError), rig.leaving.serving(ADA.user_id):
            raise AssertionError("it was let in")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await rig.told.wait()
        assert not rig.told.is_set()
        # what it writes before it ends goes as well
        await rig.preferences.change(PERSON, ADA.user_id, {"style": WORD})
    await rig.told.wait()
    assert await rig.preferences.get(PERSON, ADA.user_id) == {}


async def test_what_the_command_line_asks_for_is_found(rig: EraserRig, tmp_path: Path) -> None:
    async with rig.accepting(ADA, replace(REQUEST, prompt=WORD)):
        pass
    await rig.end()
    await rig.database.write(erasure.begin, ADA.user_id, ADA.asked_at)
    rig.begin()

    await until(lambda: not rig.words_left(tmp_path), lambda: json.dumps(rig.words_left(tmp_path)))


async def test_a_discord_that_is_away_is_asked_again(rig: EraserRig) -> None:
    rig.remover.outcome = Removal.LATER

    def note(connection: Connection) -> None:
        values = {"user_id": 5, "channel_id": 1, "message_id": 2}
        connection.execute(erased_messages.insert().values(**values))

    await rig.database.write(note)
    rig.eraser._messages_left.set()
    await until(lambda: rig.remover.asked, lambda: "")
    assert len(await rig.database.read(erasure.some_messages)) == 1
    rig.remover.outcome = Removal.STAYS
    rig.eraser._messages_left.set()
    await until(lambda: len(rig.remover.asked) > 1, lambda: "")
    await rig.database.write(lambda _: None)  # what was handed in before it is written
    assert await rig.database.read(erasure.some_messages) == []
