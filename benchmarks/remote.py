"""Workers on GPU hosts beside those on this machine: how soon, how fast, how many, what it costs.

Hosts are agents on this machine that join by the loopback, so the figures are those of the
transport and not of a line. The last two tables are of a whole bot, whose jobs come from people in
a sandbox that shares the cores. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
from aiohttp.test_utils import unused_port

from benchmarks.bot import milliseconds, quantile
from benchmarks.remote_bot import measure_bot, measure_commands
from benchmarks.remote_hosts import ENGINE, PARTS, agents, cpu_by_part
from benchmarks.sleeper import STEP_SECONDS
from benchmarks.table import print_table
from bot.broker.broker import open_broker
from bot.core import machine
from bot.core.remote_settings import RemoteSettings
from bot.jobs.outcomes import MadeFile
from bot.storage.blobs import BlobStore
from bot.workers.backend import JobEvent, WorkerBackend, WorkerConnection
from bot.workers.job_in_hand import Room
from bot.workers.local import LocalBackend
from bot.workers.remote.hub import FleetCallbacks, RemoteHub, run_hub
from generator.contract.messages import (
    Cancelled,
    Generate,
    Lora,
    Progress,
    Request,
    SlotFreed,
    Started,
)
from generator.contract.worker_settings import WorkerSettings

_SECTIONS = ("latencies", "transport", "commands", "bot")
_LARGE_BYTES = 25_000_000
_REQUEST = Request(prompt="x", seed=1, width=64, height=64, steps=1, guidance_scale=5.0)
_SETTINGS = WorkerSettings(model="nano", engine=ENGINE, log_level="WARNING")
_numbers = itertools.count(1)  # of jobs, which no two workers share


@dataclass(slots=True)
class Latencies:
    """Of one kind of worker, in seconds. ``up`` and ``down`` are of a large file."""

    started: list[float] = field(default_factory=list)
    progress: list[float] = field(default_factory=list)
    cancelled: list[float] = field(default_factory=list)
    up: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)


class _Probe:
    """A worker whose every word is noted with its moment."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[tuple[float, JobEvent]] = asyncio.Queue()
        self.worker: WorkerConnection

    async def start(self, backend: WorkerBackend, device: str) -> None:
        self.worker = await backend.start(replace(_SETTINGS, device=device), self._hear)
        await self.worker.ready()

    def _hear(self, event: JobEvent) -> None:
        self._heard.put_nowait((time.perf_counter(), event))

    def submit(self, request: Request) -> Generate:
        job = Generate(f"{next(_numbers):032x}", 1, request, ".gif", has_waited=True)
        self.worker.submit(job)
        return job

    async def next_event(self) -> JobEvent:
        """Return what it says next."""
        _, event = await self._heard.get()
        return event

    async def hears(self, job: Generate, kind: type[JobEvent]) -> float:
        """Return when it said such a thing of a job."""
        while True:
            at, event = await self._heard.get()
            if isinstance(event, kind) and event.job_id == job.job_id:
                return at


