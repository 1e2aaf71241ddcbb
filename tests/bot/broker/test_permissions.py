"""What a GPU host can't do at the real server: speak or listen as another, or come unasked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg

from bot.broker.keys import make_key
from generator.contract.subjects import is_in_inbox
from generator.link.client import connect, tls_context
from generator.link.errors import KeyRefusedError, ServerUntrustedError
from tests.brokers import TestBroker, start_broker
from tests.patience import PATIENCE, until

HOME_SPEAKS = ("hs.from.home.cuda0.hello", "hs.from.home.cpu.event", "hs.blob.home", "hs.put.home")
HOME_HEARS = ("hs.to.home.cuda0", "hs.to.home.cpu", "_INBOX.home.abc")
OTHERS = (
    "hs.from.rack.cuda0.hello", "hs.from.home2.cuda0.hello", "hs.blob.rack", "hs.put.rack",
    "hs.to.rack.cuda0", "_INBOX.rack.abc", "_INBOX.home2.abc", "_INBOX.abc", "hs.news", "weather",
)  # fmt: skip
WILDCARDS = (">", "hs.>", "hs.*.home", "hs.to.>", "hs.to.*.cuda0", "hs.from.>", "_INBOX.>", "*.*.*")


@pytest_asyncio.fixture
async def three(tmp_path: Path) -> AsyncIterator[tuple[TestBroker, Client, Client, Client]]:
    """A broker, the bot, and the hosts home and rack."""
    async with start_broker(tmp_path, "home", "rack") as (broker, keys):
        bot = await broker.connect_bot()
        home = await broker.connect_host("home", keys[0])
        rack = await broker.connect_host("rack", keys[1])
        try:
            yield broker, bot, home, rack
        finally:
            for client in (bot, home, rack):
                await client.close()


async def hear(client: Client, *subjects: str) -> list[Msg]:
    heard: list[Msg] = []

    async def take(message: Msg) -> None:
        heard.append(message)

    for subject in subjects:
        await client.subscribe(subject, cb=take)
    await client.flush(timeout=int(PATIENCE))
    return heard


Three = tuple[TestBroker, Client, Client, Client]


async def test_a_host_speaks_as_itself_alone(three: Three) -> None:
    _, bot, home, rack = three
    at_rack = await hear(rack, "hs.to.rack.>", "_INBOX.rack.>")
    at_bot = await hear(bot, "hs.>", "_INBOX.>")
    for subject in (*OTHERS, *HOME_HEARS, *HOME_SPEAKS):
        await home.publish(subject, b"me")
    await home.flush(timeout=int(PATIENCE))
    await until(lambda: len(at_bot) >= len(HOME_SPEAKS))
    await bot.flush(timeout=int(PATIENCE))
    assert sorted(each.subject for each in at_bot) == sorted(HOME_SPEAKS)
    await rack.flush(timeout=int(PATIENCE))
    assert at_rack == []
    assert home.is_connected, "what is forbidden is dropped; a slip costs nobody a connection"


async def test_a_host_hears_what_is_said_to_it_alone(three: Three) -> None:
    _, bot, home, rack = three
    heard = await hear(home, *OTHERS, *WILDCARDS, "hs.from.home.>", "hs.to.home.>", "_INBOX.home.>")
    for client, subjects in ((bot, (*OTHERS[:-1], *HOME_HEARS)), (rack, ("hs.blob.rack",))):
        for subject in subjects:
            await client.publish(subject, b"news")
        await client.flush(timeout=int(PATIENCE))
    await until(lambda: len(heard) >= len(HOME_HEARS))
    await home.flush(timeout=int(PATIENCE))
    assert sorted(each.subject for each in heard) == sorted(HOME_HEARS)


async def test_a_flush_goes_out_behind_what_was_said_before_it(
    three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its answer covers a subscription; nats-py's own flush goes ahead of it."""
    _, _, home, _ = three
    written: list[bytes] = []
    transport: Any = home._transport
    for name in ("write", "writelines"):
        write = getattr(transport, name)

        def note(data: Any, write: Any = write) -> None:
            written.append(b"".join([data] if isinstance(data, bytes) else data))
            write(data)

        monkeypatch.setattr(transport, name, note)
    await home.subscribe("hs.to.home.>")
    await home.flush(timeout=int(PATIENCE))
    assert [each.split()[0] for each in b"".join(written).splitlines()] == [b"SUB", b"PING"]


