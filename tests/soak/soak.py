"""One soak: commands are typed while blows fall; then calm, and every job is accounted for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox import Account, Ledger, Message, Sandbox, Tally, Verdict
from tests.soak.chaos import Blows, weather
from tests.soak.rig import House
from tests.soak.users import Typists

_LOOK_EVERY = 0.5  # seconds
_LINGER = 2.0  # seconds after the last word, for one that should not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``pause`` and ``blow_every`` are means, ``calm`` is how long the end may take; seconds."""

    jobs: int
    seed: int
    pause: float = 0.4
    blow_every: float = 3.0
    calm: float = 240.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was counted, and what must not have been."""

    plan: Plan
    tally: Tally
    seconds: float
    blows: Counter[str]
    requests_hit: int
    rows: list[dict[str, Any]]
    wrongs: list[str] = field(default_factory=list)  # each a sentence

    def figures(self) -> list[tuple[str, str]]:
        """For the README's table."""
        counts = self.tally.counts
        return [
            ("jobs typed", str(len(self.tally.accounts))),
            ("accepted", str(self.tally.accepted)),
            *((f"- {verdict}", str(counts[verdict])) for verdict in Verdict),
            *((blow, str(number)) for blow, number in self.blows.most_common()),
            ("requests refused, broken or delayed", str(self.requests_hit)),
            ("attempts", str(sum(row["attempt"] for row in self.rows))),
            ("seconds", f"{self.seconds:.0f}"),
        ]


async def soak(plan: Plan, directory: Path) -> Outcome:
    """Runs it; ``directory`` keeps the bot's log and data. What the bot did wrong is told in the
    outcome, not raised.
    """
    began = time.monotonic()
    async with Sandbox(check_answers=True) as discord:
        ledger = Ledger(discord.world, is_reason=_is_reason)
        house = House(directory, discord)
        typists = Typists(discord, ledger, plan.seed)
        blows = Blows(discord, house, typists, plan.seed)
        async with house.lived_in():
            async with weather(discord, plan.seed), asyncio.TaskGroup() as group:
                group.create_task(blows.fall(plan.blow_every))
                await typists.type(plan.jobs, plan.pause)
                blows.enough.set()
            await discord.connected(plan.calm)
            in_time = await _calm(house, ledger, plan.calm)
        rows = house.rows()
        ledger.vouch(str(row["request"]) for row in rows)
        outcome = Outcome(
            plan=plan,
            tally=ledger.tally(),
            seconds=time.monotonic() - began,
            blows=blows.dealt,
            requests_hit=sum(bool(request.trouble) for request in discord.requests),
            rows=rows,
        )
        outcome.wrongs += [] if in_time else [f"not at rest {plan.calm:g} s after the last blow"]
        outcome.wrongs += _wrongs_of(house, discord)
        outcome.wrongs += [_told(account, outcome.rows) for account in outcome.tally.failures]
        return outcome


async def _calm(house: House, ledger: Ledger, within: float) -> bool:
    """Until every job is over, by the bot and by the ledger; False where that took too long."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_EVERY)
        if house.is_at_rest() and not ledger.tally().unsettled:
            await asyncio.sleep(_LINGER)
            return True
    return False


def _wrongs_of(house: House, discord: Sandbox) -> list[str]:
    wrongs = [f"the bot ended by itself with code {code}" for code in house.ended_by_itself]
    if house.exit_code != 0:
        wrongs.append(f"told to leave, the bot ended with code {house.exit_code}")
    wrongs += [f"against Discord's rules: {each}" for each in discord.violations]
    return wrongs + [f"the sandbox itself: {each}" for each in discord.wrong_answers]


def _told(account: Account, rows: list[dict[str, Any]]) -> str:
    """One that was lost or came twice: all that is known of it."""
    lines = [f"{account.mark}: {account.verdict}; asked in {account.interaction.channel}"]
    callback = account.interaction.callback
    lines.append(f"first answer: {callback.type if callback else 'none'}")
    for row in rows:
        if account.mark in str(row["request"]):
            shown = (
                "id",
                "state",
                "attempt",
                "crashes",
                "told",
                "answer_id",
                "message_id",
                "error",
            )
            lines.append(f"row: { {name: row[name] for name in shown} }")
    lines += [f"delivered: {_place(message)}" for message in account.deliveries]
    lines += [f"told: {_place(message)}" for message in account.told]
    return "\n    ".join(lines)


def _place(message: Message) -> str:
    return f"{message!r} in {message.channel} at {message.created:.2f}, nonce {message.nonce}"


def _is_reason(message: Message) -> bool:
    return "❌" in message.text
