"""Trouble on demand, time on demand, and serving until stopped."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import discord as library
import pytest

from bot.sandbox import Clock, Delay, Person, Refusal, Sandbox, serve
from tests.bot.sandbox.small_bot import SmallBot


async def test_a_request_fails_as_often_as_asked(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    discord.fail_next("POST", "/channels/*/messages", 403, 50013)
    with pytest.raises(library.Forbidden) as refused:
        await channel.send("lost")
    assert refused.value.code == 50013
    await channel.send("kept")
    assert [message.content for message in discord.messages_in(discord.channel)] == ["kept"]


async def test_a_rate_limit_is_waited_out(discord: Sandbox, bot: SmallBot) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    discord.add_fault(Refusal("POST", "/channels/*", times=2, status=429, retry_after=0.05))
    await channel.send("at last")
    statuses = [each.status for each in discord.requests if each.path.endswith("/messages")]
    assert statuses == [429, 429, 200]


async def test_a_slow_answer(discord: Sandbox, bot: SmallBot) -> None:
    discord.add_fault(Delay("GET", "/users/@me", seconds=0.2))
    before = time.perf_counter()
    await bot.http.request(library.http.Route("GET", "/users/@me"))
    assert time.perf_counter() - before >= 0.2


def test_time_only_moves_forward() -> None:
    clock = Clock()
    before = clock.now()
    clock.advance(60)
    assert 60 <= clock.now() - before < 61
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


async def test_serving_until_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    task = asyncio.create_task(serve(token="chosen"))
    said = ""
    while "token" not in said:
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
    url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
    assert "chosen" in said
    headers = {"Authorization": "Bot chosen"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/api/v10/users/@me") as response:
            assert response.status == 200
        task.cancel()
        await asyncio.wait([task])
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
