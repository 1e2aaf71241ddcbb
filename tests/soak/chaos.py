"""The faults of a soak: requests that fail now and then, kills and outages at random moments."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import ClassVar

import psutil

from bot.sandbox import Sandbox
from tests.generator.workers import has_frames
from tests.patience import PATIENCE
from tests.soak.rig import Rig
from tests.soak.users import Users

# Of the requests that fit, the share that is hit. A direct message needs no permission, and is the
# last way to somebody: where it were refused for good, no bot could help that, and the job would
# count as lost.
BACKGROUND_FAULTS = (
    "delay * * 0.5 chance=0.02",
    "refuse PATCH /webhooks/* 500 chance=0.02",
    "refuse PATCH /webhooks/* 503 chance=0.02",
    "refuse PATCH /webhooks/* 429 retry_after=0.2 chance=0.03",
    "refuse PATCH /webhooks/* code=50027 chance=0.03 uploads",
    "refuse PATCH /webhooks/* code=10015 chance=0.02 uploads",
    "refuse PATCH /webhooks/* code=10008 chance=0.02 uploads",
    "refuse PATCH /webhooks/* code=40005 chance=0.01 uploads",
    "reset PATCH /webhooks/* chance=0.01",
    "reset PATCH /webhooks/* 300 chance=0.03 uploads",
    "reset PATCH /webhooks/* after chance=0.03 uploads",
    "delay PATCH /webhooks/* 1.5 after chance=0.03 uploads",
    "refuse POST /interactions/* code=40060 chance=0.01",
    "refuse POST /interactions/* 503 chance=0.01",
    "reset POST /interactions/* after chance=0.02",
    "refuse * /channels/* 502 chance=0.03",
    "refuse * /channels/* 429 retry_after=0.2 chance=0.03",
    "refuse POST /channels/{server_channel}/messages code=50013 chance=0.05",
    "reset POST /channels/*/messages after chance=0.25",
    "reset POST /channels/*/messages 300 chance=0.05 uploads",
    "delay POST /channels/*/messages 1.5 after chance=0.1",
)
Blow = Callable[[], Awaitable[None]]
_ALIVE_WITHIN = PATIENCE
_LOOKS, _LOOK_EVERY = 300, 0.01  # for a file in the making, seconds


class Chaos:
    """Kills and outages at moments drawn by ``seed``; ``injected`` counts them by kind.

    ``first`` are those that come in any soak, before the drawn ones.
    """

    first: ClassVar[tuple[str, ...]] = (
        "worker killed",
        "encoder killed",
        "bot killed",
        "all tokens expired",
        "gateway dropped",
    )

    def __init__(self, discord: Sandbox, rig: Rig, users: Users, seed: int) -> None:
        self._discord = discord
        self._rig = rig
        self._users = users
        self._random = random.Random(f"blows {seed}")  # that word drew the README's figures
        self.injected: Counter[str] = Counter()
        self.opened = asyncio.Event()  # all of ``first`` have come
        self.stop_requested = asyncio.Event()
        self._kinds: dict[str, tuple[int, Blow]] = {
            "worker killed": (6, self._kill_worker),
            "encoder killed": (6, self._kill_encoder),
            "bot killed": (4, self._kill_bot),
            "bot told to leave": (1, self._restart_bot),
            "gateway dropped": (2, self._command("gateway drop")),
            "gateway dropped, sessions lost": (1, self._command("gateway lose")),
            "sessions invalid": (1, self._command("gateway invalid")),
            "asked to reconnect": (1, self._command("gateway reconnect")),
            "gateway away": (1, self._gateway_away),
            "Discord away": (1, self._discord_away),
            "all tokens expired": (2, self._command("clock 960")),
            "channel deleted": (1, self._channel_deleted),
            "bot thrown out": (1, self._thrown_out),
        }

    async def inject(self, pause: float) -> None:
        """Inject one fault after the other until ``stop_requested``; the last one is finished.

        They are ``pause`` seconds apart on average.
        """
        for number, name in enumerate(itertools.chain(self.first, self._drawn()), start=1):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self.stop_requested.wait(), self._random.expovariate(1 / pause)
                )
            if self.stop_requested.is_set():
                return
            await self._kinds[name][1]()
            self.injected[name] += 1
            if number == len(self.first):
                self.opened.set()

    def _drawn(self) -> Iterator[str]:
        names = list(self._kinds)
        weights = [weight for weight, _ in self._kinds.values()]
        while True:
            yield from self._random.choices(names, weights)

    def _command(self, line: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._discord.run_command(line)

    async def _kill_worker(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if workers := self._rig.bot.workers():
                self._random.choice(workers).kill()

    async def _kill_encoder(self) -> None:
        """Kill a process that writes files, in the middle of one, where one is made soon."""
        for _ in range(_LOOKS):
            with contextlib.suppress(psutil.NoSuchProcess):
                encoders = [child for each in self._rig.bot.workers() for child in each.children()]
                for encoder in encoders:
                    if has_frames(encoder.pid):
                        encoder.kill()
                        return
            await asyncio.sleep(_LOOK_EVERY)

    async def _kill_bot(self) -> None:
        await self._rig.restart(signal.SIGKILL, away=self._random.uniform(0, 1))
        await self._connected()

    async def _restart_bot(self) -> None:
        await self._rig.restart(signal.SIGTERM, away=0)
        await self._connected()

    async def _gateway_away(self) -> None:
        async with self._discord.gateway_outage():
            await asyncio.sleep(self._random.uniform(0.5, 4))

    async def _discord_away(self) -> None:
        async with self._discord.outage():
            await asyncio.sleep(self._random.uniform(0.5, 3))

    async def _channel_deleted(self) -> None:
        """Delete a channel with jobs in it at every stage."""
        channel = self._discord.add_channel("doomed")
        person = self._discord.person("gil", channel=channel)
        for _ in range(3):
            await self._users.type_one(person)
            await asyncio.sleep(self._random.uniform(0, 1))
        self._discord.delete_channel(channel)

    async def _thrown_out(self) -> None:
        self._discord.kick_bot(self._users.second)
        await asyncio.sleep(self._random.uniform(0.5, 3))
        self._discord.let_bot_in(self._users.second)

    async def _connected(self) -> None:
        await self._discord.connected(_ALIVE_WITHIN)


@contextlib.asynccontextmanager
async def background_faults(discord: Sandbox, seed: int) -> AsyncIterator[None]:
    """Let requests fail now and then inside; at the end only those under way still do."""
    in_servers = [id_ for id_, channel in discord.world.channels.items() if channel.guild]
    for number, line in enumerate(BACKGROUND_FAULTS):
        for command in dict.fromkeys(line.format(server_channel=id_) for id_ in in_servers):
            await discord.run_command(f"{command} times=all seed={seed * 100 + number}")
    try:
        yield
    finally:
        await discord.run_command("clear")
