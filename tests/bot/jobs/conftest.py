"""A job service with real parts, for the tests of this room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.database import open_database
from tests.bot.jobs.rig import JobRig, RecordingNotifier


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[JobRig]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        rig = JobRig(database, tmp_path, RecordingNotifier())
        yield rig
        await rig.jobs.close()
