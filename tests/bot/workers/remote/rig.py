"""A bot's pool and GPU hosts beside it: a real server, agents and workers that are processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.remote.hub import FleetCallbacks, RemoteHub, run_hub
from bot.workers.watchdog import WatchdogSettings
from bot.workers.work import Work
from generator.contract.worker_settings import WorkerSettings
from tests.bot.workers.remote.server import NatsServer

ROOT = Path(__file__).parents[4]


class AgentProcess:
    """``hotshot worker``, as somebody on a GPU host starts it."""

    def __init__(self, line: str, host: str, directory: Path, engine: str, *flags: str) -> None:
        self.host = host
        self.log = directory / f"{host}.log"
        self.cache = directory / f"{host}-cache"
        self._command = [
            *(sys.executable, "-m", "generator", "worker"),
            *("--join", line, "--devices", "cpu", "--engine", engine),
            *("--cache-dir", str(self.cache), *flags),
        ]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )

    def restart(self) -> None:
        self.process = self._start()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def worker_pids(self) -> list[int]:
        """The worker processes that it has."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return [each.pid for each in children if "spawn_main" in " ".join(each.cmdline())]

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""


@contextmanager
def server_of(directory: Path, *hosts: str) -> Iterator[NatsServer]:
    server = NatsServer(directory, hosts)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def agents_of(
    server: NatsServer, directory: Path, engine: str, *hosts: str, flags: tuple[str, ...] = ()
) -> Iterator[list[AgentProcess]]:
    agents = [
        AgentProcess(server.join_line(host), host, directory, engine, *flags) for host in hosts
    ]
    try:
        yield agents
    finally:
        for agent in agents:
            agent.send(signal.SIGTERM)
            agent.send(signal.SIGTERM)
        for agent in agents:
            try:
                agent.process.wait(30)
            except subprocess.TimeoutExpired:
                agent.kill()


@dataclass
class RemoteRig:
    """The bot's side."""

    pool: Pool
    hub: RemoteHub


@asynccontextmanager
async def bot_of(
    server: NatsServer,
    work: Work,
    files: Path,
    scratch: Path,
    *,
    watchdog: WatchdogSettings | None = None,
    lost_after: float = 5.0,
) -> AsyncIterator[RemoteRig]:
    """A bot without workers of its own, whose pool takes in what hosts bring."""
    pool = Pool([], work, LocalBackend(files=files, outputs=scratch), watchdog)
    pool.allow_none()
    template = WorkerSettings(model="nano")

    def come(name: str) -> None:
        pool.add(replace(template, device=name), hub)

    hub = RemoteHub(
        server.connecting("bot"),
        files=files,
        scratch=scratch,
        fleet=FleetCallbacks(come=come, drain=pool.stop_feeding, go=pool.remove),
        lost_after=lost_after,
    )
    async with run_hub(hub), run_pool(pool):
        yield RemoteRig(pool, hub)
