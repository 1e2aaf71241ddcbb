"""The bot as a process of its own, for benchmarks: its config, and its life around a block."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bot.sandbox import Sandbox

_WITHIN = 120.0  # seconds


@asynccontextmanager
async def running(
    config: Path, discord: Sandbox, *module: str, kill: bool = False
) -> AsyncIterator[tuple[float, psutil.Process]]:
    """A connected bot, and the seconds from its start until Discord had it connected.

    ``module`` runs it in place of ``bot run``. It is told to leave at the end, or killed.
    """
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *(module or ("bot", "run")), "--config", str(config)),
        env={**os.environ, "HOTSHOT_LOG__LEVEL": "WARNING"},
    )
    try:
        await discord.connected(_WITHIN)
        yield time.perf_counter() - began, psutil.Process(process.pid)
    finally:
        if kill:
            process.kill()
        else:
            process.terminate()
        await process.wait()
        await discord.until(lambda: not discord.gateway.connected or None, _WITHIN)


def write_config(
    directory: Path, discord: Sandbox, *lines: str, engine: str = "benchmarks.busy:create"
) -> Path:
    """For a bot whose engine only keeps the cores busy; ``lines`` of TOML come at the end."""
    path = directory / "config.toml"
    queue = () if "[queue]" in lines else ("[queue]", "per_user = 10_000")
    path.write_text(
        f"""
[discord]
token = "{discord.token}"
base_url = "{discord.url}"
[generator]
model = "hotshotco/Hotshot-XL"
devices = "cpu"
engine = "{engine}"
[storage]
data_dir = "{directory / "data"}"
"""
        + "\n".join((*queue, *lines)),
        encoding="utf-8",
    )
    return path