async def _latencies(probe: _Probe, blobs: BlobStore, rounds: int) -> Latencies:
    found = Latencies()
    for _ in range(rounds):
        began = time.perf_counter()
        job = probe.submit(replace(_REQUEST, steps=2))
        started = await probe.hears(job, Started)
        found.started.append(started - began)
        # a step is slept through, and what is longer is on the way
        found.progress.append(await probe.hears(job, Progress) - started - STEP_SECONDS)
        await probe.hears(job, MadeFile)
        job = probe.submit(replace(_REQUEST, steps=1000))
        await probe.hears(job, Progress)
        asked = time.perf_counter()
        probe.worker.cancel(job.job_id, 1)
        found.cancelled.append(await probe.hears(job, Cancelled) - asked)
    for number in range(max(3, rounds // 20)):
        await _large(probe, blobs, found, number)
    return found


async def _large(probe: _Probe, blobs: BlobStore, found: Latencies, number: int) -> None:
    began = time.perf_counter()
    job = probe.submit(replace(_REQUEST, prompt=str(_LARGE_BYTES)))
    made_at = await probe.hears(job, Progress)
    found.up.append(await probe.hears(job, MadeFile) - made_at)
    data = number.to_bytes(8, "big") + bytes(_LARGE_BYTES - 8)
    blob = await asyncio.to_thread(blobs.put, data, ".safetensors")
    began = time.perf_counter()
    job = probe.submit(replace(_REQUEST, loras=(Lora(blob),)))
    found.down.append(await probe.hears(job, Started) - began)
    await probe.hears(job, MadeFile)


@dataclass(frozen=True, slots=True)
class _Bench:
    """A hub in this process, its config and its directories."""

    config: Path
    directory: Path
    blobs: BlobStore
    hub: RemoteHub
    here: asyncio.Queue[str]


@asynccontextmanager
async def _bench() -> AsyncIterator[_Bench]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        remote = RemoteSettings(listen=f"127.0.0.1:{unused_port()}")
        config = directory / "config.toml"
        config.write_text(
            f'[storage]\ndata_dir = "{directory / "data"}"\n[remote]\nlisten = "{remote.listen}"\n'
        )
        blobs = BlobStore(directory / "blobs")
        (directory / "scratch").mkdir()
        here: asyncio.Queue[str] = asyncio.Queue()
        async with open_broker(remote, directory / "data") as broker:
            hub = RemoteHub(
                broker.connect,
                files=directory / "blobs",
                scratch=directory / "scratch",
                fleet=FleetCallbacks(here.put_nowait, lambda _: None, lambda _: None),
            )
            async with run_hub(hub):
                yield _Bench(config, directory, blobs, hub, here)


async def compare(rounds: int) -> tuple[Latencies, Latencies, list[float]]:
    """Measure local and remote in turns, and how soon a lost host is noticed."""
    async with _bench() as bench:
        local, remote = _Probe(), _Probe()
        scratch = bench.directory / "scratch"
        await local.start(LocalBackend(files=bench.directory / "blobs", outputs=scratch), "cpu")
        async with agents(bench.config, bench.directory, 1) as [agent]:
            await remote.start(bench.hub, await bench.here.get())
            both = [await _latencies(probe, bench.blobs, rounds) for probe in (local, remote)]
            lost = []
            for _ in range(3):
                began = time.perf_counter()
                os.kill(agent.pid, signal.SIGSTOP)
                await asyncio.shield(remote.worker.died)
                lost.append(time.perf_counter() - began)
                os.kill(agent.pid, signal.SIGCONT)
                await asyncio.sleep(3)
                await remote.start(bench.hub, "host-0.cuda0")
        await local.worker.stop()
    return both[0], both[1], lost


async def scale(workers: int, seconds: float) -> tuple[float, dict[str, float]]:
    """Return jobs a second of one step, by so many workers that are given as many as they ask for,
    and the CPU seconds that one costs each of ``PARTS``.
    """
    async with _bench() as bench, agents(bench.config, bench.directory, workers):
        probes = []
        for _ in range(workers):
            probe = _Probe()
            await probe.start(bench.hub, await bench.here.get())
            probes.append(probe)
        me = psutil.Process()
        began, busy = time.perf_counter(), cpu_by_part(me)
        until = began + seconds
        made = sum(await asyncio.gather(*(_work(probe, until) for probe in probes)))
        passed, spent = time.perf_counter() - began, cpu_by_part(me)
        return made / passed, {part: (spent[part] - busy[part]) / made for part in PARTS}


async def _work(probe: _Probe, until: float) -> int:
    """Keep a worker at work as its supervisor does; return how many jobs it made."""
    made, in_hand, room = 0, 0, Room()
    while True:
        while room.left > 0 and time.perf_counter() < until:
            probe.submit(_REQUEST)
            room.take(STEP_SECONDS)
            in_hand += 1
        if not in_hand:
            return made
        event = await probe.next_event()
        if isinstance(event, SlotFreed):
            room.add(event.room, STEP_SECONDS)
        elif isinstance(event, MadeFile):
            made, in_hand = made + 1, in_hand - 1
            if not in_hand:
                room.note_empty()


def _rows(local: Latencies, remote: Latencies, lost: Sequence[float]) -> list[tuple[str, ...]]:
    names = {
        "submit to started": ("started", "5 ms more"),
        "a step to its progress here": ("progress", "5 ms more"),
        "cancel to cancelled (steps of 50 ms)": ("cancelled", "5 ms more"),
        "25 MB up": ("up", ""),
        "25 MB down": ("down", ""),
    }
    rows = []
    for title, (name, goal) in names.items():
        here, there = getattr(local, name), getattr(remote, name)
        figures = [
            f"{milliseconds(quantile(values, 0.5))} / {milliseconds(quantile(values, 0.99))}"
            for values in (here, there)
        ]
        rows.append((title, *figures, goal))
    rows.append(("a host that is cut off is noticed after", "", f"{max(lost):.1f} s", "5 s"))
    return rows


def measure_latencies(rounds: int) -> None:
    """Measure and print how soon things are said and done."""
    figures = machine.run_event_loop(compare(rounds))
    title = "a worker here and one on a host"
    print_table(title, ("p50 / p99", "local", "remote", "goal"), _rows(*figures))


def measure_transport(counts: Sequence[int], seconds: float) -> None:
    """Measure and print how jobs of one step scale without a bot."""
    rows = []
    for count in counts:
        rate, cpu = machine.run_event_loop(scale(count, seconds))
        share = f"{rate * STEP_SECONDS / count:.2f}"
        each = (f"{cpu[part] * 1000:.2f} ms" for part in PARTS)
        rows.append((str(count), f"{rate:.0f} a second", share, *each))
    heads = ("workers", "made", "of ideal", *(f"CPU a job: {part}" for part in PARTS))
    print_table("jobs of 50 ms, the transport alone", heads, rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.remote", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=_SECTIONS, default=_SECTIONS)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="*", help="how many, one run for each")
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    if "latencies" in chosen.only:
        measure_latencies(chosen.rounds)
    if "transport" in chosen.only:
        measure_transport(chosen.workers or (1, 2, 4, 8, 16, 32), chosen.seconds)
    if "commands" in chosen.only:
        measure_commands(16, 2 * chosen.seconds)
    if "bot" in chosen.only:
        measure_bot(chosen.workers or (1, 4, 16, 32), 2 * chosen.seconds)


if __name__ == "__main__":
    main()
