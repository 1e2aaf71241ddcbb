"""What ``make demo`` runs: a sandbox, the real bot as a process of its own, and one /gif.

Prints what happens in plain lines and saves the GIF. Everything is stopped at the end; a failure
is one sentence and exit code 1. Of the bot it knows the command line and the config file alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bot.sandbox.interactions import Interaction
from bot.sandbox.model import Message, StoredFile
from bot.sandbox.server import Sandbox

T = TypeVar("T")

PROMPT = "a red ball bouncing on a black background"
OUTPUT = Path("out/demo.gif")

_START_SECONDS = 60.0  # for the bot to log in and register its commands
_GIF_SECONDS = 600.0  # for the GIF, the loading of the model included
_LEAVE_SECONDS = 20.0  # for the bot to leave when it is asked to
_FAILED, _INTERRUPTED = 1, 130
_SLASH_COMMAND = 1  # the others stand in menus


class DemoError(Exception):
    """Why there is no GIF, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask for. ``generator`` are further keys of the config's section of that name."""

    prompt: str = PROMPT
    output: Path = OUTPUT
    model: str = "nano"
    generator: tuple[tuple[str, str], ...] = ()

    @property
    def log(self) -> Path:
        return self.output.with_suffix(".log")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    plan = _plan(arguments)
    try:
        asyncio.run(run(plan))
    except DemoError as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return _INTERRUPTED
    return 0


def _plan(arguments: list[str] | None) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox.demo", description=__doc__)
    parser.add_argument("--prompt", default=PROMPT, help="what the GIF shows")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where it is saved")
    parser.add_argument("--model", default="nano", help="as generator.model in the config")
    chosen = parser.parse_args(arguments)
    return Plan(prompt=chosen.prompt, output=chosen.output, model=chosen.model)


async def run(plan: Plan) -> None:
    """The whole demo. Raises DemoError."""
    try:
        plan.output.parent.mkdir(parents=True, exist_ok=True)
        plan.log.touch()
    except OSError as error:
        raise DemoError(
            f"{plan.output.parent} can't be written ({error.strerror}); choose another --output."
        ) from error
    async with Sandbox() as discord:
        _say(f"A sandbox Discord listens at {discord.url}, on this machine only.")
        with tempfile.TemporaryDirectory(prefix="hotshot-demo-") as home:
            async with _bot(plan, discord, Path(home)) as process:
                file = await _make_gif(plan, discord, process)
                _save(plan, file)
            _check_farewell(plan, process.returncode)
    _say("The bot and the sandbox are stopped.")


async def _make_gif(
    plan: Plan, discord: Sandbox, process: asyncio.subprocess.Process
) -> StoredFile:
    """From the bot's start to the posted file."""
    commands = await _unless_dead(
        plan, process, discord.commands_registered(_START_SECONDS), "register its commands"
    )
    names = ", ".join(f"/{each['name']}" for each in commands if each["type"] == _SLASH_COMMAND)
    _say(f"The bot registered its commands: {names}.")
    await _unless_dead(plan, process, discord.connected(_START_SECONDS), "connect")
    _say("The bot is connected to the gateway.")
    interaction = await discord.person("you").slash("gif", prompt=plan.prompt)
    _say(f"You type /gif prompt: {plan.prompt}")
    await _unless_dead(plan, process, interaction.acknowledged(), "answer")
    _say(f"The bot answered after {(interaction.latency or 0) * 1000:.0f} ms.")
    watching = asyncio.create_task(_tell_edits(discord, interaction))
    try:
        wait = interaction.message(_is_over, _GIF_SECONDS)
        message = await _unless_dead(plan, process, wait, "make the GIF")
    finally:
        watching.cancel()
    if not message.files:
        raise DemoError(_last_line(message).lstrip("❌ "))
    file = message.files[0]
    _say(f"The bot posted {file.filename}: {_settings(message)}")
    return file


def _is_over(message: Message) -> bool:
    """With its file, or without one and nothing left to press: then it says why."""
    return bool(message.files) or not (message.loading or message.buttons)


