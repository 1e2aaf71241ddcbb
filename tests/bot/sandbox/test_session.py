"""Logging in, registering, and staying connected, with a real discord.py client."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord as library
import pytest

from bot.sandbox import NobodyListening, Person, Sandbox
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot, pointed_at, running
from tests.bot.sandboxes import make_sandbox


async def test_a_client_logs_in_and_sees_the_server(discord: Sandbox, bot: SmallBot) -> None:
    assert bot.user is not None
    assert bot.user.id == discord.world.application_id
    assert [guild.name for guild in bot.guilds] == ["Sandbox"]
    assert bot.guilds[0].me.guild_permissions.attach_files
    paths = [request.path for request in discord.requests]
    commands = f"/applications/{bot.user.id}/commands"
    assert paths == ["/users/@me", "/oauth2/applications/@me", commands]


async def test_a_wrong_token_is_refused_by_rest(discord: Sandbox) -> None:
    with pytest.raises(library.LoginFailure):
        async with running(SmallBot(), discord.url, "wrong"):
            pass
    assert discord.requests[-1].status == 401


async def test_a_wrong_token_is_refused_by_the_gateway(raw: Raw) -> None:
    socket = await raw.open()
    await socket.identify("wrong")
    assert await socket.close_code() == 4004


async def test_commands_are_registered_and_keep_their_ids(discord: Sandbox, bot: SmallBot) -> None:
    first = await discord.commands_registered()
    await bot.tree.sync()
    assert len(discord.registrations) == 2
    again = discord.registrations[-1].commands
    assert {each["name"]: each["id"] for each in again} == {
        each["name"]: each["id"] for each in first
    }
    assert {each["name"] for each in first} >= {"gif", "lora", "Repeat"}


async def test_commands_of_one_server(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    bot.tree.clear_commands(guild=None)
    await bot.tree.sync()
    assert ada.commands() == []
    bot.tree.add_command(
        library.app_commands.Command(name="here", description="x", callback=_here),
        guild=library.Object(discord.guild.id),
    )
    await bot.tree.sync(guild=library.Object(discord.guild.id))
    interaction = await ada.slash("here")
    assert (await interaction.message()).content == "here"
    assert [each["name"] for each in ada.commands()] == ["here"]
    assert [each.name for each in await bot.tree.fetch_commands()] == []


async def _here(interaction: library.Interaction) -> None:
    await interaction.response.send_message("here")


async def test_a_dropped_client_resumes_and_gets_what_it_missed(
    discord: Sandbox, bot: SmallBot, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # the library logs the drop with its traceback
    await discord.drop_gateway()
    missed = [await ada.slash("find", name=f"missed {number}") for number in range(3)]
    for number, interaction in enumerate(missed):
        message = await interaction.message()
        assert message.content == f"missed {number}"
    assert discord.gateway.resumed == 1
    assert discord.gateway.identified == 1
    assert len(bot.interactions) == 3


async def test_a_client_asked_to_reconnect_resumes(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    discord.gateway.ask_to_reconnect()
    await discord.until(lambda: discord.gateway.resumed or None)
    interaction = await ada.slash("find", name="after")
    assert (await interaction.message()).content == "after"
    assert discord.gateway.identified == 1


async def test_a_client_whose_session_is_gone_begins_anew(
    discord: Sandbox, bot: SmallBot, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    await discord.drop_gateway(resume=False)
    with pytest.raises(NobodyListening):
        await ada.slash("find", name="lost")
    await discord.connected()
    assert discord.gateway.identified == 2
    assert discord.gateway.resumed == 0
    interaction = await ada.slash("find", name="found")
    assert (await interaction.message()).content == "found"


async def test_a_client_outlives_an_outage(
    discord: Sandbox, bot: SmallBot, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    url = discord.url
    await discord.stop()
    await discord.start()
    assert discord.url == url
    interaction = await ada.slash("find", name="kept")
    assert (await interaction.message()).content == "kept"
    assert (discord.gateway.identified, discord.gateway.resumed) == (1, 1)


async def test_new_places_are_announced(discord: Sandbox, bot: SmallBot) -> None:
    discord.add_channel("new here", guild=discord.add_guild("new"))
    discord.add_guild("foreign", bot_is_in=False)
    ada = discord.person("ada", channel=discord.add_channel("last"))
    await (await ada.slash("find", name="x")).acknowledged()
    assert {guild.name for guild in bot.guilds} == {"Sandbox", "new"}
    assert {channel.name for channel in bot.get_all_channels()} == {"gifs", "new here", "last"}


@pytest.mark.parametrize(("code", "left"), [(1000, 0), (4000, 1)])
async def test_only_a_proper_goodbye_ends_the_session(
    discord: Sandbox, raw: Raw, code: int, left: int
) -> None:
    socket = await raw.connect()
    await socket.until("READY")
    await socket.socket.close(code=code)
    await discord.until(lambda: True if not discord.gateway.connected else None)
    assert len(discord.gateway.sessions) == left


async def test_the_gateway_uncompressed(discord: Sandbox, raw: Raw) -> None:
    socket = await raw.open()
    hello = await socket.receive()
    assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41250)
    await socket.identify(discord.token, intents=1)
    ready, created = await socket.receive(), await socket.receive()
    assert (ready["t"], ready["s"], created["t"], created["s"]) == ("READY", 1, "GUILD_CREATE", 2)
    assert ready["d"]["resume_gateway_url"].startswith("ws://127.0.0.1:")
    assert created["d"]["channels"][0]["name"] == "gifs"
    await socket.send(1, 2)
    assert (await socket.receive())["op"] == 11


async def test_a_resume_says_what_it_replays(discord: Sandbox, raw: Raw, ada: Person) -> None:
    socket = await raw.connect(intents=1 << 9)
    ready = await socket.until("READY")
    await ada.says("one")
    await ada.says("two")
    assert (await socket.until("MESSAGE_CREATE"))["s"] == 2
    await discord.drop_gateway()
    await ada.says("three")
    socket = await raw.open()
    session = {"token": discord.token, "session_id": ready["d"]["session_id"], "seq": 2}
    await socket.send(6, session)
    await socket.receive()  # hello
    replayed = [await socket.receive() for _ in range(3)]
    assert [(each["t"], each["s"]) for each in replayed] == [
        ("MESSAGE_CREATE", 3),
        ("MESSAGE_CREATE", 4),
        ("RESUMED", 5),
    ]


@pytest.mark.parametrize("resume", [{"session_id": "unknown", "seq": 1}, {"seq": "x"}])
async def test_an_unknown_session_is_invalid(
    discord: Sandbox, raw: Raw, resume: dict[str, object]
) -> None:
    socket = await raw.open()
    await socket.send(6, {"token": discord.token, **resume})
    await socket.receive()  # hello
    invalid = await socket.receive()
    assert (invalid["op"], invalid["d"]) == (9, False)
    await socket.identify(discord.token)
    assert (await socket.receive())["t"] == "READY"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", 4002),
        ("[]", 4002),
        ('{"op": 77}', 4001),
        ('{"op": 3}', 4003),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": -1}}', 4013),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 32768}}', 4014),
        ('{"op": 2, "d": {"token": "TOKEN", "intents": 0, "shard": [1, 1]}}', 4010),
    ],
)
async def test_nonsense_closes_the_connection(
    discord: Sandbox, raw: Raw, said: str, code: int
) -> None:
    socket = await raw.open()
    await socket.socket.send_str(said.replace("TOKEN", discord.token))
    assert await socket.close_code() == code


async def test_identifying_twice_closes_the_connection(discord: Sandbox, raw: Raw) -> None:
    socket = await raw.connect()
    await socket.identify(discord.token)
    assert await socket.close_code() == 4005


@pytest.mark.parametrize(
    ("query", "code"), [("v=9", 4012), ("v=10&encoding=etf", 4002), ("compress=zstd-stream", 4002)]
)
async def test_other_languages_are_refused(raw: Raw, query: str, code: int) -> None:
    socket = await raw.open(query)
    assert await socket.close_code() == code


async def test_the_content_of_others_needs_its_intent() -> None:
    intents = 1 << 9 | 1 << 15
    async with (
        make_sandbox(privileged_intents=1 << 15) as discord,
        aiohttp.ClientSession() as session,
    ):
        raw = Raw(session, discord)
        reader, blind = await raw.connect(intents=intents), await raw.connect(intents=1 << 9)
        deaf = await raw.connect()
        await deaf.until("READY")
        await discord.until(lambda: True if discord.gateway.identified == 3 else None)
        ada = discord.person("ada")
        await ada.says("secret")
        await ada.says(f"hello {discord.world.bot.mention}")
        assert (await reader.until("MESSAGE_CREATE"))["d"]["content"] == "secret"
        assert (await blind.until("MESSAGE_CREATE"))["d"]["content"] == ""
        assert (await blind.until("MESSAGE_CREATE"))["d"]["content"].startswith("hello")
        with pytest.raises(TimeoutError):
            await deaf.socket.receive(timeout=0.05)


async def test_shards_hear_of_their_own_servers(discord: Sandbox, raw: Raw) -> None:
    guilds = {0: discord.guild.id, **{n: discord.add_guild(f"g{n}").id for n in range(1, 6)}}
    heard: set[int] = set()
    for number in range(2):
        socket = await raw.open()
        await socket.receive()
        identity = {"token": discord.token, "intents": 1, "shard": [number, 2]}
        await socket.send(2, identity)
        ready = await socket.receive()
        ids = {int(guild["id"]) for guild in ready["d"]["guilds"]}
        assert all((guild_id >> 22) % 2 == number for guild_id in ids)
        heard |= ids
    assert heard == set(guilds.values())


async def test_a_sharded_client_connects(discord: Sandbox) -> None:
    with pointed_at(discord.url):
        client = library.AutoShardedClient(intents=library.Intents(guilds=True))
        async with client:
            start = asyncio.create_task(client.start(discord.token))
            await discord.connected()
            await discord.until(lambda: client.user)
            await client.close()
            await start
    assert "/gateway/bot" in [request.path for request in discord.requests]
