"""Options, components and forms that no client of Discord's would send: a sentence, or skipped.

Brought to the real client as events of the gateway. An error that isn't one of the declared ones
would stand in the log as an ERROR, or be left behind by a task.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.commands import ACTIONS
from bot.storage import drafts
from bot.storage.drafts import Draft
from tests.bot.jobs.samples import REQUEST
from tests.fuzz import client, mutations

JOB = "0" * 32
USER: dict[str, Any] = {"id": "7", "username": "ada", "discriminator": "0", "avatar": None}
MEMBER: dict[str, Any] = {
    "user": USER, "roles": ["9"], "permissions": "0", "joined_at": "2026-08-01T00:00:00+00:00",
    "deaf": False, "mute": False, "flags": 0,
}  # fmt: skip
FILE = {"id": "77", "filename": "a.gif", "size": 9, "url": "https://nowhere.invalid/a.gif"}
MESSAGE = {"id": "8", "channel_id": "3", "content": "x", "attachments": [FILE], "author": USER}


def event(kind: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "1", "application_id": "1", "type": kind, "token": "t", "version": 1,
        "guild_id": "4", "channel_id": "3", "channel": {"id": "3", "type": 0, "name": "c"},
        "member": MEMBER, "locale": "de", "attachment_size_limit": 10**7, "data": data,
    }  # fmt: skip


def option(name: str, kind: int, value: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "value": value} | more


def command(name: str, *options: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "2", "name": name, "type": 1, "options": list(options)} | more


def sub(name: str, *options: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": 1, "options": list(options)}


PROMPT, NAME, SIZE = option("prompt", 3, "x"), option("name", 3, "x"), option("size", 3, "-")
WITH_FILE = {"resolved": {"attachments": {"77": FILE}}}
COMMANDS = [
    event(2, command("gif", PROMPT, option("frames", 4, 8))),
    event(2, command("gif", PROMPT, option("control_gif", 11, "77"), **WITH_FILE)),
    event(2, command("gif", PROMPT, option("image", 11, "77"), **WITH_FILE)),
    event(2, command("gif", PROMPT, option("guidance", 10, 5.5), option("seed", 3, "1"))),
    event(2, command("lora", sub("add", NAME, option("file", 11, "77")), **WITH_FILE)),
    event(2, command("lora", sub("add", NAME, option("link", 3, "https://huggingface.co/a")))),
    event(2, command("lora", sub("try", option("lora", 3, "x")))),
    event(2, command("lora", sub("list", option("page", 4, 2)))),
    event(2, command("settings", sub("mine", option("private", 5, value=True), SIZE))),
    event(2, command("settings", sub("server", option("channel", 7, "3"), option("role", 8, "9")))),
    event(2, command("history", option("search", 3, "a"), option("only", 3, "done"))),
    event(2, command("show", option("id", 3, JOB))),
    event(2, command("cancel", option("job", 3, JOB))),
    event(2, command("queue")),
    event(2, command("help")),
    event(4, command("gif", option("lora", 3, "x", focused=True))),
    event(4, command("show", option("id", 3, "x", focused=True))),
    event(2, {"id": "2", "name": "Remix", "type": 3, "target_id": "8",
              "resolved": {"messages": {"8": MESSAGE}}}),
    event(2, {"id": "2", "name": "Animate this", "type": 3, "target_id": "8",
              "resolved": {"messages": {"8": MESSAGE}}}),
]  # fmt: skip


def component(custom_id: str, kind: int = 2, *chosen: str) -> dict[str, Any]:
    data = {"custom_id": custom_id, "component_type": kind, "id": 1, "values": list(chosen)}
    return event(3, data) | {"message": MESSAGE}


def form(action: str, target: str = JOB) -> dict[str, Any]:
    field = {"type": 4, "custom_id": "prompt", "value": "x"}
    rows = [{"type": 1, "components": [field]}, {"type": 18, "component": dict(field)}]
    nonce = hashlib.sha256(f"{action}{target}".encode()).hexdigest()[:16]
    return event(5, {"custom_id": f"form:{action}:{target}:{nonce}", "components": rows})


COMPONENTS = [
    *(component(f"do:{action}:{JOB}") for action in ACTIONS),
    *(component(f"pick:{action}:{JOB}", 3, "25-75") for action in ACTIONS),
    *(form(action) for action in ACTIONS),
    component(f"cancel:{JOB}"),
    component(f"master:{JOB}"),
    component("history:0:done:x"),
]


@pytest.fixture
async def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[client.Client]:
    async with client.made(tmp_path, monkeypatch) as made:
        yield made


@pytest.mark.parametrize(("name", "seeds"), [("options", COMMANDS), ("components", COMPONENTS)])
async def test_whatever_comes_nothing_unforeseen_follows(
    bot: client.Client,
    name: str,
    seeds: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    answered = skipped = 0
    for number, mutated in enumerate(mutations.values(seeds, seed=14)):
        if "id" in mutated and mutated["id"] == "1":
            mutated["id"] = str(number + 10)  # one that comes twice is passed over
        before = len(bot.answered)
        await bot.bring(mutated)
        answered += len(bot.answered) > before
        skipped += len(bot.answered) == before
        wrong = [each for each in caplog.records if each.levelno >= logging.ERROR]
        for record in wrong:
            pytest.fail(f"{mutated}: {logging.Formatter().format(record)}")
        assert bot.errors == [], mutated
        caplog.clear()
    print(f"{name}: {mutations.MOST} mutations, {answered} answered, {skipped} skipped")
    assert min(answered, skipped) > mutations.MOST / 20


async def test_a_forged_button_on_a_draft_of_another_kind_is_refused(
    bot: client.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """By every action, as a button, a menu and a form, on everything that one person has."""
    kinds: list[dict[str, Any]] = [
        {"picture": {"url": "https://nowhere.invalid/a.png", "filename": "a.png", "size_bytes": 1}},
        {"request": REQUEST.to_dict()},
        {},
    ]
    targets = [f"{number:032}" for number in range(len(kinds))]
    for target, content in zip(targets, kinds, strict=True):
        await bot.house.database.write(drafts.add, Draft(target, int(USER["id"]), "", content))
    done = await bot.house.accept()
    number = 10
    for action in ACTIONS:
        for target in (*targets, done.id):
            for each in (
                component(f"do:{action}:{target}"),
                component(f"pick:{action}:{target}", 3, "25-75"),
                form(action, target),
            ):
                await bot.bring(each | {"id": str(number)})
                number += 1
    for record in caplog.records:
        assert record.levelno < logging.ERROR, logging.Formatter().format(record)
    assert bot.errors == []


async def test_the_check_itself_can_fail(
    bot: client.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(bot.client, "actions", {"again": broken})
    await bot.bring(component(f"do:again:{JOB}"))
    assert any(each.levelno >= logging.ERROR for each in caplog.records)
    assert bot.answered == ["t"]
