"""Edits come at a bearable rate, only when there is news, and the last word is the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from bot.delivery.progress_messages import EditSchedule, EditScheduler


def test_newcomers_first_then_whoever_waited_longest() -> None:
    schedule = EditSchedule(each=2.0)
    for name in "abc":
        schedule.add(name)
    schedule.note_checked("a", 0.0)
    schedule.note_checked("b", 1.0)
    assert list(schedule.due(1.5)) == ["c"]
    assert list(schedule.due(2.5)) == ["c", "a"]
    schedule.note_checked("c", 2.5)
    schedule.add("a")  # once is enough
    assert list(schedule.due(4.0)) == ["a", "b"]
    schedule.add("d")
    assert list(schedule.due(4.0)) == ["d", "a", "b"]
    schedule.remove("a")
    schedule.note_checked("a", 4.0)
    assert "a" not in schedule
    assert len(schedule) == 3


class Messages:
    """What stands in each message, and how often it was edited."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.edits: list[tuple[str, str]] = []
        self.slow = asyncio.Event()
        self.slow.set()
        self.scheduler = EditScheduler(
            render=self.render, edit=self.edit, each=0.05, waiting=0.05, all_=0.005
        )

    def render(self, job_id: str) -> tuple[str, str] | None:
        return (job_id, self.now[job_id]) if job_id in self.now else None

    async def edit(self, value: tuple[str, str]) -> None:
        await self.slow.wait()
        self.edits.append(value)


@pytest.fixture
async def messages() -> AsyncIterator[Messages]:
    found = Messages()
    running = asyncio.create_task(found.scheduler.run())
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_only_news_is_written(messages: Messages) -> None:
    messages.now = {"a": "1", "b": "1"}
    messages.scheduler.track("a")
    messages.scheduler.track("b")
    await asyncio.sleep(0.2)
    assert sorted(messages.edits) == [("a", "1"), ("b", "1")]
    messages.now["a"] = "2"
    await asyncio.sleep(0.2)
    assert messages.edits[2:] == [("a", "2")]


async def test_one_message_is_not_edited_too_often(messages: Messages) -> None:
    messages.scheduler.track("a")
    began = time.monotonic()
    for number in range(100):
        messages.now["a"] = str(number)
        await asyncio.sleep(0.002)
    assert 2 <= len(messages.edits) <= (time.monotonic() - began) / 0.05 + 1


async def test_fifty_jobs_share_the_rate(messages: Messages) -> None:
    for number in range(50):
        messages.now[str(number)] = "x"
        messages.scheduler.track(str(number))
    began = time.monotonic()
    await asyncio.sleep(0.1)
    assert 2 <= len(messages.edits) <= (time.monotonic() - began) / 0.005 + 2


async def test_nothing_comes_after_the_last_word(messages: Messages) -> None:
    messages.now = {"a": "1"}
    messages.slow.clear()
    messages.scheduler.track("a")
    await asyncio.sleep(0.05)
    leaving = asyncio.create_task(messages.scheduler.stop("a"))
    await asyncio.sleep(0.05)
    assert not leaving.done()  # one is under way: the last word waits for it
    messages.now = {"a": "2"}
    messages.slow.set()
    await leaving
    await asyncio.sleep(0.1)
    assert messages.edits == [("a", "1")]
