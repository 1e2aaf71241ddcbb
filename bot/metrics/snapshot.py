"""What is looked at when somebody asks: workers, hosts, connections, the queue by server size.

Only what this process has in memory, so an answer waits for nobody.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.metrics.families import Families, set_counts
from bot.workers.device_report import DeviceReport
from bot.workers.host_report import HostReport

WORKER_STATES = ("starting", "idle", "busy", "down")
_HOST_STATES = ("away", "down", "loading", "idle", "busy", "draining")
_SIZES = (100, 1000, 10_000)
SIZE_NAMES = ("under 100", "under 1000", "under 10000", "larger")
DIRECT, UNKNOWN = "direct", "unknown"
_MOST_DEVICES = 64  # that have a series of their own


@dataclass(frozen=True, slots=True)
class Connections:
    """How the client stands: connections that are ``open`` of ``wanted``, and servers.

    ``heartbeat`` is that of the slowest in seconds, None where none is known.
    """

    open: int
    wanted: int
    heartbeat: float | None
    servers: int


class Watched(Protocol):
    """What of a running bot is looked at."""

    def connections(self) -> Connections: ...

    def devices(self) -> Sequence[DeviceReport]: ...

    def hosts(self) -> Sequence[HostReport]: ...

    def members(self, guild_id: int) -> int | None:
        """Return how many members a server has; None where that isn't known."""

    def queue_limit(self) -> int:
        """Return how many unfinished jobs there may be, by the config as it is now."""


class JobFigures(Protocol):
    """What is known of jobs: ``bot.metrics.job_metrics.JobMetrics``."""

    @property
    def waiting_by_server(self) -> Mapping[int | None, int]:
        """How many people's jobs wait, by their server; None is for direct messages."""

    @property
    def gpus(self) -> Mapping[str, tuple[int, int]]:
        """By device, the bytes of its GPU that its worker held at most, and all that it has."""


class Snapshot:
    """Sets what can't be counted as it happens."""

    def __init__(self, families: Families, watched: Watched, jobs: JobFigures) -> None:
        self._families = families
        self._watched = watched
        self._jobs = jobs

    def take(self) -> None:
        """Set all to what it is now."""
        self._take_workers()
        self._take_connections()
        self._families.queue_limit.set(self._watched.queue_limit())
        by_size = dict.fromkeys((*SIZE_NAMES, DIRECT, UNKNOWN), 0.0)
        for guild_id, count in self._jobs.waiting_by_server.items():
            by_size[self._size_of(guild_id)] += count
        set_counts(self._families.queue, by_size)

    def _take_workers(self) -> None:
        families, devices = self._families, self._watched.devices()
        states = Counter(device.state for device in devices)
        set_counts(families.workers, {state: states[state] for state in WORKER_STATES})
        hosts = Counter(host.state for host in self._watched.hosts())
        set_counts(families.hosts, {state: hosts[state] for state in _HOST_STATES})
        memory: Counter[str] = Counter()
        for device in devices[:_MOST_DEVICES]:
            memory[device.device] += device.memory_bytes or 0
        set_counts(families.worker_memory, dict(memory))
        gpus = {name: self._jobs.gpus[name] for name in memory if name in self._jobs.gpus}
        set_counts(families.gpu_peak, {name: peak for name, (peak, _) in gpus.items()})
        set_counts(families.gpu_size, {name: whole for name, (_, whole) in gpus.items()})

    def _take_connections(self) -> None:
        families, found = self._families, self._watched.connections()
        set_counts(families.shards, {"connected": found.open, "wanted": found.wanted})
        families.heartbeat.set(found.heartbeat or 0.0)
        families.servers.set(found.servers)

    def _size_of(self, guild_id: int | None) -> str:
        if guild_id is None:
            return DIRECT
        members = self._watched.members(guild_id)
        return UNKNOWN if members is None else SIZE_NAMES[bisect(_SIZES, members)]
