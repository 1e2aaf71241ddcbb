"""The real client with its real house, on a database; only what would go to Discord is a list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from discord import ClientUser
from discord.webhook.async_ import AsyncWebhookAdapter

from bot.app.client import HotshotClient
from bot.app.context import make_context
from bot.app.erasing import forgetting, make_eraser
from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.gateway import outgoing
from bot.gateway.websocket_frames import BadFrameError, read_event
from bot.jobs.samples import SampleMaker
from bot.storage.database import open_database
from tests.bot.jobs import rig as jobs

_APPLICATION = "1"
_BOT: Any = {"id": _APPLICATION, "username": "bot", "discriminator": "0", "avatar": None}


class Client:
    """Takes events as the gateway would bring them, and writes down what is answered."""

    def __init__(self, client: HotshotClient, context: jobs.JobRig) -> None:
        self.client = client
        self.house = context
        self.answered: list[str] = []  # tokens
        self.errors: list[dict[str, Any]] = []  # of tasks that nobody waits for
        self._begun: list[asyncio.Task[Any]] = []  # since the last event
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: self.errors.append(told))
        loop.set_task_factory(self._begin)

    async def bring(self, event: dict[str, Any]) -> None:
        """Until all that follows from it is over; a frame that is no strict JSON is skipped."""
        frame = {"op": 0, "s": 1, "t": "INTERACTION_CREATE", "d": event}
        try:
            read = read_event(json.dumps(frame))
        except BadFrameError:
            return
        self._begun.clear()
        self.client._connection.parsers["INTERACTION_CREATE"](read["d"])
        while tasks := [task for task in self._begun if not task.done() and not _only_waits(task)]:
            await asyncio.wait(tasks)

    def _begin(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any
    ) -> asyncio.Task[Any]:
        """Note each task: of all that there are, thousands are clocks of views."""
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **named)
        self._begun.append(task)
        return task


def _only_waits(task: asyncio.Task[Any]) -> bool:
    """Whether it is discord.py's clock of a view, which runs for a quarter of an hour."""
    return "timeout_task" in task.get_coro().__qualname__  # type: ignore[union-attr]


@asynccontextmanager
async def made(directory: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    settings = Settings(
        storage={"data_dir": directory},  # type: ignore[arg-type]
        queue={"per_user_second": 0, "size": 100_000, "per_user": 10_000},  # type: ignore[arg-type]
    )
    async with open_database(settings.storage.url) as database:
        context = jobs.JobRig(database, directory, jobs.RecordingNotifier(), size=10_000)
        client = HotshotClient(settings.discord)
        await client._async_setup_hook()
        client._connection.application_id = int(_APPLICATION)
        client._connection.user = ClientUser(state=client._connection, data=_BOT)
        client.set_context(
            make_context(
                settings,
                ModelCatalogue.of(settings),
                database=database,
                blobs=context.blobs,
                disk_guard=context.disk_guard,
                preferences=context.preferences,
                policy=context.gate,
                words=context.words,
                blocks=context.blocks,
                jobs=context.jobs,
                samples=SampleMaker(
                    context.jobs, context.store.transitions, database, context.blobs
                ),
                leaving=context.leaving,
                eraser=make_eraser(
                    settings,
                    client,
                    database,
                    context.blobs,
                    jobs=context.jobs,
                    transitions=context.store.transitions,
                    leaving=context.leaving,
                    forget_cached=forgetting(context.preferences, context.words, context.blocks),
                ),
            )
        )
        made = Client(client, context)

        async def request(_: Any, route: Any, *args: Any, payload: Any = None, **kw: Any) -> Any:
            outgoing.to_json(payload)
            made.answered.append(route.webhook_token)
            is_first = route.path.endswith("/callback")
            return {"interaction": {"id": "1", "type": 2}} if is_first else _message()

        patch.setattr(AsyncWebhookAdapter, "request", request)
        yield made


def _message() -> dict[str, Any]:
    lists: dict[str, Any] = {
        name: [] for name in ("attachments", "embeds", "mentions", "mention_roles", "components")
    }
    return lists | {
        "id": "5", "type": 0, "content": "", "channel_id": "3", "author": _BOT, "tts": False,
        "mention_everyone": False, "pinned": False, "edited_timestamp": None, "flags": 0,
        "timestamp": "2026-08-01T00:00:00+00:00",
    }  # fmt: skip
