"""Jobs go to workers that can make them, nobody waits for ever, and it stays fair."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.translations import in_language
from bot.jobs.needs import JobNeeds
from bot.jobs.queue import ANY_WORKER, FairQueue, Ticket
from bot.jobs.roster import WorkerRoster
from bot.storage.database import open_database
from bot.storage.models import State
from bot.ui import wording
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import ChosenStage, Request
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST

SMALL, BIG = JobNeeds(frames=8), JobNeeds(frames=24)
ADA, BOB, CY = 1, 2, 3


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[JobRig]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        rig = JobRig(database, tmp_path, RecordingNotifier())
        yield rig
        await rig.jobs.close()


class Takes:
    """A worker that can make these alone, with the model that it holds."""

    model = ""

    def __init__(self, *kinds: JobNeeds) -> None:
        self._kinds = kinds

    def accepts(self, needs: JobNeeds) -> bool:
        return needs in self._kinds


SMALL_ONLY, BIG_ONLY = Takes(SMALL), Takes(BIG)


def ticket(number: int, user: int, needs: JobNeeds = SMALL) -> Ticket:
    """One that hardly counts, so that people take turns."""
    return Ticket(number, f"job{number}", user, needs, seconds=1e-6)


def test_needs_are_those_of_the_largest_pass() -> None:
    request = replace(REQUEST, width=256, height=128, stages=(ChosenStage("upscale", 0.4),))
    assert JobNeeds.of(request, "nano") == JobNeeds(
        model="nano", frames=8, pixels=512 * 256, stages=("upscale",)
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"model": ""}, None),
        ({"model": "other"}, "No connected worker has the model other."),
        ({"stages": ("dream",)}, "No connected worker knows the stage dream."),
        ({"frames": 25}, "No connected worker makes 25 frames at once; the most is 24."),
        (
            {"pixels": 2**21},
            "No connected worker makes frames of 2097152 pixels; the most is 1048576.",
        ),
    ],
)
def test_what_is_lacking_is_said_by_name(change: dict[str, object], said: str | None) -> None:
    needs = JobNeeds(**{"model": "nano", "frames": 24, "pixels": 2**20} | change)  # type: ignore[arg-type]
    lacking = needs.lacking([replace(ABLE, max_frames=1), ABLE, replace(ABLE, model="third")])
    assert (None if lacking is None else str(lacking)) == said
    assert needs.are_met_by(ABLE) is (said is None)


def test_two_that_can_half_of_it_are_not_one_that_can_all() -> None:
    long, wide = replace(ABLE, max_pixels=64), replace(ABLE, max_frames=1)
    assert JobNeeds(frames=24, pixels=2**20).lacking([long, wide]) is not None


def test_nothing_is_lacking_while_a_worker_may_still_turn_out_to_be_able() -> None:
    changes: list[None] = []
    roster = WorkerRoster(lambda: changes.append(None))
    big = JobNeeds(frames=99)
    assert roster.lacking(big) is None
    roster.worker_loading("a")
    roster.worker_loading("b")
    roster.worker_ready("a", ABLE)
    assert roster.lacking(big) is None
    roster.worker_gone("b")
    assert "makes 99 frames" in str(roster.lacking(big))
    roster.worker_loading("a")  # started anew: what it can do is known
    assert roster.lacking(big) is not None
    roster.worker_ready("b", replace(ABLE, max_frames=99))
    assert roster.lacking(big) is None
    assert len(changes) == 5


async def test_one_that_cannot_be_made_holds_nobody_up() -> None:
    queue = FairQueue()
    for number, (user, needs) in enumerate([(ADA, BIG), (ADA, SMALL), (BOB, BIG), (CY, SMALL)]):
        queue.put(ticket(number, user, needs))
    assert [(await queue.get(SMALL_ONLY)).number for _ in range(2)] == [1, 3]
    waiting = asyncio.ensure_future(queue.get(SMALL_ONLY))
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(ticket(4, BOB, SMALL))
    assert (await waiting).number == 4
    assert [(await queue.get()).number for _ in range(2)] == [0, 2]


async def test_one_that_waits_for_another_worker_does_not_take_its_tickets() -> None:
    queue = FairQueue()
    small = asyncio.ensure_future(queue.get(SMALL_ONLY))
    big = asyncio.ensure_future(queue.get(BIG_ONLY))
    await asyncio.sleep(0)
    queue.put(ticket(1, ADA, BIG))
    queue.put(ticket(2, ADA, SMALL))
    assert [(await small).number, (await big).number] == [2, 1]


async def test_who_was_passed_over_keeps_the_turn() -> None:
    queue = FairQueue()
    queue.put(ticket(0, ADA, BIG))
    for number, user in enumerate([ADA, BOB, CY, ADA, BOB, CY], start=1):
        queue.put(ticket(number, user))
    assert [(await queue.get(SMALL_ONLY)).number for _ in range(3)] == [1, 2, 3]
    assert (await queue.get()).number == 0


async def test_those_that_nobody_can_make_are_last_in_the_order() -> None:
    queue = FairQueue(SMALL_ONLY.accepts)
    for number, (user, needs) in enumerate([(ADA, BIG), (BOB, SMALL), (ADA, SMALL)]):
        queue.put(ticket(number, user, needs))
    assert [each.number for each in queue.order()] == [1, 2, 0]
    assert queue.position("job1") == 0


PUTS = st.tuples(st.integers(1, 4), st.sampled_from([SMALL, BIG]))
OPERATIONS = st.lists(st.one_of(PUTS, st.sampled_from(["small", "all"])), max_size=80)


@given(OPERATIONS)
@settings(max_examples=300, deadline=None)
def test_nobody_is_served_thrice_while_another_waits(operations: list[object]) -> None:
    """Once in turn, and once more for one that was passed over: with whichever worker."""
    asyncio.run(_check_fairness(operations))


async def _check_fairness(operations: list[object]) -> None:
    queue = FairQueue()
    small: Counter[int] = Counter()  # waiting, which both kinds of workers take
    served_beside: dict[int, Counter[int]] = defaultdict(Counter)
    waiting = 0
    for number, operation in enumerate(operations):
        if isinstance(operation, tuple):
            user, needs = operation
            queue.put(ticket(number, user, needs))
            waiting += 1
            small[user] += needs == SMALL
            continue
        fit = SMALL_ONLY if operation == "small" else ANY_WORKER
        if not (small.total() if operation == "small" else waiting):
            continue
        found = await queue.get(fit)
        waiting -= 1
        small[found.user_id] -= found.needs == SMALL
        served_beside.pop(found.user_id, None)
        for other in range(1, 5):
            if not small[other]:
                served_beside.pop(other, None)
            elif other != found.user_id:
                served_beside[other][found.user_id] += 1
                assert served_beside[other][found.user_id] <= 2


@given(OPERATIONS, st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_nobody_starves(operations: list[object], flood: list[tuple[int, bool]]) -> None:
    """Whatever was before, and although small ones come without end, also of its owner's."""
    asyncio.run(_check_progress(operations, flood))


