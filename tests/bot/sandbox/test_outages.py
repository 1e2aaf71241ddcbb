"""The gateway breaks, loses its sessions or falls silent; places go. A real client lives on."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord as library
import pytest

from bot.sandbox import NotOffered, Person, Sandbox, SandboxError
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot, running
from tests.patience import PATIENCE

SEND_MESSAGES = 1 << 11


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # the library logs a drop with its traceback


async def answered(ada: Person, name: str) -> bool:
    message = await (await ada.slash("find", name=name)).message()
    return message.content == name


async def until_back(discord: Sandbox, *, identified: int = 1, resumed: int = 0) -> None:
    gateway = discord.gateway
    await discord.until(
        lambda: (gateway.identified, gateway.resumed) == (identified, resumed) or None
    )


async def test_a_drop_that_ends_the_sessions(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    await discord.drop_gateway(resume=False)
    await until_back(discord, identified=2)
    assert await answered(ada, "anew")


async def test_a_lost_session(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    discord.gateway.invalidate()
    await until_back(discord, identified=2)
    assert await answered(ada, "anew")


async def test_a_session_that_is_to_be_resumed(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    discord.gateway.invalidate(resume=True)
    missed = await ada.slash("find", name="missed")
    await until_back(discord, resumed=1)
    assert (await missed.message()).content == "missed"


async def test_asked_to_reconnect(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    discord.gateway.ask_to_reconnect()
    await until_back(discord, resumed=1)
    assert await answered(ada, "again")


async def test_a_gateway_that_falls_silent(discord: Sandbox, ada: Person) -> None:
    """Nothing tells the client but its own heartbeat."""
    discord.gateway.heartbeat_every = 0.2
    async with running(SmallBot(heartbeat_timeout=0.5), discord.url, discord.token):
        discord.gateway.fall_silent()
        missed = await ada.slash("find", name="missed")
        await until_back(discord, resumed=1)
        assert (await missed.message()).content == "missed"


async def test_a_gateway_that_takes_no_connection(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    async with discord.gateway_outage():
        missed = await ada.slash("find", name="missed")
        await channel.send("REST goes on")
        await asyncio.sleep(0.3)
        assert missed.callback is None
        assert not discord.gateway.connected
    await until_back(discord, resumed=1)
    assert (await missed.message()).content == "missed"


async def test_nobody_listens_for_a_while(
    discord: Sandbox, bot: SmallBot, ada: Person, raw: Raw
) -> None:
    async with discord.outage():
        with pytest.raises(aiohttp.ClientConnectorError):
            await raw.call("GET", "/users/@me")
    await until_back(discord, resumed=1)
    assert await answered(ada, "again")


async def test_a_channel_that_is_deleted(discord: Sandbox, bot: SmallBot) -> None:
    place = discord.add_channel("short-lived")
    bob = discord.person("bob", channel=place)
    sent = await bob.slash("silent")
    interaction = await bot.incoming.get()
    await interaction.response.defer()
    await sent.acknowledged()
    channel = bot.get_channel(place.id)
    assert isinstance(channel, library.TextChannel)

    discord.delete_channel(place)
    with pytest.raises(library.NotFound) as refused:
        await interaction.edit_original_response(content="x")
    assert refused.value.code == 10003
    with pytest.raises(library.NotFound) as refused:
        await channel.send("x")
    assert refused.value.code == 10003
    assert bot.get_channel(place.id) is None
    with pytest.raises(NotOffered, match="gone"):
        await bob.slash("silent")
    with pytest.raises(SandboxError, match="stays"):
        discord.delete_channel(bob.in_dm().channel)


async def test_a_bot_that_is_thrown_out_and_let_in_again(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    discord.kick_bot(discord.guild)
    with pytest.raises(library.Forbidden) as refused:
        await channel.send("x")
    assert refused.value.code == 50001
    with pytest.raises(NotOffered, match="installed neither"):
        await ada.slash("find", name="x")
    assert not bot.guilds
    joined = asyncio.ensure_future(bot.wait_for("guild_join", timeout=PATIENCE))
    await asyncio.sleep(0)
    discord.let_bot_in(discord.guild)
    await joined
    assert await answered(ada, "back")


async def test_a_bot_that_may_not_speak(discord: Sandbox, bot: SmallBot) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    changed = asyncio.ensure_future(bot.wait_for("guild_channel_update", timeout=PATIENCE))
    await asyncio.sleep(0)
    discord.permit_bot(discord.channel, discord.channel.bot_permissions & ~SEND_MESSAGES)
    with pytest.raises(library.Forbidden) as refused:
        await channel.send("x")
    assert refused.value.code == 50013
    await changed
    assert not channel.permissions_for(channel.guild.me).send_messages
