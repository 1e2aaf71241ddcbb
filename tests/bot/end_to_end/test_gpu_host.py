"""A bot without a device of its own, and a GPU host that joins by its line, as people type it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
from aiohttp.test_utils import unused_port

from bot.sandbox import Person, Sandbox
from generator.contract.join_line import JoinLine
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.bot.end_to_end.test_gif import posted
from tests.bot.fork_server import ROOT
from tests.patience import until
from tests.programs import need_program


async def host_command(config: Path, *words: str) -> tuple[int | None, str, str]:
    """``hotshot-bot host``: its exit code, and what it printed for programs and for people."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words, "--config", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    printed, told = await process.communicate()
    return process.returncode, printed.decode(), told.decode()


async def test_a_host_joins_makes_a_gif_is_shown_and_is_removed(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    need_program("nats-server")
    listen = f"127.0.0.1:{unused_port()}"
    config = setup.write(remote={"listen": listen}, generator={"devices": []})
    async with running(config, discord) as bot:
        sent = await ada.slash("gif", prompt="a red ball", steps=4)
        await sent.message(lambda message: "No GPU host is connected" in message.text)

        _, line, _ = await host_command(config, "host", "add", "home")
        seed = JoinLine.parse(line).seed
        flags = ("--devices", "cpu", "--engine", "tests.generator.engines.fast:create")
        join = ("worker", "--join", line.strip(), "--cache-dir", str(tmp_path / "cache"))
        agent = await Bot.launch(tmp_path / "host.log", *join, *flags, module="generator")
        try:
            message = await posted(sent)
            assert seed not in " ".join(psutil.Process(agent.process.pid).cmdline())
            assert message.results[0].data == b"a red ball"
            await until(lambda: bot.log.count("home.cpu is here"))
            _, found, _ = await host_command(config, "doctor")
            assert f"at {listen}, of the running bot; hosts that may connect: home" in found
            assert "device: none here" in found
            _, shown, _ = await host_command(config, "status")
            assert "host       home.cpu: idle, " in shown
            assert ", Hotshot " in shown

            code, _, told = await host_command(config, "host", "remove", "home")
            assert (code, told) == (0, "home can no longer connect.\n")
            await until(lambda: "doesn't know this key" in agent.log, lambda: agent.log)
            assert "home" not in (await host_command(config, "status"))[1]
        finally:
            await agent.stop()
    assert seed not in bot.log + agent.log
