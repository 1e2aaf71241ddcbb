"""What ``hotshot-bot status`` reads, also where there is nothing that it could."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from bot.workers.host_report import HostReport
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.status_file import read, report_while_running
from generator.contract.worker_settings import WorkerSettings
from tests.bot.workers.test_pool import RecordingWork
from tests.patience import until

HOST = HostReport(name="home.cuda0", state="busy", card="a card", cached_bytes=10**9)


async def test_the_last_report_is_read_back(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    backend = LocalBackend(files=tmp_path, outputs=tmp_path)
    pool = Pool([WorkerSettings(engine="tests.generator.engines.fast:create")], work, backend)
    async with run_pool(pool):
        await work.until(lambda: work.recoveries)
        writing = asyncio.create_task(report_while_running(pool, lambda: [HOST], tmp_path))
        await until(lambda: read(tmp_path), lambda: list(tmp_path.iterdir()))
        writing.cancel()
    report = read(tmp_path)
    assert report is not None
    [device] = report.devices
    assert (device.state, device.failure) == ("idle", "")
    assert report.hosts == (HOST,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b'"x"',
        json.dumps({"pid": 1, "at": 1.0, "devices": [{"trouble": ""}]}).encode(),
        json.dumps({"version": 99, "workers": []}).encode(),
    ],
)
def test_another_versions_file_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "status.json").write_bytes(content)
    assert read(tmp_path) is None


def test_no_file_is_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None
