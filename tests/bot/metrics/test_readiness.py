"""Why the bot isn't ready, in a sentence for each reason; and nobody hangs on a database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bot.core.errors import StorageError
from bot.metrics import readiness
from bot.metrics.readiness import Readiness, ReadinessCheck
from bot.metrics.snapshot import Connections
from tests.bot.metrics.watched import FakeBot, device


async def answers() -> None:
    """As a database that is well."""


async def fails() -> None:
    raise StorageError("The bot's disk is failing.")


def checking(
    bot: FakeBot,
    ask: Callable[[], Awaitable[object]] = answers,
    *,
    closed: str = "",
    hosts_may_come: bool = False,
) -> ReadinessCheck:
    return ReadinessCheck(bot, ask, why_closed=lambda: closed, hosts_may_come=hosts_may_come)


async def test_a_bot_that_is_well_is_ready() -> None:
    found = await checking(FakeBot()).check()
    assert found == Readiness("", "", "")
    assert found.is_ready


@pytest.mark.parametrize(
    ("bot", "options", "found"),
    [
        (
            FakeBot(connected=Connections(open=0, wanted=0, heartbeat=None, servers=0)),
            {},
            Readiness("The bot isn't logged in to Discord.", "", ""),
        ),
        (
            FakeBot(connected=Connections(open=1, wanted=2, heartbeat=0.1, servers=0)),
            {},
            Readiness("1 of 2 connections to Discord are open.", "", ""),
        ),
        (FakeBot(), {"ask": fails}, Readiness("", "The bot's disk is failing.", "")),
        (
            FakeBot(its_devices=[device("down"), device("starting")]),
            {},
            Readiness("", "", "The workers are starting."),
        ),
        (FakeBot(its_devices=[device("down")]), {}, Readiness("", "", "No worker can work.")),
        (FakeBot(its_devices=[]), {"hosts_may_come": True}, Readiness("", "", "")),
        (
            FakeBot(),
            {"closed": "The bot is being restarted."},
            Readiness("", "", "The bot is being restarted."),
        ),
    ],
)
async def test_each_trouble_is_a_sentence(
    bot: FakeBot, options: dict[str, object], found: Readiness
) -> None:
    assert await checking(bot, **options).check() == found  # type: ignore[arg-type]


async def test_a_silent_database_is_asked_once_however_many_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readiness, "_DATABASE_SECONDS", 0.01)
    monkeypatch.setattr(readiness, "_AGAIN_SECONDS", 0.0)
    asked = []

    async def hangs() -> None:
        asked.append(True)
        await asyncio.Event().wait()

    check = checking(FakeBot(), hangs)
    found = await asyncio.gather(*(check.check() for _ in range(5)))
    assert {each.database for each in found} == {"The database doesn't answer."}
    await check.check()
    assert len(asked) == 1
    await check.close()
