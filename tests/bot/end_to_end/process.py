"""The bot as its users run it: ``python -m bot run --config FILE`` in a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

from bot.sandbox import Sandbox
from tests.bot.fork_server import IS_POSSIBLE, ROOT, ForkedProcess, ForkServer
from tests.patience import PATIENCE, until

_fork_server = ForkServer()


@dataclass
class Setup:
    """A config file and its data directory; ``values`` are TOML sections of plain values."""

    directory: Path
    discord: Sandbox
    engine: str = "fast:create"  # of tests.generator.engines, or in full

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def write(self, **values: dict[str, Any]) -> Path:
        """Write the config file; ``values`` come on top of what every test needs."""
        sections: dict[str, dict[str, Any]] = {
            "discord": {"token": self.discord.token, "base_url": self.discord.url},
            "generator": {
                "model": "hotshotco/Hotshot-XL",  # its limits; the engines load nothing
                "devices": ["cpu"],
                "engine": self.engine
                if self.engine.startswith("tests.")
                else f"tests.generator.engines.{self.engine}",
            },
            "queue": {"leave_seconds": 1, "per_user": 50},
            "storage": {"data_dir": str(self.data)},
        }
        for name, section in values.items():
            sections.setdefault(name, {}).update(section)
        lines = []
        for name, section in sections.items():
            lines.append(f"[{name}]")
            lines += [f"{key} = {_toml(value)}" for key, value in section.items()]
        path = self.directory / "config.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def rows(self, columns: str = "*") -> list[dict[str, Any]]:
        """Return the jobs' rows, oldest first."""
        with sqlite3.connect(self.data / "hotshot.db") as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(f"SELECT {columns} FROM jobs ORDER BY number").fetchall()  # noqa: S608
        return [dict(row) for row in found]

    async def all_over(self) -> None:
        """Wait until no job is unfinished: a message stands in Discord before its row says so."""
        await self._until_all(lambda row: row["state"] in ("done", "failed", "cancelled"))

    async def all_notified(self) -> None:
        """Wait until every row says that its owner was notified."""
        await self._until_all(lambda row: row["owner_notified"])

    async def _until_all(self, holds: Callable[[dict[str, Any]], Any]) -> None:
        def rows() -> list[dict[str, Any]]:
            return self.rows("state, owner_notified")

        await until(lambda: all(map(holds, rows())), rows)


class Bot:
    """A running bot process."""

    def __init__(self, process: asyncio.subprocess.Process | ForkedProcess, log: Path) -> None:
        self.process = process
        self._log = log

    @classmethod
    async def start(cls, config: Path, *, command: str = "run") -> Self:
        log = config.with_name("bot.log")
        return await cls.launch(log, *command.split(), "--config", str(config))

    @classmethod
    async def start_module(cls, module: str, config: Path, *arguments: str) -> Self:
        """Start a module that runs the bot in its own way."""
        log = config.with_name("bot.log")
        return await cls.launch(log, *arguments, "--config", str(config), module=module)

    @classmethod
    async def launch(cls, log: Path, *arguments: str, module: str = "bot") -> Self:
        """Start any command; its output goes to ``log``."""
        env = {**os.environ, "OMP_NUM_THREADS": "1"}
        with log.open("ab") as output:
            if IS_POSSIBLE:
                return cls(await _fork_server.start(module, arguments, env, output), log)
            command = (sys.executable, "-m", module, *arguments)
            process = await asyncio.create_subprocess_exec(
                *command, cwd=ROOT, env=env, stdout=output, stderr=output
            )
        return cls(process, log)

    @property
    def log(self) -> str:
        """Return everything that was printed, by earlier starts as well."""
        return self._log.read_text(encoding="utf-8")

    def workers(self) -> list[psutil.Process]:
        """Return the generator processes, which are the children that multiprocessing spawned."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(_cmdline(child))]

    async def logged(self, words: str, times: int = 1) -> None:
        """Wait until ``words`` stand in the log ``times`` times."""
        await until(lambda: self.log.count(words) >= times, lambda: self.log)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), PATIENCE)


@asynccontextmanager
async def running(config: Path, discord: Sandbox, *, module: str = "bot") -> AsyncIterator[Bot]:
    """Run a bot that has connected, by ``module``'s own way, and stop it at the end."""
    bot = await Bot.start_module(module, config, "run")
    try:
        connected = asyncio.ensure_future(discord.connected())
        ended = asyncio.ensure_future(bot.process.wait())
        await asyncio.wait((connected, ended), return_when=asyncio.FIRST_COMPLETED)
        assert not ended.done(), bot.log
        await connected
        ended.cancel()
        yield bot
    finally:
        await bot.stop()


async def run_to_end(config: Path, command: str = "run") -> tuple[int, str]:
    """Return the exit code and the output of a start that is expected to fail."""
    return await _to_end(await Bot.start(config, command=command))


async def run_command(directory: Path, *arguments: str) -> tuple[int, str]:
    """Return the exit code and the output of a command without a config."""
    return await _to_end(await Bot.launch(directory / "bot.log", *arguments))


async def _to_end(bot: Bot) -> tuple[int, str]:
    try:
        code = await asyncio.wait_for(bot.process.wait(), PATIENCE)
    finally:
        await bot.stop(signal.SIGKILL)
    return code, bot.log


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_toml(each)}' for key, each in value.items())}}}"
    return f'"{value}"' if isinstance(value, str) else str(value)
