"""Who types /gif in a soak, where, and what: in servers, in direct messages, and as a guest."""

from __future__ import annotations

import asyncio
import random

from bot.sandbox import Accounting, Interaction, NobodyListening, NotOffered, Person, Sandbox
from tests.patience import PATIENCE
from tests.soak.engine import CLIPS, FACTORIES, SLOW

_WORKING = (SLOW, CLIPS)
_FAILING = [name for name in FACTORIES if name not in _WORKING]
_FAILING_SHARE = 0.04  # of all jobs
_STEPS = (1, 30)  # of 20 ms
_CONNECTED_WITHIN = PATIENCE


class Users:
    """The people who type; all share a server with the bot, so that DMs can reach them."""

    def __init__(self, discord: Sandbox, accounting: Accounting, seed: int) -> None:
        self._discord = discord
        self._accounting = accounting
        self._random = random.Random(f"typists {seed}")  # that word drew the README's figures
        self.second = discord.add_guild("Second")
        general = discord.add_channel("general", guild=self.second)
        foreign = discord.add_guild("Foreign", bot_is_in=False)
        far_away = discord.add_channel("far-away", guild=foreign)
        people = [discord.person(name) for name in ("ada", "bob", "cleo", "dan", "eve", "fay")]
        self._people = [
            *people,
            people[0].in_dm(),
            people[1].at(general),
            people[2].at(general),
            discord.person("guest", installed_app=True).at(far_away),
        ]

    async def type_commands(self, jobs: int, pause: float, at_least_until: asyncio.Event) -> None:
        """Type commands, ``pause`` seconds apart on average, each when a bot is connected.

        There are ``jobs`` of them, and more where a slow machine hasn't come as far by then.
        """
        while jobs > 0 or not at_least_until.is_set():
            await self._discord.connected(_CONNECTED_WITHIN)
            jobs -= await self.type_one(self._random.choice(self._people)) is not None
            await asyncio.sleep(self._random.expovariate(1 / pause))

    async def type_one(self, person: Person) -> Interaction | None:
        """Type one command; return None where it couldn't be typed: the bot was thrown out, say."""
        failing = self._random.random() < _FAILING_SHARE
        word = self._random.choice(_FAILING if failing else _WORKING)
        mark = self._accounting.new_mark()
        try:
            sent = await person.slash(
                "gif", prompt=f"{word} {mark}", steps=self._random.randint(*_STEPS)
            )
        except (NotOffered, NobodyListening):
            return None
        self._accounting.record_request(mark, sent)
        return sent
