"""What goes wrong with a request, on demand, and what discord.py makes of it."""

from __future__ import annotations

import asyncio
import errno
import io
import time

import aiohttp
import discord as library
import pytest

from bot.sandbox import Clock, Delay, Message, Person, Refusal, Reset, Sandbox
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import GIF, SmallBot

MESSAGES = "/channels/*/messages"
ANSWERS = "/webhooks/*"
LARGE = b"GIF89a" + bytes(300_000)


@pytest.fixture
def channel(discord: Sandbox, bot: SmallBot) -> library.TextChannel:
    found = bot.get_channel(discord.channel.id)
    assert isinstance(found, library.TextChannel)
    return found


def posted(discord: Sandbox) -> list[Message]:
    return discord.messages_in(discord.channel)


def file(data: bytes = GIF) -> library.File:
    return library.File(io.BytesIO(data), "result.gif")


async def deferred(bot: SmallBot, ada: Person) -> library.Interaction:
    """Return an interaction that was answered with "thinking" and has a live token."""
    sent = await ada.slash("silent")
    interaction = await bot.incoming.get()
    await interaction.response.defer()
    await sent.acknowledged()
    return interaction


@pytest.mark.parametrize(
    ("code", "status"), [(10003, 404), (50001, 403), (50013, 403), (40005, 413)]
)
async def test_a_post_is_refused(
    discord: Sandbox, channel: library.TextChannel, code: int, status: int
) -> None:
    discord.fail_next("POST", MESSAGES, code=code)
    with pytest.raises(library.HTTPException) as refused:
        await channel.send("lost")
    assert (refused.value.status, refused.value.code) == (status, code)
    await channel.send("kept")
    assert [message.content for message in posted(discord)] == ["kept"]


@pytest.mark.parametrize(("code", "status"), [(50027, 401), (10015, 404), (10008, 404)])
async def test_the_edit_of_an_answer_is_refused(
    discord: Sandbox, bot: SmallBot, ada: Person, code: int, status: int
) -> None:
    interaction = await deferred(bot, ada)
    discord.fail_next("PATCH", ANSWERS, code=code)
    with pytest.raises(library.HTTPException) as refused:
        await interaction.edit_original_response(content="x", attachments=[file()])
    assert (refused.value.status, refused.value.code) == (status, code)
    await interaction.edit_original_response(content="after all")
    assert [message.content for message in posted(discord)] == ["after all"]


