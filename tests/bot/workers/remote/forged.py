"""A host that a test plays by itself: it says on the wire whatever it likes, in its own name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from generator.contract import subjects, wire
from generator.contract.messages import Capabilities, Event, Generate, Ready, SlotFreed, Started
from generator.contract.remote import Hello, pack, unpack
from generator.link.mailbox import Mailbox
from tests.bot.workers.remote.server import NatsServer
from tests.patience import until

ABLE = Capabilities(
    model="nano", device="cpu", dtype="float32", max_frames=24, max_pixels=1024 * 1024
)


class ForgedHost:
    """``sessions`` are the bot's, newest last; ``jobs`` what it was given in all of them."""

    def __init__(self, client: Client, host: str, device: str = "cpu") -> None:
        self._client = client
        self._publishing: set[asyncio.Task[None]] = set()
        self.host, self.device = host, device
        self.hello = Hello(boot="1", state="idle")
        self.sessions: list[Mailbox] = []
        self.jobs: list[Generate] = []
        self.refusals: list[str] = []
        self.is_silent = False
        self.model_hash = ""  # of the model that it says to have

    def publish(self, kind: str, frame: bytes) -> None:
        subject = subjects.from_worker(self.host, self.device, kind)
        task = asyncio.create_task(self._client.publish(subject, frame))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def ask(self, subject: str, values: dict[str, Any], body: bytes = b"") -> dict[str, Any]:
        """The answer on ``hs.blob`` or ``hs.put``, without its bytes."""
        answer = await self._client.request(subject, pack(values, body), timeout=30)
        return unpack(answer.data)[0]

    def say(self, event: Event, session: Mailbox | None = None) -> None:
        (session or self.sessions[-1]).insist("event", message=wire.to_dict(event))

    async def hear(self, message: Msg) -> None:
        values, _ = unpack(message.data)
        if values["kind"] == "refused":
            self.refusals.append(values["text"])
        if values["kind"] == "attach" and all(
            each.session != values["session"] for each in self.sessions
        ):
            session = values["session"]
            self.sessions.append(
                Mailbox(session, lambda frame: self.publish(subjects.EVENT, frame))
            )
        for mailbox in self.sessions:
            if mailbox.session == values["session"] and mailbox.takes(values):
                self._obey(mailbox, values)

    def _obey(self, mailbox: Mailbox, values: dict[str, Any]) -> None:
        if values["kind"] == "attach":
            message = wire.to_dict(Ready(ABLE, 0.1))
            mailbox.insist("event", message=message, model_hash=self.model_hash)
        elif values["kind"] == "command":
            command = wire.from_dict(values["message"])
            if isinstance(command, Generate):
                self.jobs.append(command)
                self.say(Started(command.job_id, command.attempt), mailbox)

    def free(self, job: Generate) -> None:
        self.say(SlotFreed(job.job_id, job.attempt))

    async def upload(self, job: Generate, name: str, data: bytes) -> dict[str, Any]:
        return await self.ask(subjects.put(self.host), self.head(job, name, len(data)), data)

    def head(self, job: Generate, name: str, size: int = 0) -> dict[str, Any]:
        return {
            "device": self.device,
            "session": self.sessions[-1].session,
            "job": job.job_id,
            "attempt": job.attempt,
            "file": name,
            "size": size,
            "offset": 0,
        }

    async def greet(self) -> None:
        while True:
            if not self.is_silent:
                session = self.sessions[-1].session if self.sessions else ""
                values = self.hello.to_dict() | {"session": session}
                self.publish(subjects.HELLO, pack(values))
                for mailbox in self.sessions:
                    mailbox.repeat()
            await asyncio.sleep(0.2)

    async def at_work(self, jobs: int = 1) -> Generate:
        """The last of so many jobs, once it has them."""
        await until(lambda: len(self.jobs) >= jobs, lambda: vars(self))
        return self.jobs[-1]


@asynccontextmanager
async def forged_host(server: NatsServer, host: str) -> AsyncIterator[ForgedHost]:
    async def closed() -> None: ...

    client = await server.connecting(host)(closed)
    forged = ForgedHost(client, host)
    await client.subscribe(subjects.to_worker(host, forged.device), cb=forged.hear)
    greeting = asyncio.create_task(forged.greet())
    try:
        yield forged
    finally:
        greeting.cancel()
        await client.close()
