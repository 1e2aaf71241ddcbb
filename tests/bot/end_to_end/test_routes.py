"""A result that got through on a later way, unheard, is not sent again on an earlier one."""

from __future__ import annotations

import signal

from bot.sandbox import Message, Person, Refusal, Reset, Sandbox
from tests.bot.end_to_end.process import Setup, running

ANSWER = "/webhooks/*/messages/@original"
MESSAGES = "/channels/*/messages"


def delivered(discord: Sandbox) -> list[Message]:
    return [message for message in discord.world.messages.values() if message.results]


async def test_an_answer_that_opens_again(setup: Setup, discord: Sandbox, ada: Person) -> None:
    discord.add_fault(Refusal("PATCH", ANSWER, code=10015, uploads=True))
    discord.add_fault(Reset("POST", MESSAGES, after=True))
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x")
        await discord.until(lambda: delivered(discord) or None)
        await setup.all_over()
    [message] = delivered(discord)
    assert message is not sent.original
    assert setup.rows()[0]["message_id"] == message.id


async def test_a_channel_that_opens_again_after_a_restart(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    discord.add_fault(Refusal("PATCH", ANSWER, code=50027, uploads=True))
    discord.add_fault(Refusal("POST", MESSAGES, code=50013))
    lost = Reset("POST", MESSAGES, after=True)
    discord.add_fault(lost)
    async with running(setup.write(), discord) as bot:
        await ada.slash("gif", prompt="x")
        await discord.until(lambda: delivered(discord) or None)
        await bot.stop(signal.SIGKILL)
    assert lost.hits
    assert setup.rows()[0]["state"] == "delivering"
    async with running(setup.write(), discord):
        await setup.all_over()
    [message] = delivered(discord)
    assert message in discord.direct_messages(ada.user)
    assert setup.rows()[0]["message_id"] == message.id


async def test_an_answer_that_got_through_and_can_t_be_edited_any_more(
    setup: Setup, discord: Sandbox
) -> None:
    """Where the bot is no member, only the command's token can tell."""
    foreign = discord.add_guild("Foreign", bot_is_in=False)
    far_away = discord.add_channel("far-away", guild=foreign)
    guest = discord.person("guest", installed_app=True).at(far_away)
    discord.add_fault(Reset("PATCH", ANSWER, after=True, uploads=True))
    discord.add_fault(Refusal("PATCH", ANSWER, code=10008, uploads=True))
    async with running(setup.write(), discord):
        sent = await guest.slash("gif", prompt="x")
        await discord.until(lambda: delivered(discord) or None)
        await setup.all_over()
    [message] = delivered(discord)
    assert message is sent.original
    assert setup.rows()[0]["message_id"] == message.id
