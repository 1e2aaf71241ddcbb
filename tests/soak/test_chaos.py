"""The faults of a soak leave a bot a way to say each last word."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp

from bot.sandbox import Accounting, Sandbox
from tests.soak.chaos import background_faults
from tests.soak.users import Users

_TRIES = 200  # one in twenty is refused in a server


async def _refusals(discord: Sandbox, session: aiohttp.ClientSession, channel_id: int) -> int:
    """Post at once and often; return how often the bot may not."""
    address = f"{discord.url}/api/v10/channels/{channel_id}/messages"

    async def is_refused() -> bool:
        try:
            async with session.post(address, json={"content": "x"}) as answer:
                return answer.status == HTTPStatus.FORBIDDEN
        except aiohttp.ClientError:
            return False  # another fault

    return sum(await asyncio.gather(*(is_refused() for _ in range(_TRIES))))


async def test_a_direct_message_is_never_refused_for_good() -> None:
    async with Sandbox(check_answers=False) as discord:
        users = Users(discord, Accounting(discord.world), seed=1)
        person = discord.person("ada")
        direct = discord.world.dm_between(discord.world.bot, person.user)
        general = next(iter(users.second.channels.values()))
        headers = {"Authorization": f"Bot {discord.token}"}
        async with background_faults(discord, 1), aiohttp.ClientSession(headers=headers) as session:
            assert await _refusals(discord, session, general.id)
            assert not await _refusals(discord, session, direct.id)
