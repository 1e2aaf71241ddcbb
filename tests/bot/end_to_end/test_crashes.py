"""Whatever is killed, an accepted job is delivered once, or its owner is told."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import psutil
import pytest

from bot.sandbox import Interaction, Person, Refusal, Sandbox
from bot.sandbox.model import Message
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.generator.workers import has_frames, nothing_left_in_shared_memory
from tests.patience import PATIENCE, until

pytestmark = pytest.mark.slow

ANSWER = "/webhooks/*/messages/@original"


def deliveries(discord: Sandbox) -> list[Message]:
    return [message for message in discord.messages_in(discord.channel) if message.results]


async def test_a_killed_worker_costs_nothing(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(), discord) as bot:
        sent = await ada.slash("gif", prompt="x", steps=50)
        await bot.logged("running, attempt 1")
        [worker] = bot.workers()
        worker.kill()
        await sent.message(lambda message: message.results)
        assert [child.pid for child in bot.workers()] != [worker.pid]
    [row] = setup.rows()
    assert (row["state"], row["attempt"], row["crashes"]) == ("done", 2, 1)
    assert len(deliveries(discord)) == 1


async def test_a_job_that_kills_twice_is_given_up(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "killed:create"
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x")
        message = await sent.message(lambda message: "❌" in message.text)
    assert "crashed twice" in message.text
    assert "signal 9" in message.text
    [row] = setup.rows()
    assert (row["state"], row["attempt"], row["crashes"]) == ("failed", 2, 2)


async def test_a_killed_bot_takes_up_its_jobs_again(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(), discord) as bot:
        first = await ada.slash("gif", prompt="first", steps=50)
        await bot.logged("running, attempt 1")
        second = await bob.slash("gif", prompt="second", steps=5)
        await second.acknowledged()
        [worker] = bot.workers()
        await bot.stop(signal.SIGKILL)
        worker.wait(PATIENCE)  # it leaves when its parent is gone
    states = [(row["state"], row["attempt"]) for row in setup.rows()]
    assert states == [("running", 1), ("queued", 0)]
    async with running(setup.write(), discord):
        for sent in (first, second):
            await sent.message(lambda message: message.results)
    states = [(row["state"], row["attempt"]) for row in setup.rows()]
    assert states == [("done", 2), ("done", 1)]
    assert len(deliveries(discord)) == 2


async def test_kills_while_one_job_is_written_and_another_computed(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """First whoever writes the file, then the worker that computes, then the bot itself."""
    setup.engine = "tests.soak.engine:create"
    with nothing_left_in_shared_memory():
        written, computed = await _kill_in_mid_file(setup, discord, ada, bob)
    with nothing_left_in_shared_memory():
        async with running(setup.write(), discord):
            for sent in (written, computed):
                await sent.message(lambda message: message.results)
    assert len(deliveries(discord)) == 2
    assert not list((setup.data / "scratch").glob(".*"))


async def _kill_in_mid_file(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> tuple[Interaction, Interaction]:
    async with running(setup.write(), discord) as bot:
        written = await ada.slash("gif", prompt="clips", steps=1)
        await written.acknowledged()
        computed = await bob.slash("gif", prompt="slow", steps=150)
        await computed.acknowledged()
        (await _in_mid_file(bot)).kill()
        encoder = await _in_mid_file(bot)
        [worker] = bot.workers()
        worker.kill()
        encoder.wait(PATIENCE)
        encoder = await _in_mid_file(bot)
        await bot.stop(signal.SIGKILL)
        encoder.wait(PATIENCE)
    return written, computed


async def _in_mid_file(bot: Bot) -> psutil.Process:
    """Wait for a process of the bot's worker that is making a file."""

    found: list[psutil.Process] = []

    def is_at_work() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            children = [child for worker in bot.workers() for child in worker.children()]
            found[:] = [child for child in children if has_frames(child.pid)]
        return bool(found)

    await until(is_at_work, lambda: bot.log)
    return found[0]