async def test_a_host_answers_what_it_was_asked_and_once(three: Three) -> None:
    _, bot, home, _ = three

    async def answer(message: Msg) -> None:
        await message.respond(b"here")
        await message.respond(b"again")
        await home.publish("hs.blob.home", b"done")

    await home.subscribe("hs.to.home.cuda0", cb=answer)
    await home.flush(timeout=int(PATIENCE))
    done = await hear(bot, "hs.blob.home")
    at_inbox = await hear(bot, "_INBOX.>")
    answered = await bot.request("hs.to.home.cuda0", b"there?", timeout=PATIENCE)
    await until(lambda: done)
    assert answered.data == b"here"
    assert [each.data for each in at_inbox] == [b"here"]


async def test_where_a_host_wants_its_answer_is_for_the_bot_to_check(three: Three) -> None:
    """The server passes on any word for it, so an answer could go where the host may not speak."""
    _, bot, home, rack = three
    asked = await hear(bot, "hs.blob.home")
    await hear(rack, "hs.to.rack.>")
    await home.publish("hs.blob.home", b"which?", reply="hs.to.rack.cuda0")
    await home.publish("hs.blob.home", b"which?", reply="_INBOX.home.abc.1")
    await until(lambda: len(asked) == 2)
    assert [is_in_inbox("home", each.reply) for each in asked] == [False, True]


async def test_without_a_key_of_the_list_nobody_comes_in(three: Three) -> None:
    broker, *_ = three
    access = broker.broker.access
    with pytest.raises(KeyRefusedError, match="doesn't know this key"):
        await connect(replace(access, seed=make_key().seed), name="stranger")
    attempts: tuple[dict[str, Any], ...] = ({}, {"user": "bot", "password": "b"}, {"token": "b"})
    for given in attempts:
        with pytest.raises(nats.errors.Error, match="Authorization Violation"):
            await Client().connect(
                access.url, tls=tls_context(access.ca), allow_reconnect=False, **given
            )


async def test_a_server_of_another_authority_is_not_trusted(three: Three, tmp_path: Path) -> None:
    broker, *_ = three
    async with start_broker(tmp_path / "other") as (other, _):
        strange = replace(broker.broker.access, ca=other.broker.access.ca)
    with pytest.raises(ServerUntrustedError, match="isn't the one that the join line is for"):
        await connect(strange, name="home")


async def test_a_removed_host_is_cut_off_and_the_others_go_on(three: Three) -> None:
    broker, bot, home, rack = three
    at_bot = await hear(bot, "hs.from.rack.>")
    key = broker.registry.add("late")
    added = broker.registry.read().revision
    await until(lambda: broker.registry.applied_revision() == added)
    late = await broker.connect_host("late", key)
    gone: list[str] = []
    broker.broker.set_removed_callback(gone.append)
    removed = broker.registry.remove("late")
    await until(lambda: broker.registry.applied_revision() == removed.revision)
    await until(lambda: late.is_closed)
    await until(lambda: gone)
    assert gone == ["late"]
    assert not broker.broker.may_come("late")
    with pytest.raises(KeyRefusedError):
        await broker.connect_host("late", key)
    await rack.publish("hs.from.rack.cuda0.hello", b"still here")
    await until(lambda: at_bot)
    assert all(client.is_connected for client in (bot, home, rack))


async def test_a_suspended_host_may_come_again(three: Three) -> None:
    broker, bot, home, rack = three
    broker.broker.suspend("home", 0.5)
    assert "home" not in broker.broker.hosts
    await until(lambda: home.is_closed)
    await until(lambda: "home" in broker.broker.hosts)
    assert bot.is_connected
    assert rack.is_connected


async def test_a_loud_host_keeps_nobody_from_being_heard(three: Three) -> None:
    _, bot, home, rack = three
    count = 0

    async def shout() -> None:
        for number in range(20_000):
            await home.publish("hs.from.home.cuda0.hello", b"x" * 500)
            if number % 500 == 0:
                await asyncio.sleep(0)
        await home.flush(timeout=int(PATIENCE))

    async def answer(message: Msg) -> None:
        nonlocal count
        count += 1
        await message.respond(b"yes")

    await hear(bot, "hs.from.home.>")
    await bot.subscribe("hs.blob.rack", cb=answer)
    await bot.flush(timeout=int(PATIENCE))
    shouting = asyncio.create_task(shout())
    answers = [await rack.request("hs.blob.rack", b"", timeout=PATIENCE) for _ in range(50)]
    await shouting
    assert len(answers) == count == 50
    assert bot.is_connected