async def _check_progress(operations: list[object], flood: list[tuple[int, bool]]) -> None:
    queue = FairQueue()
    for number, operation in enumerate(operations):
        if isinstance(operation, tuple):
            queue.put(ticket(number, *operation))
        elif any(each.needs == SMALL for each in queue.order()):
            await queue.get(SMALL_ONLY if operation == "small" else ANY_WORKER)
    number = len(operations)
    queue.put(ticket(number, ADA, BIG))
    before = sum(each.user_id == ADA for each in queue.order())
    by_all = 0
    for turn in range(10_000):
        user, is_small_next = flood[turn % len(flood)]
        queue.put(ticket(number + 1 + turn, user))
        found = await queue.get(SMALL_ONLY if is_small_next else ANY_WORKER)
        by_all += not is_small_next
        if found.number == number:
            break
        if is_small_next:  # the other worker takes its turn as well
            by_all += 1
            if (await queue.get()).number == number:
                break
    assert by_all <= 2 * 4 * before


async def test_one_that_no_worker_can_make_waits_and_says_so(rig: JobRig) -> None:
    rig.jobs.worker_loading("cpu")
    rig.jobs.worker_ready("cpu", replace(ABLE, max_frames=8))
    long = replace(REQUEST, video_length=16)
    async with rig.accepting(request=long) as job:
        pass
    other = await rig.accept()
    status = rig.jobs.status(job.id)
    assert status is not None
    assert status.is_unmatched
    with in_language("en-US"):
        assert "makes 16 frames at once; the most is 8" in wording.status(status)
        line = wording.queue_line(1, status, is_own=True, is_from_here=True)
        assert line.endswith("· waits for a worker that can make it")
    behind = rig.jobs.status(other.id)
    assert behind is not None
    assert (behind.ahead, behind.is_unmatched) == (0, False)
    few = await rig.jobs.next_ticket(replace(ABLE, max_frames=8))
    assert few.job_id == other.id
    rig.jobs.worker_ready("cuda:0", ABLE)
    status = rig.jobs.status(job.id)
    assert status is not None
    assert (status.is_unmatched, status.unavailable_reason) == (False, None)
    assert (await rig.jobs.next_ticket(ABLE)).job_id == job.id
    assert (await rig.row(job)).state is State.QUEUED


async def test_a_worker_that_is_gone_is_counted_on_no_more(rig: JobRig) -> None:
    rig.jobs.worker_ready("cpu", replace(ABLE, max_frames=8))
    rig.jobs.worker_ready("cuda:0", ABLE)
    async with rig.accepting(ORIGIN, _long(REQUEST)) as job:
        pass
    rig.jobs.worker_unavailable("cuda:0", Failure(FailureKind.LOST_HOST, Text("It is gone.")))
    status = rig.jobs.status(job.id)
    assert status is not None
    assert status.is_unmatched


def _long(request: Request) -> Request:
    return replace(request, video_length=16)
