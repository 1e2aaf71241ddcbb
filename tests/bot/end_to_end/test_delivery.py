"""Whatever Discord answers to a delivery, it ends well: once, and small enough."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.sandbox import Delay, HtmlPage, Interaction, Person, Refusal, Reset, Sandbox
from bot.sandbox.model import Message
from bot.sandbox.rest.fault_kinds import RequestFault
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of

pytestmark = pytest.mark.slow

ANSWER = "/webhooks/*/messages/@original"
MESSAGES = "/channels/*/messages"
NOISY = "tests.bot.engines.noisy:create"


def files(discord: Sandbox) -> list[Message]:
    """The messages with files, wherever they are."""
    return [message for message in discord.world.messages.values() if message.results]


async def posted(interaction: Interaction) -> Message:
    return await interaction.message(lambda message: message.results)


async def delivered(discord: Sandbox) -> Message:
    found = await discord.until(lambda: files(discord) or None)
    return found[0]


@pytest.mark.parametrize(
    "fault",
    [
        Refusal("PATCH", ANSWER, times=3, status=500, uploads=True),
        Refusal("PATCH", ANSWER, status=502, uploads=True),
        Refusal("PATCH", ANSWER, status=429, uploads=True),
        Refusal("PATCH", ANSWER, status=429, via=False, uploads=True),
        Reset("PATCH", ANSWER, uploads=True),
        Reset("PATCH", ANSWER, uploads=True, received=200),
        Reset("PATCH", ANSWER, uploads=True, after=True),
        Delay("PATCH", ANSWER, uploads=True, seconds=2.0),
    ],
    ids=lambda fault: f"{type(fault).__name__} {getattr(fault, 'status', '')}",
)
async def test_a_fault_that_passes(
    setup: Setup, discord: Sandbox, ada: Person, fault: RequestFault
) -> None:
    discord.add_fault(fault)
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="x")
        assert await posted(sent) is sent.original
        await setup.all_over()
        assert "Traceback" not in bot.log
    assert fault.hits
    assert len(files(discord)) == 1


@pytest.mark.parametrize("code", [50027, 10015, 10008, 40060])
async def test_an_answer_that_is_closed_means_a_message(
    setup: Setup, discord: Sandbox, ada: Person, code: int
) -> None:
    discord.add_fault(Refusal("PATCH", ANSWER, times=None, code=code, uploads=True))
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x")
        message = await delivered(discord)
        assert message.reference is sent.original
        await sent.message(lambda message: "see the reply" in message.text)
        await setup.all_over()
    assert len(files(discord)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        Reset("POST", MESSAGES, after=True),
        Refusal("POST", MESSAGES, status=503, after=True),
        Refusal("POST", MESSAGES, status=500, after=True, times=6),
        Reset("POST", MESSAGES, received=100),
    ],
    ids=["reset after", "503 after", "500 after, often", "reset in mid-upload"],
)
async def test_a_message_that_may_have_got_through_is_looked_for(
    setup: Setup, discord: Sandbox, ada: Person, fault: RequestFault
) -> None:
    discord.add_fault(Refusal("PATCH", ANSWER, times=None, code=50027, uploads=True))
    discord.add_fault(fault)
    async with running(setup.write(), discord):
        await ada.slash("gif", prompt="x")
        await delivered(discord)
        await setup.all_over()
    assert fault.hits
    assert len(files(discord)) == 1
    assert setup.rows()[0]["state"] == "done"


async def test_a_token_that_expires_in_the_queue(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """The progress message goes on as a message of the channel, then points to the reply."""
    setup.engine = "slow:create"
    async with running(setup.write(), discord):
        first = await ada.slash("gif", prompt="first", steps=150)
        await first.acknowledged()
        # two, since on a busy machine one may be over before the next one's place is shown
        await (await discord.person("eve").slash("gif", prompt="x", steps=150)).acknowledged()
        sent = await bob.slash("gif", prompt="second", steps=150)
        await sent.message(lambda message: "ahead of yours" in message.text)
        discord.clock.advance(16 * 60)
        await sent.message(lambda message: "of 150" in message.text)
        made = await discord.until(lambda: files(discord)[2:] or None)
        assert sent.original in [each.reference for each in made]
        await sent.message(lambda message: "see the reply" in message.text)
        await setup.all_over()
    assert first.original is not None
    assert len(files(discord)) == 3


@pytest.mark.parametrize("blow", ["deleted", "silenced"])
async def test_a_place_that_is_gone_means_a_direct_message(
    setup: Setup, discord: Sandbox, ada: Person, blow: str
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x", steps=60)
        await sent.message(lambda message: message.buttons)
        if blow == "deleted":
            discord.delete_channel(discord.channel)
        else:
            discord.permit_bot(discord.channel, 0)
        discord.clock.advance(16 * 60)
        [message] = await discord.until(lambda: discord.direct_messages(ada.user) or None)
        assert [file.data for file in message.results] == [b"x"]
        await setup.all_over()
    assert len(files(discord)) == 1


async def test_a_bot_that_is_sent_away_still_has_its_answers(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x", steps=60)
        await sent.message(lambda message: message.buttons)
        discord.kick_bot(discord.guild)
        await posted(sent)
        await setup.all_over()


async def test_nowhere_left_to_bring_it(setup: Setup, discord: Sandbox, ada: Person) -> None:
    async with running(setup.write(), discord):
        discord.add_fault(Refusal("PATCH", ANSWER, times=None, code=50027))
        discord.add_fault(Refusal("POST", MESSAGES, times=None, code=50007))
        await (await ada.slash("gif", prompt="x")).acknowledged()
        await setup.all_over()
        await setup.all_notified()
    [row] = setup.rows()
    assert row["state"] == "failed"
    assert "allow one of the two again" in row["error"]


@pytest.mark.parametrize("after", [False, True])
async def test_an_answer_that_discord_did_not_take(
    setup: Setup, discord: Sandbox, ada: Person, *, after: bool
) -> None:
    """Accepted is accepted: the result comes as the answer, or by itself where there is none."""
    discord.add_fault(Reset("POST", "/interactions/*/*/callback", times=6, after=after))
    async with running(setup.write(), discord):
        await ada.slash("gif", prompt="x")
        await delivered(discord)
        await setup.all_over()
    assert len(files(discord)) == 1


async def test_the_gateway_is_away_for_a_while(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="x", steps=100)
        await sent.acknowledged()
        async with discord.outage(resume=False):
            await bot.logged("delivering, attempt 1")
        await posted(sent)
        await discord.connected()
        await posted(await bob.slash("gif", prompt="y", steps=1))
    assert len(files(discord)) == 2


async def test_a_file_too_large_is_fitted_and_the_original_offered(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = NOISY
    discord.world.upload_limit = 300_000
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="noise")
        message = await posted(sent)
        [file] = message.results
        assert len(file.data) <= 300_000
        assert "Made smaller to fit" in message.text
        assert file.description
        with Image.open(io.BytesIO(file.data)) as picture:
            assert picture.is_animated  # type: ignore[attr-defined]
        await setup.all_over()
        original = setup.rows()[0]["size_bytes"]
        refused = await (await ada.press(await sheet_of(ada, message), "Original")).message()
        assert refused.ephemeral
        assert "The original is" in refused.text
        discord.world.upload_limit = 10_000_000
        given = await (await ada.press(await sheet_of(ada, message), "Original")).message(
            lambda each: each.results
        )
        assert given.ephemeral
        assert len(given.results[0].data) == original


async def test_a_refusal_as_too_large_is_answered_by_a_smaller_one(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = NOISY
    discord.add_fault(Refusal("PATCH", ANSWER, times=2, code=40005, uploads=True))
    async with running(setup.write(), discord):
        message = await posted(await ada.slash("gif", prompt="noise"))
        await setup.all_over()
    assert len(message.results[0].data) < 0.75**2 * setup.rows()[0]["size_bytes"]
    assert "Made smaller to fit" in message.text


async def test_one_that_gets_no_smaller_is_tried_again_before_it_is_given_up(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """A few bytes were refused for another reason than their number."""
    async with running(setup.write(), discord):
        discord.add_fault(Refusal("PATCH", ANSWER, times=2, code=40005, uploads=True))
        await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        discord.add_fault(Refusal("PATCH", ANSWER, times=None, code=40005, uploads=True))
        sent = await bob.slash("gif", prompt="y")
        await sent.message(lambda message: "Discord refuses even" in message.text)
    assert [row["state"] for row in setup.rows()] == ["done", "failed"]


@pytest.mark.parametrize(("status", "after"), [(429, False), (200, False), (200, True)])
async def test_an_answer_that_makes_no_sense_is_tried_again(
    setup: Setup, discord: Sandbox, ada: Person, *, status: int, after: bool
) -> None:
    discord.add_fault(HtmlPage("PATCH", ANSWER, times=2, status=status, after=after, uploads=True))
    async with running(setup.write(), discord):
        await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
    assert [row["state"] for row in setup.rows()] == ["done"]
