"""Operations on a real job service and database; a list plays Discord, and there are no workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.core.config import Settings, load
from bot.core.model_catalogue import ModelCatalogue
from bot.operations.config_file import RunningConfig
from bot.operations.journal import JobJournal
from bot.operations.needs import Needs
from bot.operations.operations import Operations
from bot.storage.models import Job
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool
from tests.bot.jobs.rig import JobRig

CONFIG = """
[owner]
users = [7]
[queue]
per_user = 3
[models.anime]
model = "owner/anime"
"""


class RecordingAnnouncer:
    """Writes down who was told what; those in ``deaf`` aren't reached."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        self.deaf: set[int] = set()

    async def announce(self, words: str, jobs: Sequence[Job]) -> set[int]:
        people = [job.user_id for job in jobs if job.user_id not in self.deaf]
        self.told += [(user_id, words) for user_id in people]
        return set(people)


class OperationsRig:
    """Operations, and what a test asks of them."""

    def __init__(self, jobs: JobRig, directory: Path) -> None:
        self.rig = jobs
        self.file = directory / "config.toml"
        self.file.write_text(CONFIG, encoding="utf-8")
        self.settings: Settings = load(self.file)
        self.config = RunningConfig(self.file, self.settings)
        self.announcer = RecordingAnnouncer()
        self.journal = JobJournal()
        jobs.store.transitions.subscribe(self.journal.follow)
        self.operations = self.made()

    def made(self) -> Operations:
        """Return operations as a start makes them."""
        files = self.rig.scratch
        return Operations(
            Needs(
                jobs=self.rig.jobs,
                pool=Pool([], self.rig.jobs, LocalBackend(files=files, outputs=files)),
                hosts=list,
                models=ModelCatalogue.of(self.settings),
                database=self.rig.database,
                blobs=self.rig.blobs,
                blocks=self.rig.blocks,
                preferences=self.rig.preferences,
                config=self.config,
                journal=self.journal,
                announcer=self.announcer,
                is_age_restricted=lambda _: False,
                started=datetime.now(UTC),
            )
        )
