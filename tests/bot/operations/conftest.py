"""Operations with real parts, for the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.database import open_database
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.operations.rig import OperationsRig


@pytest.fixture
async def owner(tmp_path: Path) -> AsyncIterator[OperationsRig]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        jobs = JobRig(database, tmp_path, RecordingNotifier(), size=10)
        yield OperationsRig(jobs, tmp_path)
        await jobs.jobs.close()
