"""What befalls the bot in a soak: requests that fail now and then, and one blow after the other."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import psutil

from bot.sandbox import Sandbox
from tests.soak.rig import House
from tests.soak.users import Typists

# Of the requests that fit, the share that is hit.
WEATHER = (
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
    "refuse POST /channels/*/messages code=50013 chance=0.05",
    "reset POST /channels/*/messages after chance=0.25",
    "reset POST /channels/*/messages 300 chance=0.05 uploads",
    "delay POST /channels/*/messages 1.5 after chance=0.1",
)
_FIRST = ("worker killed", "bot killed", "all tokens expired", "gateway dropped")
_ALIVE_WITHIN = 60.0  # seconds


class Blows:
    """Deals them at moments drawn by ``seed``; ``dealt`` counts them."""

    def __init__(self, discord: Sandbox, house: House, typists: Typists, seed: int) -> None:
        self._discord = discord
        self._house = house
        self._typists = typists
        self._random = random.Random(f"blows {seed}")
        self.dealt: Counter[str] = Counter()
        self.enough = asyncio.Event()
        self._kinds: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "worker killed": (6, self._kill_worker),
            "bot killed": (4, self._kill_bot),
            "bot told to leave": (1, self._restart_bot),
            "gateway dropped": (2, self._ordered("gateway drop")),
            "gateway dropped, sessions lost": (1, self._ordered("gateway lose")),
            "sessions invalid": (1, self._ordered("gateway invalid")),
            "asked to reconnect": (1, self._ordered("gateway reconnect")),
            "gateway away": (1, self._gateway_away),
            "Discord away": (1, self._discord_away),
            "all tokens expired": (2, self._ordered("clock 960")),
            "channel deleted": (1, self._channel_deleted),
            "bot thrown out": (1, self._thrown_out),
        }

    async def fall(self, pause: float) -> None:
        """One after the other, ``pause`` seconds apart on average, until there are ``enough``; one
        that has begun is dealt to its end.
        """
        for name in itertools.chain(_FIRST, self._drawn()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.enough.wait(), self._random.expovariate(1 / pause))
            if self.enough.is_set():
                return
            await self._kinds[name][1]()
            self.dealt[name] += 1

    def _drawn(self) -> Iterator[str]:
        names = list(self._kinds)
        weights = [weight for weight, _ in self._kinds.values()]
        while True:
            yield from self._random.choices(names, weights)

    def _ordered(self, line: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._discord.order(line)

    async def _kill_worker(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if workers := self._house.bot.workers():
                self._random.choice(workers).kill()

    async def _kill_bot(self) -> None:
        await self._house.restart(signal.SIGKILL, away=self._random.uniform(0, 1))
        await self._connected()

    async def _restart_bot(self) -> None:
        await self._house.restart(signal.SIGTERM, away=0)
        await self._connected()

    async def _gateway_away(self) -> None:
        async with self._discord.gateway_outage():
            await asyncio.sleep(self._random.uniform(0.5, 4))

    async def _discord_away(self) -> None:
        async with self._discord.outage():
            await asyncio.sleep(self._random.uniform(0.5, 3))

    async def _channel_deleted(self) -> None:
        """With jobs in it at every stage."""
        channel = self._discord.add_channel("doomed")
        person = self._discord.person("gil", channel=channel)
        for _ in range(3):
            await self._typists.one(person)
            await asyncio.sleep(self._random.uniform(0, 1))
        self._discord.delete_channel(channel)

    async def _thrown_out(self) -> None:
        self._discord.kick_bot(self._typists.second)
        await asyncio.sleep(self._random.uniform(0.5, 3))
        self._discord.let_bot_in(self._typists.second)

    async def _connected(self) -> None:
        await self._discord.connected(_ALIVE_WITHIN)


@contextlib.asynccontextmanager
async def weather(discord: Sandbox, seed: int) -> AsyncIterator[None]:
    """Requests fail now and then inside; by the end there is only what is under way."""
    for number, line in enumerate(WEATHER):
        await discord.order(f"{line} times=all seed={seed * 100 + number}")
    try:
        yield
    finally:
        await discord.order("clear")
