"""Puts together what whoever runs the bot watches it by: ``[metrics]``, ``[tracing]``, prompts.

What the extra brings is imported here and only then: a bot that nobody watches needs none of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from sqlalchemy import text

from bot.app.client import HotshotClient
from bot.core.config import Settings
from bot.jobs.service import JobService
from bot.jobs.transitions import TransitionStream, log_prompt
from bot.policy.decisions import DecisionStream
from bot.storage.database import Database
from bot.workers.device_report import DeviceReport
from bot.workers.host_report import HostReport
from bot.workers.pool import Pool
from generator.contract.extras import METRICS_MODULE, TRACING_MODULE, require_modules
from generator.contract.version import VERSION

if TYPE_CHECKING:
    from bot.metrics.families import Families
    from bot.metrics.job_metrics import JobMetrics
    from bot.metrics.snapshot import Connections
    from bot.tracing.export import SpanExport
    from bot.tracing.job_spans import JobSpans


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where it is told what happens in the bot."""

    transitions: TransitionStream
    decisions: DecisionStream
    database: Database
    jobs: JobService


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBot:
    """What of the running bot is looked at: ``bot.metrics.snapshot.Watched``."""

    client: HotshotClient
    pool: Pool
    host_reports: Callable[[], Sequence[HostReport]]

    def connections(self) -> Connections:
        from bot.metrics.snapshot import Connections

        shards = [shard for shard in self.client.shards.values() if not shard.is_closed()]
        known = [shard.latency for shard in shards if math.isfinite(shard.latency)]
        return Connections(
            open=len(shards),
            wanted=self.client.shard_count or 0,
            heartbeat=max(known, default=None),
            servers=len(self.client.guilds),
        )

    def devices(self) -> Sequence[DeviceReport]:
        return self.pool.reports()

    def hosts(self) -> Sequence[HostReport]:
        return self.host_reports()

    def members(self, guild_id: int) -> int | None:
        guild = self.client.get_guild(guild_id)
        return None if guild is None else guild.member_count

    def queue_limit(self) -> int:
        return self.client.context.settings.queue.size


class Monitoring:
    """Made before the client is, so that its first request is counted. Raises MissingExtraError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._families: Families | None = None
        self._job_metrics: JobMetrics | None = None
        self._job_spans: JobSpans | None = None
        self._export: SpanExport | None = None
        self.http_trace: aiohttp.TraceConfig | None = None
        if settings.metrics.listen:
            require_modules(METRICS_MODULE)
            self._prepare_metrics()
        if settings.tracing.endpoint:
            require_modules(TRACING_MODULE)
            self._prepare_tracing()

    def follow(self, streams: Streams) -> None:
        """Hear from now on what happens; before any job is taken up."""
        if self._settings.log.prompts:
            streams.transitions.subscribe(log_prompt)
        if self._families is not None and self._job_metrics is not None:
            query_seconds = self._families.database
            streams.transitions.subscribe(self._job_metrics.hear)
            streams.jobs.register_observer(self._job_metrics)
            streams.decisions.subscribe(self._job_metrics.decide)
            streams.database.set_observer(
                lambda kind, seconds: query_seconds.labels(kind).observe(seconds)
            )
        if self._job_spans is not None:
            streams.transitions.subscribe(self._job_spans.hear)
            streams.jobs.register_observer(self._job_spans)

    @asynccontextmanager
    async def exporting(self) -> AsyncIterator[None]:
        """Send what is left of traces at the end, once nothing happens any more."""
        try:
            yield
        finally:
            if self._export is not None:
                await asyncio.to_thread(self._export.close)

    @asynccontextmanager
    async def serve(
        self, watched: RunningBot, jobs: JobService, database: Database
    ) -> AsyncIterator[None]:
        """Answer whoever asks while inside; the bot goes on where that can't be."""
        if self._families is None or self._job_metrics is None:
            yield
            return
        from bot.metrics.readiness import ReadinessCheck
        from bot.metrics.samplers import watch_disk, watch_event_loop
        from bot.metrics.server import MetricsServer
        from bot.metrics.snapshot import Snapshot

        families = self._families
        readiness = ReadinessCheck(
            watched,
            lambda: database.read(lambda connection: connection.scalar(text("SELECT 1"))),
            why_closed=lambda: str(jobs.why_all_wait or ""),
            hosts_may_come=self._settings.remote.is_used,
        )
        snapshot = Snapshot(families, watched, self._job_metrics)
        server = MetricsServer(self._settings.metrics, families, snapshot, readiness)
        samplers = (
            watch_event_loop(families),
            watch_disk(families, self._settings.storage.data_dir),
        )
        tasks = [asyncio.create_task(sampler) for sampler in samplers]
        try:
            async with server.serve():
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _prepare_metrics(self) -> None:
        from bot.metrics.discord_requests import watch_requests
        from bot.metrics.families import Families
        from bot.metrics.job_metrics import JobMetrics

        self._families = Families()
        self._job_metrics = JobMetrics(self._families)
        self._families.version.labels(VERSION).set(1)
        self.http_trace = aiohttp.TraceConfig()
        watch_requests(self.http_trace, self._families)

    def _prepare_tracing(self) -> None:
        from bot.tracing.discord_spans import watch_requests
        from bot.tracing.export import SpanExport
        from bot.tracing.job_spans import JobSpans

        self._export = SpanExport(self._settings.tracing.endpoint)
        self._job_spans = JobSpans(self._export.take)
        self.http_trace = self.http_trace or aiohttp.TraceConfig()
        watch_requests(self.http_trace, self._export.take, self._job_spans.parent_of)