async def test_a_result_waits_for_the_next_start(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """Killed between the finished file and its delivery; the token has expired meanwhile."""
    fault = Refusal("PATCH", ANSWER, times=100, status=500)
    async with running(setup.write(), discord) as bot:
        discord.add_fault(fault)
        sent = await ada.slash("gif", prompt="x")
        await bot.logged("delivering, attempt 1")
        await bot.stop(signal.SIGKILL)
    fault.times = 0
    discord.clock.advance(16 * 60)
    async with running(setup.write(), discord):
        [message] = await discord.until(lambda: deliveries(discord) or None)
    assert len(deliveries(discord)) == 1
    assert message is not sent.original
    assert message.reference is sent.original
    assert setup.rows()[0]["state"] == "done"


async def test_sigterm_finishes_what_is_being_made(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(queue={"leave_seconds": PATIENCE}), discord) as bot:
        sent = await ada.slash("gif", prompt="x", steps=100)
        await sent.acknowledged()
        waiting = await ada.slash("gif", prompt="y", steps=100)
        await waiting.acknowledged()
        await bot.logged("running, attempt 1")
        bot.process.send_signal(signal.SIGTERM)
        await bot.logged("stopping;")
        late = await ada.slash("gif", prompt="too late")
        message = await late.message()
        assert message.ephemeral
        assert message.text == "The bot is being restarted. Please try again in a minute."
        assert await asyncio.wait_for(bot.process.wait(), PATIENCE) == 0
        assert "Traceback" not in bot.log
    assert [row["state"] for row in setup.rows()] == ["done", "queued"]
    assert len(deliveries(discord)) == 1
    async with running(setup.write(), discord):
        for one in (sent, waiting):
            await one.message(lambda message: message.results)
    assert len(deliveries(discord)) == 2


async def test_sigterm_while_the_gateway_is_asked_for_a_new_session(
    setup: Setup, discord: Sandbox
) -> None:
    """discord.py waits some seconds before it identifies again, and swallows a cancellation."""
    async with running(setup.write(), discord) as bot:
        discord.gateway.invalidate()
        await bot.logged("session has been invalidated")
        await asyncio.sleep(0.5)
        bot.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(bot.process.wait(), PATIENCE) == 0
        assert "Traceback" not in bot.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_puts_back_what_takes_too_long(
    setup: Setup, discord: Sandbox, ada: Person, number: signal.Signals
) -> None:
    setup.engine = "slow:create"
    config = setup.write(queue={"leave_seconds": 0})
    async with running(config, discord) as bot:
        await ada.slash("gif", prompt="x", steps=150)
        await bot.logged("running, attempt 1")
        assert await bot.stop(number) == 0
        assert "Traceback" not in bot.log
    [row] = setup.rows()
    assert (row["state"], row["crashes"]) == ("queued", 0)
    setup.engine = "fast:create"
    async with running(setup.write(), discord):
        await discord.until(lambda: deliveries(discord) or None)


async def test_a_second_signal_does_not_wait(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "hangs:create"
    async with running(setup.write(queue={"leave_seconds": 1000}), discord) as bot:
        await ada.slash("gif", prompt="x")
        await bot.logged("running, attempt 1")
        bot.process.send_signal(signal.SIGTERM)
        await bot.logged("stopping;")
        assert await bot.stop() == 0
    assert setup.rows()[0]["state"] == "queued"


async def test_a_worker_that_hangs_is_replaced(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "hangs:create"
    async with running(setup.write(generator={"silence_seconds": 0.5}), discord):
        sent = await ada.slash("gif", prompt="x")
        message = await sent.message(lambda message: "❌" in message.text)
    assert "didn't respond for 0.5 s" in message.text
    [row] = setup.rows()
    assert (row["state"], row["attempt"], row["crashes"]) == ("failed", 2, 2)


async def test_a_channel_that_is_closed_means_a_direct_message(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        discord.fail_next("PATCH", ANSWER, 401, 50027, times=5)
        discord.fail_next("POST", "/channels/*/messages", 403, 50013)
        await ada.slash("gif", prompt="x")
        [message] = await discord.until(lambda: discord.direct_messages(ada.user) or None)
        assert [file.data for file in message.results] == [b"x"]
    assert setup.rows()[0]["state"] == "done"


async def test_a_model_that_cannot_be_loaded(setup: Setup, discord: Sandbox, ada: Person) -> None:
    setup.engine = "raises_in_setup:create"
    async with running(setup.write(), discord) as bot:
        await bot.logged("the worker on cpu can't start")
        refused = await ada.slash("gif", prompt="x")
        message = await refused.message()
        assert message.ephemeral
        assert "There is no model at hotshotco/Hotshot-XL; give a directory." in message.text
        assert setup.rows() == []


async def test_a_worker_that_dies_at_start_is_not_restarted_in_a_tight_loop(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    """Bad luck may pass: what was accepted waits, nobody else is taken on, the owner is told."""
    setup.engine = "killed_in_setup:create"
    async with running(setup.write(), discord) as bot:
        waiting = await ada.slash("gif", prompt="x")
        message = await waiting.message(lambda message: "⏸️" in message.text)
        assert "crashes while starting" in message.text
        assert bot.log.count("the worker on cpu can't start") <= 4
        refused = await bob.slash("gif", prompt="x")
        assert "crashes while starting" in (await refused.message()).text
        [told] = await discord.until(lambda: discord.direct_messages(discord.world.owner) or None)
        assert "No GIFs can be made" in told.text
    setup.engine = "fast:create"
    async with running(setup.write(), discord):
        await waiting.message(lambda message: message.results)
