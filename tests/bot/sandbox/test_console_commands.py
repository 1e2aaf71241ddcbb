"""Faults by the line, and the console that takes such lines while it serves."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox import Delay, Person, Refusal, Reset, Sandbox, SandboxError, serve
from bot.sandbox.console_commands import COMMANDS_HELP, parse_fault
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("refuse PATCH /webhooks/* 500 times=3", Refusal("PATCH", "/webhooks/*", 3, status=500)),
        ("refuse post /x code=50013", Refusal("POST", "/x", code=50013)),
        (
            "refuse * * 429 retry_after=2 chance=0.1 seed=4 times=all global no-via",
            Refusal(
                *("*", "*", None),
                status=429,
                retry_after=2.0,
                chance=0.1,
                seed=4,
                is_global=True,
                via=False,
            ),
        ),
        ("delay * /x 2.5 after", Delay("*", "/x", seconds=2.5, after=True)),
        ("reset * /x 99 skip=1 uploads", Reset("*", "/x", received=99, skip=1, uploads=True)),
        ("refuse * /x 400 message='so long'", Refusal("*", "/x", status=400, message="so long")),
    ],
)
def test_what_a_line_means(line: str, fault: object) -> None:
    kind, method, path, *_ = line.split()
    words = ["message=so long", "400"] if "long" in line else line.split()[3:]
    made = parse_fault(kind, method, path, words)
    assert vars(made) | {"_random": 0} == vars(fault) | {"_random": 0}


@pytest.mark.parametrize(
    "line",
    [
        "explode",
        "refuse",
        "refuse GET",
        "refuse GET /x soon",
        "refuse GET /x times=often",
        "refuse GET /x received=1",
        "delay GET /x code=1",
        "clock back",
        "clock -1",
        "gateway sing",
        "channel delete nowhere",
        "refuse GET 'open",
    ],
)
async def test_a_line_that_means_nothing(discord: Sandbox, raw: Raw, line: str) -> None:
    with pytest.raises(SandboxError, match=line.split(maxsplit=1)[0]):
        await discord.run_command(line)
    assert (await raw.call("GET", "/users/@me"))[0] == 200


async def test_what_a_fault_does_not_take_is_said(discord: Sandbox) -> None:
    with pytest.raises(SandboxError, match="delay takes no code"):
        await discord.run_command("delay GET /x code=1")


async def test_requests_hit_by_faults(discord: Sandbox, raw: Raw) -> None:
    await discord.run_command("")
    await discord.run_command("refuse GET /users/@me 500  # as a test")
    await discord.run_command("refuse GET /users/@me 502 times=all")
    assert [(await _status(raw)) for _ in range(3)] == [500, 502, 502]
    await discord.run_command("clear")
    assert await _status(raw) == 200


async def _status(raw: Raw) -> int:
    """Return the status of a refusal that need not be JSON."""
    url = f"{raw.url}/api/v10/users/@me"
    async with raw.session.get(url, headers={"Authorization": f"Bot {raw.token}"}) as response:
        return response.status


async def test_the_gateway_and_the_places(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    gateway = discord.gateway
    await discord.run_command("gateway drop")
    await discord.until(lambda: gateway.resumed == 1 or None)
    await discord.run_command("gateway invalid")
    await discord.until(lambda: gateway.identified == 2 or None)
    await discord.run_command("gateway close")
    await discord.until(lambda: not gateway.connected or None)
    await discord.run_command("gateway open")
    await discord.until(lambda: gateway.connected or None)
    discord.add_channel("spare")
    await discord.run_command("channel delete spare")
    assert [channel.name for channel in discord.guild.channels.values()] == ["gifs"]
    await discord.run_command("bot kick")
    left = discord.guild.bot_is_in
    await discord.run_command("bot invite")
    assert (left, discord.guild.bot_is_in) == (False, True)
    before = discord.clock.now()
    await discord.run_command("clock 960")
    assert discord.clock.now() - before >= 960


async def test_serving_until_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    commands = io.StringIO("refuse GET /users/@me 500\nwhat?\nhelp\n")
    task = asyncio.create_task(serve(token="chosen", commands=commands))
    said = ""
    while COMMANDS_HELP not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
    assert "chosen" in said
    assert "There is no such order: what?" in said
    headers = {"Authorization": "Bot chosen"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for status in (500, 200):
            async with session.get(f"{url}/api/v10/users/@me") as response:
                assert response.status == status
        task.cancel()
        await asyncio.wait([task])
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


async def test_orders_that_never_come_hold_nothing_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # where it keeps the page's address
    reading, writing = os.pipe()
    with os.fdopen(reading) as commands:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(serve(commands=commands), 0.3)
        os.close(writing)  # lets the thread go, which finds nobody to tell
    assert "help lists" in capsys.readouterr().out