async def _tell_edits(discord: Sandbox, interaction: Interaction) -> None:
    """Prints what the progress message says, each time that it changes; until cancelled."""
    told = ""
    while True:
        said = await discord.until(partial(_news, interaction, told), _GIF_SECONDS)
        told = said
        _say(f"    {said}")


def _news(interaction: Interaction, before: str) -> str | None:
    for message in interaction.messages:
        if not (message.loading or _is_over(message)) and _last_line(message) != before:
            return _last_line(message)
    return None


def _last_line(message: Message) -> str:
    """Of the embed's words, the last line; the lines above repeat the prompt."""
    for embed in message.embeds:
        if embed.get("description"):
            return str(embed["description"]).splitlines()[-1]
    return message.text.splitlines()[-1] if message.text else ""


def _settings(message: Message) -> str:
    """The fields of the result, such as seed and size, on one line."""
    fields = [field for embed in message.embeds for field in embed.get("fields", ())]
    return "; ".join(f"{field['name'].lower()} {field['value'].strip('`')}" for field in fields)


def _save(plan: Plan, file: StoredFile) -> None:
    try:
        plan.output.write_bytes(file.data)
    except OSError as error:
        raise DemoError(f"{plan.output} can't be written ({error.strerror}).") from error
    _say(f"The GIF is in {plan.output} ({len(file.data) / 1000:.0f} kB).")


# -- the bot's process -----------------------------------------------------------------------------


@asynccontextmanager
async def _bot(
    plan: Plan, discord: Sandbox, home: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``hotshot-bot run`` with a config of its own; asked to leave at the end."""
    config = home / "config.toml"
    config.write_text(_config(plan, discord, home), encoding="utf-8")
    # what the environment says would win over the config
    environment = {
        key: value for key, value in os.environ.items() if not key.upper().startswith("HOTSHOT_")
    }
    command = (sys.executable, "-m", "bot", "run", "--config", str(config))
    with plan.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
    _say(f"The bot starts (process {process.pid}, log in {plan.log}).")
    try:
        yield process
    finally:
        await _leave(process)


def _config(plan: Plan, discord: Sandbox, home: Path) -> str:
    """TOML; its strings are written as JSON's are."""
    sections: dict[str, dict[str, str | int]] = {
        "discord": {"token": discord.token, "base_url": discord.url},
        "generator": {"model": plan.model, **dict(plan.generator)},
        "queue": {"leave_seconds": 0},  # who interrupts a demo doesn't wait for its GIF
        "storage": {"data_dir": str(home / "data")},
    }
    return "\n".join(
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())])
        for name, keys in sections.items()
    )


async def _leave(process: asyncio.subprocess.Process) -> None:
    """Asks it to leave, and makes it after a while."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_LEAVE_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _check_farewell(plan: Plan, code: int | None) -> None:
    if code != 0:
        raise DemoError(f"the bot did not leave properly (exit code {code}); see {plan.log}.")


async def _unless_dead(
    plan: Plan,
    process: asyncio.subprocess.Process,
    waiting: Coroutine[Any, Any, T],
    deed: str,
) -> T:
    """What ``waiting`` gives. Raises DemoError where the bot ends first, or it takes too long."""
    task = asyncio.create_task(waiting)
    ended = asyncio.create_task(process.wait())
    try:
        await asyncio.wait((task, ended), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    except TimeoutError:
        raise DemoError(f"the bot did not {deed} in time; see {plan.log}.") from None
    finally:
        task.cancel()
        ended.cancel()
    raise DemoError(_last_words(plan, process.returncode))


def _last_words(plan: Plan, code: int | None) -> str:
    """The sentence that the bot left with, or where to look."""
    lines = plan.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    if lines and lines[-1].startswith("hotshot-bot: "):
        return lines[-1].removeprefix("hotshot-bot: ")
    return f"the bot ended with exit code {code}; see {plan.log}."


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
