"""Whatever happens in whatever order, an accepted job ends once and its owner knows how.

Hypothesis draws the order: people ask and cancel, workers make, fail, die and speak late, Discord
refuses, the generator breaks, the bot is killed and started again. The database is real.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Connection

from bot.core.errors import NotAcceptedError, RefusedError, WorkerDiedError
from bot.jobs.transitions import Transition
from bot.storage.database import open_database
from bot.storage.models import Job, State
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Failed, Generate, Progress
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ABLE, ORIGIN
from tests.patience import PATIENCE

T = TypeVar("T")

PEOPLE = st.integers(1, 3)
WHICH = st.integers(0, 9)  # of those there are: what is drawn must not hang on what happened
_WORKERS = 2
_WRITES_DOWN = (
    "CREATE TABLE written (number INTEGER PRIMARY KEY, id TEXT, state TEXT, attempt INTEGER)",
    "CREATE TRIGGER added AFTER INSERT ON jobs BEGIN INSERT INTO written (id, state, attempt) "
    "VALUES (new.id, new.state, new.attempt); END",
    "CREATE TRIGGER moved AFTER UPDATE OF state ON jobs BEGIN INSERT INTO written "
    "(id, state, attempt) VALUES (new.id, new.state, new.attempt); END",
)
BUG = Failure(FailureKind.INTERNAL, Text("It is broken."))


class Service(RuleBasedStateMachine):
    """A job service; ``hands`` are the jobs that workers have."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = tempfile.TemporaryDirectory()
        self._stack = AsyncExitStack()
        self.told: list[Transition] = []  # in this run
        self.written_before = 0  # transitions, by the runs before it
        self.rig: JobRig = self.run(self._open())
        self.accepted: dict[str, Job] = {}
        self.hands: list[tuple[Job, Generate]] = []
        self.past: list[tuple[Job, Generate]] = []  # attempts that are over
        self.attempts: Counter[str] = Counter()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _open(self) -> JobRig:
        path = Path(self._directory.name)
        url = f"sqlite:///{path / 'test.db'}"
        database = await self._stack.enter_async_context(open_database(url))
        for trigger in _WRITES_DOWN:
            await database.write(_run, trigger)
        rig = JobRig(database, path, RecordingNotifier(), size=5)
        rig.store.transitions.subscribe(self.told.append)
        return rig

    # -- what may happen ---------------------------------------------------------------------------

    @rule(user=PEOPLE)
    def accept(self, user: int) -> None:
        try:
            job = self.run(self.rig.accept(replace(ORIGIN, user_id=user)))
        except NotAcceptedError:
            return
        self.accepted[job.id] = job

    @rule()
    def start_job(self) -> None:
        if len(self.hands) >= _WORKERS:
            return

        async def drawn() -> tuple[Job, Generate] | None:
            ticket = await asyncio.wait_for(self.rig.jobs.next_ticket(ABLE), 0.01)
            return await self.rig.jobs.start_job(ticket, "cpu")

        try:
            begun = self.run(drawn())
        except TimeoutError:
            return
        if begun is not None:
            assert begun[0].attempt > self.attempts[begun[0].id]
            self.attempts[begun[0].id] = begun[0].attempt
            self.hands.append(begun)

    @rule(how=st.sampled_from(["made", "failed", "died"]), settle=st.booleans())
    def end(self, how: str, *, settle: bool) -> None:
        if not self.hands:
            return
        job, generate = hand = self.hands.pop(0)
        self.past.append(hand)
        self.run(self._end(job, generate, how, settle=settle))

    async def _end(self, job: Job, generate: Generate, how: str, *, settle: bool) -> None:
        match how:
            case "made":
                self.rig.jobs.job_ended(job, self.rig.finished(generate))
            case "failed":
                self.rig.jobs.job_ended(job, Failed(job.id, job.attempt, BUG))
            case _:
                self.rig.jobs.worker_died(job, WorkerDiedError(-9))
        if settle:
            await self.rig.jobs.wait_until_idle(0.05)  # Discord may be slow just now
        else:
            await asyncio.sleep(0)

    @rule(which=WHICH, how=st.sampled_from(["made", "failed", "died", "progress"]))
    def speak_late(self, which: int, how: str) -> None:
        if not self.past:
            return
        job, generate = self.past[which % len(self.past)]
        if how == "progress":
            self.rig.jobs.job_progressed(Progress(job.id, job.attempt, "denoise", 1, 3))
        else:
            self.run(self._end(job, generate, how, settle=True))

    @rule(which=WHICH, by=PEOPLE)
    def cancel(self, which: int, by: int) -> None:
        if not self.accepted:
            return
        job = list(self.accepted.values())[which % len(self.accepted)]
        try:
            self.run(self.rig.jobs.cancel(job.id, by=by))
        except RefusedError:
            return
        assert by == job.user_id

    @rule(reason=st.sampled_from(["", "The channel is gone."]))
    def discord_changes_its_mind(self, reason: str) -> None:
        self.rig.notifier.refusing = reason

    @rule(held=st.booleans())
    def discord_is_slow(self, *, held: bool) -> None:
        if held:
            self.rig.notifier.holding.clear()
        else:
            self.rig.notifier.holding.set()

    @rule(how=st.sampled_from(["troubled", "broken", "recovered"]))
    def the_generator(self, how: str) -> None:
        async def happens() -> None:
            match how:
                case "troubled":
                    self.rig.jobs.all_workers_unavailable(replace(BUG, text=Text("It dies.")))
                case "broken":
                    self.rig.jobs.all_workers_failed(BUG)
                case _:
                    self.rig.jobs.worker_ready("cpu", ABLE)

        self.run(happens())

    @rule(gently=st.booleans())
    def restart(self, *, gently: bool) -> None:
        async def again() -> None:
            if gently:
                for job, _ in self.hands:
                    await self.rig.jobs.job_interrupted(job)
            jobs = await self.rig.killed()
            # what was with the database then is written, but the run that is over can't hear of it
            await self._check_told(is_over=True)
            self.told.clear()
            self.rig.store.transitions.subscribe(self.told.append)
            await jobs.recover()

        self.past += self.hands
        self.hands = []
        self.run(again())

    async def _check_told(self, *, is_over: bool = False) -> None:
        """Check that this run's transitions were told as the rows had them, once and in order."""
        query = "SELECT id, state, attempt FROM written ORDER BY number"
        rows = await self.rig.database.read(lambda c: c.exec_driver_sql(query).fetchall())
        written = [tuple(row) for row in rows][self.written_before :]
        told = [
            (each.after.id, each.after.state.value, each.after.attempt)
            for each in self.told
            if not each.is_recovered
        ]
        assert told == (written[: len(told)] if is_over else written)
        if is_over:
            self.written_before += len(written)

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def nothing_is_doubled(self) -> None:
        delivered = Counter(job_id for job_id, _, _ in self.rig.notifier.delivered)
        assert all(count == 1 for count in delivered.values())
        assert set(delivered) <= set(self.accepted)

    @invariant()
    def the_quota_is_held(self) -> None:
        assert len(self.rig.jobs.waiting_or_running()) <= self.rig.size

    def teardown(self) -> None:
        """All trouble ends; then every accepted job does."""
        try:
            self.run(self._finish())
            self.run(self._stack.aclose())
        finally:
            self._runner.close()
            self._directory.cleanup()

    async def _finish(self) -> None:
        rig = self.rig
        rig.notifier.refusing = ""
        rig.notifier.holding.set()
        rig.jobs.worker_ready("cpu", ABLE)
        for job, generate in self.hands:
            rig.jobs.job_ended(job, rig.finished(generate))
        await rig.jobs.wait_until_idle()
        while rig.jobs.waiting_or_running():
            ticket = await asyncio.wait_for(rig.jobs.next_ticket(ABLE), PATIENCE)
            if (begun := await rig.jobs.start_job(ticket, "cpu")) is not None:
                rig.jobs.job_ended(begun[0], rig.finished(begun[1]))
            await rig.jobs.wait_until_idle()
        delivered = {job_id for job_id, _, _ in rig.notifier.delivered}
        for job in self.accepted.values():
            row = await rig.row(job)
            assert row.state.is_final
            assert row.owner_notified
            assert (row.failure_kind is None) == (row.state is not State.FAILED)
            if row.state is State.DONE:
                assert job.id in delivered
            else:
                assert (row.state.value, job.id) in rig.notifier.notified_of
            assert row.origin.token == ""
        self.nothing_is_doubled()
        await self._check_told()


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


TestService = Service.TestCase
TestService.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a real database is slow to shrink on
    suppress_health_check=[HealthCheck.too_slow],
)
