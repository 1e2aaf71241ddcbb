"""The pages as a real client gets them, and an address that is taken, foreign or open to all."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from bot.core.monitoring_settings import MetricsSettings
from bot.metrics import server as module
from bot.metrics.families import Families
from bot.metrics.job_metrics import JobMetrics
from bot.metrics.readiness import ReadinessCheck
from bot.metrics.server import MetricsServer
from bot.metrics.snapshot import Snapshot
from bot.workers.host_report import HostReport
from tests.bot.metrics.test_readiness import answers
from tests.bot.metrics.watched import FakeBot, device
from tests.patience import until
from tests.promtool import check_metrics


class Pages:
    """A client of a server on ``port``."""

    def __init__(self, client: aiohttp.ClientSession, port: int) -> None:
        self._client, self._port = client, port

    async def get(self, path: str, host: str = "") -> tuple[int, str]:
        headers = {"Host": host} if host else {}
        url = f"http://127.0.0.1:{self._port}{path}"
        async with self._client.get(url, headers=headers) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def serving(
    bot: FakeBot | None = None,
    waiting: dict[int | None, int] | None = None,
    *,
    gpus: dict[str, tuple[int, int]] | None = None,
    port: int = 0,
    address: str = "127.0.0.1",
    hosts: tuple[str, ...] = (),
) -> AsyncIterator[Pages]:
    bot, port = bot or FakeBot(), port or unused_port()
    families = Families()
    jobs = JobMetrics(families)
    jobs.gpus = gpus or {}
    jobs.waiting_by_server.update(waiting or {})
    check = ReadinessCheck(bot, answers, why_closed=lambda: "", hosts_may_come=False)
    snapshot = Snapshot(families, bot, jobs)
    settings = MetricsSettings(listen=f"{address}:{port}", hosts=hosts)
    async with (
        MetricsServer(settings, families, snapshot, check).serve(),
        aiohttp.ClientSession() as client,
    ):
        yield Pages(client, port)


async def test_the_pages() -> None:
    bot = FakeBot()
    async with serving(bot) as pages:
        assert await pages.get("/healthz") == (200, '{"alive": true}\n')
        assert await pages.get("/readyz") == (200, '{"ready": true, "reasons": {}}\n')
        bot.its_devices = []
        status, text = await pages.get("/readyz")
        assert (status, "No worker can work." in text) == (503, True)
        assert (await pages.get("/"))[0] == 404
        status, text = await pages.get("/metrics")
    assert status == 200
    check_metrics(text)


async def test_what_is_looked_at_when_somebody_asks() -> None:
    bot = FakeBot(
        its_devices=[device("idle", "cuda:0", 5), device("busy"), device("busy", memory=7)],
        its_hosts=[
            HostReport(name="home.cuda0", state="<script>"),
            HostReport(name="b", state="away"),
        ],
        its_members={1: 99, 2: 100, 3: 50_000},
    )
    gpus = {"cuda:0": (6, 24), "cuda:9 is gone": (1, 2)}
    async with serving(bot, {None: 4, 1: 1, 2: 2, 3: 3, 77: 5}, gpus=gpus) as pages:
        _, text = await pages.get("/metrics")
        bot.its_devices, bot.its_queue_limit = [device("idle")], 7  # as after a reload
        _, later = await pages.get("/metrics")
    for line in (
        'hotshot_workers{state="busy"} 2.0',
        "hotshot_queue_limit 100.0",
        'hotshot_workers{state="down"} 0.0',
        'hotshot_worker_memory_bytes{device="cpu"} 7.0',
        'hotshot_gpu_memory_peak_bytes{device="cuda:0"} 6.0',
        'hotshot_gpu_memory_size_bytes{device="cuda:0"} 24.0',
        'hotshot_hosts{state="away"} 1.0',
        'hotshot_discord_shards{state="connected"} 1.0',
        "hotshot_discord_heartbeat_seconds 0.05",
        'hotshot_queue_jobs{server_size="direct"} 4.0',
        'hotshot_queue_jobs{server_size="under 100"} 1.0',
        'hotshot_queue_jobs{server_size="under 1000"} 2.0',
        'hotshot_queue_jobs{server_size="larger"} 3.0',
        'hotshot_queue_jobs{server_size="unknown"} 5.0',
    ):
        assert line in text.splitlines()
    assert "<script>" not in text
    assert "is gone" not in text
    assert "cuda:0" not in later
    assert "hotshot_queue_limit 7.0" in later.splitlines()


async def test_a_page_elsewhere_cannot_have_a_browser_read_them() -> None:
    async with serving(hosts=("bot.example.com",)) as pages:
        for name in ("127.0.0.1", "localhost:9464", "[::1]", "BOT.example.com:1", "10.1.2.3"):
            assert (await pages.get("/metrics", name))[0] == 200, name
        for name in ("evil.example.com", "127.0.0.1.evil.example.com", "[", "a b"):
            status, text = await pages.get("/metrics", name)
            assert (status, "metrics.hosts" in text) == (403, True), name


async def test_a_port_that_is_taken_is_said_once_and_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.01)
    caplog.set_level(logging.INFO)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with serving(port=port) as pages:
            [line] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
            said = (
                f"Nothing can listen at metrics.listen, 127.0.0.1:{port} (Address already in use);"
            )
            assert line.startswith(said)
            assert line.endswith("Choose another port, or stop what uses it.")
            taken.close()
            await until(lambda: "metrics at http://127.0.0.1:" in caplog.text)
            assert (await pages.get("/healthz"))[0] == 200
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 1


async def test_beyond_this_machine_there_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    async with serving():
        assert "other machines" not in caplog.text
    async with serving(address="0.0.0.0") as pages:  # noqa: S104
        assert "other machines can read the bot's figures" in caplog.text
        assert (await pages.get("/healthz"))[0] == 200