async def test_a_first_answer_that_is_said_to_have_been_given(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    discord.fail_next("POST", "/interactions/*", code=40060)
    sent = await ada.slash("silent")
    interaction = await bot.incoming.get()
    with pytest.raises(library.HTTPException) as refused:
        await interaction.response.defer()
    assert (refused.value.status, refused.value.code) == (400, 40060)
    assert sent.callback is None


async def test_a_token_that_expired_by_the_clock(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    interaction = await deferred(bot, ada)
    await interaction.edit_original_response(content="in time")
    discord.clock.advance(15 * 60 + 1)
    with pytest.raises(library.HTTPException) as refused:
        await interaction.edit_original_response(content="too late")
    assert (refused.value.status, refused.value.code) == (401, 50027)


@pytest.mark.parametrize("status", [500, 502])
async def test_what_the_library_tries_again(
    discord: Sandbox, channel: library.TextChannel, status: int
) -> None:
    discord.fail_next("POST", MESSAGES, status)
    await channel.send("at last", file=file())
    assert [each.status for each in discord.requests if each.uploads or each.fault] == [
        status,
        200,
    ]


async def test_what_the_library_does_not_try_again(
    discord: Sandbox, channel: library.TextChannel
) -> None:
    discord.fail_next("POST", MESSAGES, 503)
    with pytest.raises(library.DiscordServerError):
        await channel.send("lost", file=file())
    assert posted(discord) == []


@pytest.mark.parametrize("is_global", [False, True])
async def test_a_rate_limit_is_waited_out(
    discord: Sandbox, channel: library.TextChannel, is_global: bool
) -> None:
    discord.add_fault(
        Refusal("POST", "/channels/*", 2, status=429, retry_after=0.05, is_global=is_global)
    )
    await channel.send("at last")
    statuses = [each.status for each in discord.requests if each.path.endswith("/messages")]
    assert statuses == [429, 429, 200]


async def test_a_rate_limit_that_takes_too_long_to_wait_out(
    discord: Sandbox, bot: SmallBot, channel: library.TextChannel
) -> None:
    bot.http.max_ratelimit_timeout = 30.0
    discord.add_fault(Refusal("POST", MESSAGES, code=20028, retry_after=60))
    with pytest.raises(library.RateLimited) as limited:
        await channel.send("lost")
    assert limited.value.retry_after == 60


async def test_a_rate_limit_of_the_outer_wall(
    discord: Sandbox, channel: library.TextChannel
) -> None:
    discord.add_fault(Refusal("POST", MESSAGES, status=429, via=False))
    with pytest.raises(library.HTTPException) as refused:
        await channel.send("lost")
    assert refused.value.status == 429


async def test_slow_before_and_after_the_effect(
    discord: Sandbox, channel: library.TextChannel
) -> None:
    discord.add_fault(Delay("POST", MESSAGES, seconds=0.2))
    before = time.perf_counter()
    await channel.send("late")
    assert time.perf_counter() - before >= 0.2

    discord.add_fault(Delay("POST", MESSAGES, seconds=30, after=True))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channel.send("in time"), 0.5)
    assert [message.content for message in posted(discord)] == ["late", "in time"]


async def test_a_connection_that_breaks_at_once(
    discord: Sandbox, channel: library.TextChannel
) -> None:
    discord.add_fault(Reset("POST", MESSAGES))
    with pytest.raises(aiohttp.ClientOSError) as broken:
        await channel.send("lost")
    assert broken.value.errno == errno.ECONNRESET
    assert posted(discord) == []


async def test_a_connection_that_breaks_in_mid_upload(
    discord: Sandbox, bot: SmallBot, ada: Person
) -> None:
    interaction = await deferred(bot, ada)
    fault = Reset("PATCH", ANSWERS, received=100_000)
    discord.add_fault(fault)
    with pytest.raises(OSError):  # noqa: PT011 - aiohttp has several, by the moment
        await interaction.edit_original_response(attachments=[file(LARGE)])
    [message] = posted(discord)
    assert message.loading
    await interaction.edit_original_response(attachments=[file(LARGE)])
    assert [each.data for each in message.files] == [LARGE]
    assert fault.hits == 1


async def test_a_post_that_got_through_and_whose_answer_is_lost(
    discord: Sandbox, channel: library.TextChannel
) -> None:
    discord.add_fault(Reset("POST", MESSAGES, after=True))
    with pytest.raises(aiohttp.ClientError):
        await channel.send("there", file=file(LARGE))
    [message] = posted(discord)
    assert message.files[0].data == LARGE
    [recorded] = [each for each in discord.requests if each.uploads]
    assert (recorded.status, recorded.fault) == (200, "Reset")


async def test_an_attachment_that_cannot_be_had(
    discord: Sandbox, channel: library.TextChannel
) -> None:
    message = await channel.send("x", file=file())
    discord.add_fault(Refusal("GET", "/attachments/*", status=404))
    discord.add_fault(Reset("GET", "/attachments/*", 2))  # aiohttp tries a GET twice by itself
    with pytest.raises(library.NotFound):
        await message.attachments[0].read()
    with pytest.raises(aiohttp.ClientError):
        await message.attachments[0].read()
    assert await message.attachments[0].read() == GIF


async def test_which_requests_are_hit(discord: Sandbox, raw: Raw) -> None:
    fault = Refusal("GET", "/channels/*", 2, skip=1, status=500)
    discord.add_fault(fault)
    path = f"/channels/{discord.channel.id}"
    statuses = [(await raw.call("GET", path))[0] for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]
    discord.add_fault(Refusal("*", "*", None, status=500))
    assert [(await raw.call("GET", path))[0] for _ in range(3)] == [500] * 3
    discord.faults.clear()
    assert (await raw.call("GET", path))[0] == 200


async def test_chance_is_drawn_from_the_seed(discord: Sandbox, raw: Raw) -> None:
    path = f"/channels/{discord.channel.id}"
    runs = []
    for seed in (1, 1, 2):
        discord.faults.clear()
        discord.add_fault(Refusal("GET", "/channels/*", None, chance=0.5, seed=seed, status=500))
        runs.append([(await raw.call("GET", path))[0] for _ in range(20)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 500}


async def test_uploads_alone(discord: Sandbox, raw: Raw) -> None:
    path = f"/channels/{discord.channel.id}/messages"
    discord.add_fault(Refusal("POST", MESSAGES, uploads=True, code=40005))
    assert (await raw.call("POST", path, {"content": "x"}))[0] == 200
    large = ("a.gif", bytes(3 * 2**20))  # longer than what the web server reads at once
    status, body = await raw.send(path, {"content": "x"}, large)
    assert (status, body["code"]) == (413, 40005)
    assert (await raw.send(path, {"content": "x"}, large))[0] == 200


def test_time_only_moves_forward() -> None:
    clock = Clock()
    before = clock.now()
    clock.advance(60)
    assert 60 <= clock.now() - before < 61
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
