"""GPU hosts on this machine, for benchmarks: the bot's own server, and agents that joined it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil

ENGINE = "benchmarks.sleeper:create"
PARTS = ("bot", "hosts' agents", "their workers", "nats-server")
_LEAVE_SECONDS = 20.0


@asynccontextmanager
async def agents(
    config: Path, directory: Path, workers: int, *, each: int = 8
) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Agents that have so many workers together, at most ``each``, and join by a bot's config."""
    async with AsyncExitStack() as stack:
        started = []
        for number, first in enumerate(range(0, workers, each)):
            line = await _join_line(config, f"host-{number}")
            count = min(each, workers - first)
            place = directory / f"host-{number}"
            started.append(await stack.enter_async_context(_agent(line, place, count)))
        yield started


def cpu_by_part(bot: psutil.Process) -> dict[str, float]:
    """Return the CPU seconds of each of ``PARTS``; ``bot`` has a server below it, this process has
    the agents, and they their workers.
    """
    servers = [each for each in bot.children() if each.name() == "nats-server"]
    agents = [each for each in psutil.Process().children() if "--join" in each.cmdline()]
    workers = [each for agent in agents for each in agent.children()]
    parts = [bot], agents, workers, servers
    return {name: sum(map(cpu_seconds, part)) for name, part in zip(PARTS, parts, strict=True)}


def cpu_seconds(process: psutil.Process) -> float:
    """Return those of a process alone."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def _join_line(config: Path, name: str) -> str:
    adding = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "host", "add", name, "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    printed, _ = await adding.communicate()
    return printed.decode().strip()


@asynccontextmanager
async def _agent(
    line: str, directory: Path, count: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    devices = ",".join(f"cuda:{number}" for number in range(count))
    await asyncio.to_thread(directory.mkdir, parents=True)
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "generator", "worker", "--join", line),
            *("--devices", devices, "--engine", ENGINE, "--cache-dir", str(directory)),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_LEAVE_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
