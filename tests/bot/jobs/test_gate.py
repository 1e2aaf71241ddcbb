"""What the gate says of a result holds, whatever run of the bot it is delivered by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import NotAcceptedError
from bot.jobs.gate import (
    Actor,
    Allow,
    Place,
    Spoiler,
    Verdict,
    Withhold,
    may_be_seen_uncovered,
)
from bot.jobs.store import now
from bot.policy.policy_gate import PolicyGate
from bot.storage import appeals, moderation
from bot.storage.appeals import Appeal
from bot.storage.database import open_database
from bot.storage.models import Job, State
from bot.storage.moderation import PERSON, SERVER, AuditEntry, Block
from bot.storage.preferences import PICTURES
from bot.storage.preferences import SERVER as OF_SERVER
from bot.storage.retention import referenced
from generator.contract.errors import FailureKind
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ORIGIN, REQUEST

REASON = "It shows what isn't shown here."


class FixedGate(PolicyGate):
    """The rules of today, and one verdict on every result."""

    verdict: Verdict | None = Allow()
    asked: list[tuple[str, str]]

    async def check_result(self, job: Job, file: Path, guild_id: int | None) -> Verdict:
        self.asked.append((job.id, file.suffix))
        if self.verdict is None:
            raise RuntimeError("a rule is broken")
        return self.verdict


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[JobRig]:
    FixedGate.verdict, FixedGate.asked = Allow(), []
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        rig = JobRig(database, tmp_path, RecordingNotifier())
        rig.gate_class = FixedGate
        rig.restarted()
        yield rig
        await rig.jobs.close()


async def test_two_commands_are_kept_apart_and_one_of_several_is_one(rig: JobRig) -> None:
    class Unhurried(PolicyGate):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs, cooldown_seconds=3600)

    rig.gate_class = Unhurried
    rig.restarted()
    somebody, place = Actor(user_id=7), Place()
    await rig.gate.check_requests(somebody, place, [])  # an edit makes no GIF
    await rig.gate.check_requests(somebody, place, [REQUEST, REQUEST])
    with pytest.raises(NotAcceptedError, match="wait a little"):
        await rig.gate.check_requests(somebody, place, [REQUEST])
    await rig.gate.check_requests(Actor(user_id=8), place, [REQUEST])


async def made(rig: JobRig) -> Job:
    job = await rig.accept()
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate))
    return job


@pytest.mark.parametrize("is_covered", [False, True])
async def test_a_result_is_delivered_as_the_gate_says(rig: JobRig, *, is_covered: bool) -> None:
    FixedGate.verdict = Spoiler() if is_covered else Allow()
    job = await made(rig)
    await rig.until(job, State.DONE)
    assert FixedGate.asked == [(job.id, ".gif")]
    assert [job_id for job_id, _, _ in rig.notifier.delivered] == [job.id]
    assert rig.notifier.covered == [job.id] * is_covered


async def test_one_that_is_withheld_ends_as_failed(rig: JobRig) -> None:
    FixedGate.verdict = Withhold(Text(REASON))
    job = await made(rig)
    failed = await rig.until(job, State.FAILED)
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.WITHHELD, False)
    assert (failed.error, failed.output) == (REASON, None)
    assert rig.notifier.notified == [("failed", REASON)]
    assert rig.notifier.delivered == []


@pytest.mark.parametrize("kind", [PERSON, SERVER])
async def test_what_is_under_way_when_somebody_or_their_server_is_blocked_is_withheld(
    tmp_path: Path, kind: str
) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        rig = JobRig(database, tmp_path, RecordingNotifier())
        job = await rig.accept()
        running, generate = await rig.start_job()
        other = await rig.accept(replace(ORIGIN, user_id=8, guild_id=99))
        target_id = ORIGIN.user_id if kind == PERSON else ORIGIN.guild_id
        now = datetime.now(UTC)
        assert target_id is not None
        await rig.blocks.block(
            Block(kind=kind, target_id=target_id, created_at=now),
            AuditEntry(guild_id=None, actor_id=1, action="block", created_at=now),
        )
        rig.jobs.job_ended(running, rig.finished(generate))
        failed = await rig.until(job, State.FAILED)
        assert (failed.failure_kind, failed.output) == (FailureKind.WITHHELD, None)
        assert "any more" in str(failed.why)
        running, generate = await rig.start_job()
        rig.jobs.job_ended(running, rig.finished(generate))
        await rig.until(other, State.DONE)
        await rig.jobs.close()


async def test_one_that_was_withheld_is_delivered_once_when_it_is_allowed(rig: JobRig) -> None:
    FixedGate.verdict = Withhold(Text(REASON), may_be_appealed=True)
    withheld = await rig.until(await made(rig), State.FAILED)
    assert withheld.output is None
    assert withheld.withheld is not None
    assert rig.notifier.delivered == []
    appeal = Appeal(job_id=withheld.id, guild_id=4, created_at=now())
    entry = AuditEntry(guild_id=4, actor_id=9, action="appeal_allowed", created_at=now())
    await rig.database.write(appeals.put, appeal)
    decide, write = appeals.decide, rig.database.write
    assert await write(decide, withheld.id, appeals.ALLOWED, 9, entry)
    assert not await write(decide, withheld.id, appeals.KEPT, 8, entry)  # a moment later
    # killed between the word and the deed; and while it is on its way
    FixedGate.verdict = Allow()
    rig.notifier.holding.clear()
    await (await rig.killed()).recover()
    rig.jobs.release(withheld, allowed_by=9)  # and pressed once more
    await rig.row_in(withheld, State.DELIVERING)
    await (await rig.killed()).recover()
    rig.notifier.holding.set()
    done = await rig.until(withheld, State.DONE)
    assert rig.notifier.delivered == [(done.id, "attempt 1", True)]
    assert (done.withheld, done.allowed_by, done.failure_kind) == (None, 9, None)
    assert done.output == withheld.withheld
    await (await rig.killed()).recover()
    assert len(rig.notifier.delivered) == 1
    assert len(await rig.database.read(moderation.logged, 4, limit=9)) == 1


async def test_a_file_is_judged_by_where_it_is_shown(rig: JobRig, tmp_path: Path) -> None:
    rig.gate_class = PolicyGate
    rig.restarted()
    asked_in, strict, easy = ORIGIN.guild_id or 0, 501, 502
    for guild, mode in ((asked_in, "withhold"), (strict, "withhold"), (easy, "off")):
        await rig.preferences.change(OF_SERVER, guild, {PICTURES: mode})
    job = await rig.accept()
    for allowed_by, shown_in in ((None, {easy}), (9, {easy, asked_in})):
        judged = replace(job, allowed_by=allowed_by)
        for guild in (asked_in, strict, easy):  # nobody can look at anything
            may_be_seen = await may_be_seen_uncovered(rig.gate, judged, tmp_path / "a.gif", guild)
            assert may_be_seen is (guild in shown_in), (allowed_by, guild)


@pytest.mark.parametrize("is_on_its_way", [False, True])
async def test_one_that_was_allowed_and_whose_file_is_gone_is_not_made_again(
    rig: JobRig, is_on_its_way: bool
) -> None:
    FixedGate.verdict = Withhold(Text(REASON), may_be_appealed=True)
    withheld = await rig.until(await made(rig), State.FAILED)
    FixedGate.verdict = Allow()
    if is_on_its_way:  # killed before it was posted, and then somebody cleans up
        rig.notifier.holding.clear()
        rig.jobs.release(withheld, allowed_by=9)
        await rig.row_in(withheld, State.DELIVERING)
    rig.blobs.path(withheld.withheld or "").unlink()
    if is_on_its_way:
        service = await rig.killed()
        rig.notifier.holding.set()
        await service.recover()
    else:
        rig.jobs.release(withheld, allowed_by=9)
    await rig.jobs.wait_until_idle()
    ended = await rig.row(withheld)
    assert (ended.state, ended.attempt, ended.output) == (State.FAILED, 1, None)
    assert "Ask for it again" in str(ended.why)
    assert rig.notifier.delivered == []
    assert len(rig.store) == 0


async def test_what_a_moderator_keeps_withheld_is_kept_no_longer(rig: JobRig) -> None:
    FixedGate.verdict = Withhold(Text(REASON), may_be_appealed=True)
    withheld = await rig.until(await made(rig), State.FAILED)
    names = [withheld.withheld or ""]
    assert await rig.database.read(referenced, names) == set(names)
    entry = AuditEntry(guild_id=4, actor_id=9, action="appeal_kept", created_at=now())
    await rig.database.write(appeals.put, Appeal(job_id=withheld.id, guild_id=4, created_at=now()))
    assert await rig.database.write(appeals.decide, withheld.id, appeals.KEPT, 9, entry)
    assert await rig.database.read(referenced, names) == set()
    await rig.jobs.recover()
    assert (await rig.until(withheld, State.FAILED)).withheld is None


async def test_a_gate_that_fails_lets_nothing_through(rig: JobRig) -> None:
    FixedGate.verdict = None
    job = await made(rig)
    failed = await rig.until(job, State.FAILED)
    assert failed.failure_kind is FailureKind.INTERNAL
    assert rig.notifier.delivered == []


@pytest.mark.parametrize("verdict", [Spoiler(), Withhold(Text(REASON))], ids=str)
async def test_it_is_asked_again_by_the_next_start(rig: JobRig, verdict: Verdict) -> None:
    """Killed on the way to Discord, when the rules were others."""
    rig.notifier.holding.clear()
    job = await made(rig)
    await rig.row_in(job, State.DELIVERING)
    FixedGate.verdict = verdict
    await (await rig.killed()).recover()
    rig.notifier.holding.set()
    if isinstance(verdict, Withhold):
        await rig.until(job, State.FAILED)
        assert rig.notifier.delivered == []
    else:
        await rig.until(job, State.DONE)
        assert rig.notifier.delivered == [(job.id, "attempt 1", True)]
        assert rig.notifier.covered == [job.id]
