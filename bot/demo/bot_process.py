"""The demo's bot: ``hotshot-bot run`` as a process of its own, and what to wait for with it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from bot.sandbox.server import Sandbox

T = TypeVar("T")

FAILED, CANNOT_BEGIN = 1, 2

_STOP_SECONDS = 20.0  # for the bot to leave when it is asked to


class DemoError(Exception):
    """The demo made no GIF; the text says why in one sentence."""

    exit_code = FAILED


class DemoSetupError(DemoError):
    """The demo can't begin, or go on, as things are here; says what to change."""

    exit_code = CANNOT_BEGIN


@dataclass(frozen=True, slots=True)
class DemoBot:
    """The bot's process, and the log file that all its output is written to."""

    process: asyncio.subprocess.Process
    log: Path

    @classmethod
    @asynccontextmanager
    async def running(
        cls, discord: Sandbox, home: Path, log: Path, generator: Mapping[str, str]
    ) -> AsyncIterator[Self]:
        """Run a bot in ``discord``, config and data in ``home``, and stop it at the end.

        ``generator`` is the config's section of that name. Raises DemoError where it doesn't leave
        properly after all went well.
        """
        config = home / "config.toml"
        config.write_text(_config(discord, home, generator), encoding="utf-8")
        # what the environment says would win over the config
        mine = {key: value for key, value in os.environ.items() if not _is_override(key)}
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run", "--config", str(config)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=mine,
            )
        bot = cls(process, log)
        try:
            yield bot
        finally:
            await bot._stop()
        if process.returncode != 0:
            raise DemoError(
                f"the bot did not stop cleanly (exit code {process.returncode}); see {log}."
            )

    async def wait_for(self, waiting: Coroutine[Any, Any, T], action: str) -> T:
        """Return what ``waiting`` returns, unless the bot ends first.

        Raises DemoError where the bot ends first, or ``waiting`` raises a TimeoutError.
        """
        task = asyncio.create_task(waiting)
        ended = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait((task, ended), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        except TimeoutError:
            raise DemoError(f"the bot did not {action} in time; see {self.log}.") from None
        finally:
            task.cancel()
            ended.cancel()
        raise self._error_from_log()

    def _error_from_log(self) -> DemoError:
        """Return the error that the bot left in its log, or one that says where to look."""
        code = self.process.returncode
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if lines and lines[-1].startswith("hotshot-bot: "):
            kind = DemoSetupError if code == CANNOT_BEGIN else DemoError
            return kind(lines[-1].removeprefix("hotshot-bot: "))
        return DemoError(f"the bot ended with exit code {code}; see {self.log}.")

    async def _stop(self) -> None:
        """Terminate the bot, and kill it after a while or when this wait is cancelled."""
        if self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            pass
        finally:  # a second Ctrl-C doesn't leave it behind
            if self.process.returncode is None:
                self.process.kill()
                await self.process.wait()


def _is_override(variable: str) -> bool:
    return variable.upper().startswith("HOTSHOT_")


def _config(discord: Sandbox, home: Path, generator: Mapping[str, str]) -> str:
    """Return the bot's config file as TOML, whose strings are written as JSON's are."""
    sections: dict[str, Mapping[str, str | int]] = {
        "discord": {"token": discord.token, "base_url": discord.url},
        "generator": generator,
        "queue": {"leave_seconds": 0},  # who interrupts a demo doesn't wait for its GIF
        "storage": {"data_dir": str(home / "data"), "min_free_mb": 1},  # room was looked for
    }
    return "\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())])
        for name, keys in sections.items()
    )
