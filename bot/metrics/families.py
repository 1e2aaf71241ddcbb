"""Every metric that the bot has: its name, its labels, and what it says.

No label holds an id, a name of a person or server, or anything that people write: each has a few
values, whatever the bot is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase

_WAITS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_WORK = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
_DELIVERIES = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)
_QUERIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_REQUESTS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAGS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1)


class Description(NamedTuple):
    """A metric as documentation has it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    says: str


class Families:
    """The metrics, each once, in a registry of their own."""

    def __init__(self) -> None:
        # a series more for each, of when it began
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.descriptions: list[Description] = []
        ProcessCollector(registry=self.registry)
        self._declare_jobs()
        self._declare_workers()
        self._declare_discord()
        self._declare_bot()

    def _declare_jobs(self) -> None:
        self.accepted = self._counter(
            "jobs_accepted", "Accepted jobs, people's or the bot's own.", "owner"
        )
        self.ended = self._counter(
            "jobs_ended",
            "Jobs that ended, by how (done, failed, cancelled) and why they failed.",
            "state",
            "failure",
        )
        self.retried = self._counter(
            "jobs_retried", "Jobs that were put back into the queue because their worker was gone."
        )
        self.jobs = self._gauge(
            "jobs",
            "Unfinished jobs: queued, running, delivering, or interrupted (by a restored backup).",
            "state",
            "owner",
        )
        self.queue = self._gauge(
            "queue_jobs", "People's waiting jobs, by the size of their server.", "server_size"
        )
        self.queue_limit = self._gauge(
            "queue_limit", "How many unfinished jobs people may have in total (queue.size)."
        )
        self.wait = self._histogram(
            "job_wait_seconds", "How long a job waited for a worker.", _WAITS, "owner"
        )
        self.work = self._histogram(
            "job_work_seconds", "How long the worker took for a finished job.", _WORK, "model"
        )
        self.delivery = self._histogram(
            "job_delivery_seconds", "From a finished file to its message in Discord.", _DELIVERIES
        )
        self.deliveries = self._counter(
            "deliveries",
            "Results that were posted: in the command's response, a message of variations, a "
            "message in its channel, or a direct message.",
            "way",
        )
        self.decisions = self._counter(
            "gate_decisions",
            "Requests that were refused, and files that were shown, covered or withheld, by the "
            "rule or quota.",
            "answer",
            "rule",
        )

    def _declare_workers(self) -> None:
        self.workers = self._gauge(
            "workers", "Workers here and on GPU hosts: starting, idle, busy, down.", "state"
        )
        self.hosts = self._gauge(
            "hosts", "Workers of GPU hosts, as reported by the hosts.", "state"
        )
        self.worker_memory = self._gauge(
            "worker_memory_bytes", "Memory that a worker's process uses.", "device"
        )
        self.gpu_peak = self._gauge(
            "gpu_memory_peak_bytes",
            "The most GPU memory that a worker used for its last GIF.",
            "device",
        )
        self.gpu_size = self._gauge(
            "gpu_memory_size_bytes", "Total memory of a worker's GPU.", "device"
        )

    def _declare_discord(self) -> None:
        self.requests = self._counter(
            "discord_requests", "Requests to Discord, by the status class of the answer.", "status"
        )
        self.request_seconds = self._histogram(
            "discord_request_seconds", "From a request to Discord to its answer.", _REQUESTS
        )
        self.rate_limited = self._counter(
            "discord_rate_limited",
            "Requests that Discord refused as too many, by the scope of the limit.",
            "scope",
        )
        self.shards = self._gauge("discord_shards", "Connections to the gateway.", "state")
        self.heartbeat = self._gauge(
            "discord_heartbeat_seconds",
            "How long the slowest connection's last heartbeat took; 0 if none is connected.",
        )
        self.servers = self._gauge("discord_servers", "Servers that the bot is in.")

    def _declare_bot(self) -> None:
        self.database = self._histogram(
            "database_seconds",
            "How long a query took, including its wait for others.",
            _QUERIES,
            "operation",
        )
        self.disk_free = self._gauge(
            "disk_free_bytes", "Free space on the disk of storage.data_dir."
        )
        self.loop_lag = self._histogram(
            "event_loop_lag_seconds",
            "How late the event loop was, measured four times a second.",
            _LAGS,
        )
        self.version = self._gauge("build_info", "Always 1, labelled with the version.", "version")

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        self._describe(f"{name}_total", "counter", labels, says)
        return Counter(f"hotshot_{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        self._describe(name, "gauge", labels, says)
        return Gauge(f"hotshot_{name}", says, labels, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: Iterable[float], *labels: str) -> Histogram:
        self._describe(name, "histogram", labels, says)
        buckets = tuple(buckets)
        return Histogram(f"hotshot_{name}", says, labels, buckets=buckets, registry=self.registry)

    def _describe(self, name: str, kind: str, labels: tuple[str, ...], says: str) -> None:
        self.descriptions.append(Description(f"hotshot_{name}", kind, labels, says))


def set_counts(gauge: Gauge, counts: dict[str, float]) -> None:
    """Set a gauge of one label to these values, and forget all others."""
    gauge.clear()
    for value, count in counts.items():
        gauge.labels(value).set(count)


def begin_at_zero(family: MetricWrapperBase, *labels: tuple[str, ...]) -> None:
    """Have series there from the start: of one that appears with a 1 no rise is seen."""
    for values in labels:
        family.labels(*values)


def table() -> Iterator[str]:
    """Yield the lines of a Markdown table of all metrics, for the documentation."""
    yield "| metric | kind | labels | |"
    yield "|---|---|---|---|"
    for name, kind, labels, says in Families().descriptions:
        named = ", ".join(f"`{label}`" for label in labels)
        yield f"| `{name}` | {kind} | {named} | {says} |"
