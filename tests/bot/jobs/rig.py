"""A job service on a real database; only Discord is a list of what was brought."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bot.core.config import Settings
from bot.core.detector_settings import DetectorSettings
from bot.core.errors import UndeliverableError
from bot.core.quota_settings import QuotaSettings
from bot.jobs.cost_history import CostHistory
from bot.jobs.cost_model import CostModels
from bot.jobs.gate import Actor, Place
from bot.jobs.notifier import Posted
from bot.jobs.outcomes import MadeFile
from bot.jobs.service import JobService
from bot.jobs.store import JobStore
from bot.policy.adult_rules import AdultRules
from bot.policy.blocks import BlockList
from bot.policy.pictures.picture_judge import PictureJudge
from bot.policy.policy_gate import PolicyGate
from bot.policy.seconds_quota import SecondsQuota
from bot.policy.words.judge import WordJudge
from bot.policy.words.word_rules import WordLists, WordRules
from bot.privacy.leaving import LeavingPeople
from bot.storage import jobs as rows
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.disk_guard import DiskGuard
from bot.storage.models import Attachment, Job, Origin, State
from bot.storage.preferences import Preferences
from generator.contract.messages import Generate, Request
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST
from tests.patience import PATIENCE


class RecordingNotifier:
    """A notifier that writes down what it was given."""

    def __init__(self) -> None:
        self.delivered: list[tuple[str, str, bool]] = []
        self.covered: list[str] = []
        self.notified: list[tuple[str, str | None]] = []
        self.notified_of: set[tuple[str, str]] = set()
        self.alerts: list[str] = []
        self.refusing = ""
        self.posted: Posted | None = None  # what a run that nobody remembers has posted
        self.holding = asyncio.Event()  # set: nothing holds a delivery up
        self.holding.set()

    def track(self, job: Job) -> None:
        """Progress messages are what ``bot.delivery`` shows."""

    async def deliver(self, job: Job, file: Path, *, is_spoiler: bool, again: bool) -> Posted:
        await self.holding.wait()
        if again and any(job.id == delivered for delivered, _, _ in self.delivered):
            return Posted(message_id=11, channel_id=12)  # as the real one finds it
        if self.refusing:
            raise UndeliverableError(self.refusing)
        content = await asyncio.to_thread(file.read_text)
        self.delivered.append((job.id, content, again))
        if is_spoiler:
            self.covered.append(job.id)
        return Posted(message_id=11, channel_id=12)

    async def find_result(self, job: Job) -> Posted | None:
        await self.holding.wait()
        if self.refusing:
            raise UndeliverableError(self.refusing)
        return self.posted

    async def notify_owner(self, job: Job, *, again: bool) -> None:
        self.notified.append((job.state.value, job.error))
        self.notified_of.add((job.state.value, job.id))

    async def take_down(self, job: Job) -> bool:
        return job.message_id is not None

    async def alert(self, words: str) -> None:
        self.alerts.append(words)


class JobRig:
    """A service on its database, with everything a test asks of it."""

    def __init__(
        self, database: Database, directory: Path, notifier: RecordingNotifier, *, size: int = 3
    ) -> None:
        self.size = size
        self.database = database
        self.blobs = BlobStore(directory / "blobs")
        self.scratch = directory / "scratch"
        self.scratch.mkdir(exist_ok=True)
        self.disk_guard = DiskGuard(directory, 0)
        self.notifier = notifier
        self.preferences = Preferences(database)
        self.words = WordJudge(database, WordRules(WordLists()))
        self.blocks = BlockList(database)
        self.quota = QuotaSettings()
        self.priority_roles: dict[str, float] = {}
        self.pictures = PictureJudge(DetectorSettings(), None, self.preferences, self.blobs)
        self.leaving = LeavingPeople()
        self.gate_class: type[PolicyGate] = PolicyGate
        self.stopped: list[tuple[str, int]] = []
        self.jobs = self.restarted()

    def restarted(self) -> JobService:
        """A new service on the same database, as after a start."""
        self.store = store = JobStore(self.database, self.size)
        self.cost_history = CostHistory(self.database, "nano", CostModels())
        self.gate = self.gate_class(
            store,
            self.preferences,
            self.disk_guard,
            words=self.words,
            blocks=self.blocks,
            seconds=SecondsQuota(
                self.database,
                self.preferences,
                self.quota,
                asked_by=store.asked_by,
                estimate=self.cost_history.estimate,
            ),
            adult=AdultRules(self.database, Settings()),
            pictures=self.pictures,
            per_user=self.size,
            priority_roles=self.priority_roles,
            leaving=self.leaving,
        )
        self.jobs = JobService(
            store,
            notifier=self.notifier,
            blobs=self.blobs,
            gate=self.gate,
            model="nano",
            cost_history=self.cost_history,
            workers=1,
        )
        self.jobs.register_workers(lambda job_id, attempt: self.stopped.append((job_id, attempt)))
        return self.jobs

    async def killed(self) -> JobService:
        """As ``restarted``, everything that went on in the background cut off."""
        here = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not here]
        cut_off = [task for task in tasks if task.get_name() != "database writer"]
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        # what was handed to the database comes before anything that the next run reads
        await self.database.write(lambda _: None)
        return self.restarted()

    async def accept(self, origin: Origin = ORIGIN) -> Job:
        async with self.accepting(origin) as job:
            return job

    def accepting(
        self,
        origin: Origin = ORIGIN,
        request: Request = REQUEST,
        attachments: Sequence[Attachment] = (),
    ) -> AbstractAsyncContextManager[Job]:
        """Accept a job of somebody without a role, and answer inside the block."""
        actor = Actor(user_id=origin.user_id)
        place = Place(guild_id=origin.guild_id, channels=frozenset({origin.channel_id}))
        return self.jobs.accept(origin, request, attachments, actor=actor, place=place)

    async def start_job(self) -> tuple[Job, Generate]:
        begun = await self.jobs.start_job(await self.jobs.next_ticket(ABLE), "cpu")
        assert begun is not None
        return begun

    def finished(self, generate: Generate, *, seconds: float = 1.5) -> MadeFile:
        """The file, written, as a backend brings it."""
        output = self.scratch / generate.output_name
        output.write_text(f"attempt {generate.attempt}")
        return MadeFile(generate.job_id, generate.attempt, output, seconds, 9)

    async def row(self, job: Job) -> Job:
        found = await self.database.read(rows.get, job.id)
        assert found is not None
        return found

    async def row_in(self, job: Job, state: State) -> Job:
        """The row, once it is in ``state``."""
        deadline = time.monotonic() + PATIENCE
        while (found := await self.row(job)).state is not state:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.005)
        return found

    async def until(self, job: Job, state: State) -> Job:
        """As ``row_in``, once nothing is going on in the background either."""
        await self.row_in(job, state)
        await self.jobs.wait_until_idle()
        return await self.row_in(job, state)
