"""One soak: commands are typed while faults are injected; then every job is accounted for."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from bot.sandbox import Account, Accounting, Message, Sandbox, Totals, Verdict
from bot.sandbox.model import DM
from tests.soak.backups import BackupTaker
from tests.soak.chaos import Chaos, background_faults
from tests.soak.rig import Rig
from tests.soak.users import Users

RigT = TypeVar("RigT", bound=Rig)

_LOOK_EVERY = 0.5  # seconds
_LINGER = 2.0  # seconds after the last word, for one that should not come


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long a soak is, in seconds: ``calm`` is a limit, the others are means."""

    jobs: int
    seed: int
    pause: float = 0.4
    chaos_every: float = 3.0
    backup_every: float = 10.0
    calm: float = 240.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was counted, and what must not have been."""

    plan: Plan
    totals: Totals
    seconds: float
    chaos: Counter[str]
    requests_hit: int
    rows: list[dict[str, Any]]
    backups: int = 0
    problems: list[str] = field(default_factory=list)  # each a sentence

    def figures(self) -> list[tuple[str, str]]:
        """Return the rows of the README's table."""
        counts = self.totals.counts
        return [
            ("jobs typed", str(len(self.totals.accounts))),
            ("accepted", str(self.totals.accepted_count)),
            *((f"- {verdict}", str(counts[verdict])) for verdict in Verdict),
            *((kind, str(number)) for kind, number in self.chaos.most_common()),
            ("requests refused, broken or delayed", str(self.requests_hit)),
            ("attempts", str(sum(row["attempt"] for row in self.rows))),
            ("backups, each restored", str(self.backups)),
            ("seconds", f"{self.seconds:.0f}"),
        ]


MakeChaos = Callable[[Sandbox, RigT, Users, int], Chaos]


async def soak(plan: Plan, directory: Path) -> Outcome:
    """Run a soak of a bot with workers of its own; ``directory`` keeps the bot's log and data."""
    return await soak_with(plan, lambda discord: Rig(directory, discord), Chaos)


async def soak_with(
    plan: Plan,
    make_rig: Callable[[Sandbox], RigT],
    make_chaos: MakeChaos[RigT],
    *,
    check_answers: bool = True,
) -> Outcome:
    """Run a soak, and return what came of it.

    What the bot did wrong stands in the outcome and is not raised. Checking the sandbox's own
    answers takes most of its computing.
    """
    began = time.monotonic()
    async with Sandbox(check_answers=check_answers) as discord:
        accounting = Accounting(discord.world, is_reason=_is_reason)
        rig = make_rig(discord)
        users = Users(discord, accounting, plan.seed)
        chaos = make_chaos(discord, rig, users, plan.seed)
        backups = BackupTaker(rig, plan.seed)
        async with rig.running():
            async with background_faults(discord, plan.seed), asyncio.TaskGroup() as group:
                group.create_task(chaos.inject(plan.chaos_every))
                group.create_task(backups.take(plan.backup_every, chaos.stop_requested))
                await users.type_commands(plan.jobs, plan.pause, chaos.opened)
                chaos.stop_requested.set()
            await discord.connected(plan.calm)
            in_time = await _is_calm_within(rig, accounting, plan.calm)
        rows = rig.rows()
        accounting.record_acceptances(str(row["request"]) for row in rows)
        outcome = Outcome(
            plan=plan,
            totals=accounting.totals(),
            seconds=time.monotonic() - began,
            chaos=chaos.injected,
            requests_hit=sum(bool(request.fault) for request in discord.requests),
            rows=rows,
        )
        outcome.problems += [] if in_time else [f"not at rest {plan.calm:g} s after the last fault"]
        outcome.problems += _problems_of(rig, discord)
        outcome.backups = backups.count
        outcome.problems += await backups.check(discord)
        outcome.problems += [
            _described(account, outcome.rows)
            for account in outcome.totals.failures
            if not _is_beyond_knowing(account, discord)
        ]
        return outcome


async def _is_calm_within(rig: Rig, accounting: Accounting, within: float) -> bool:
    """Wait until every job is over by bot and accounting; return whether that was in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_EVERY)
        if rig.is_idle() and not accounting.totals().unsettled:
            await asyncio.sleep(_LINGER)
            return True
    return False


def _is_beyond_knowing(account: Account, discord: Sandbox) -> bool:
    """Return whether a second delivery, by direct message, is one that no bot could have avoided.

    The first was an edit whose answer was lost. Then the token died before the bot saw whether the
    edit had got through, and the channel, of a server where it is no member, is closed to it.
    """
    guild = account.interaction.channel.guild
    if account.verdict is not Verdict.DUPLICATED or guild is None or guild.bot_is_in:
        return False
    own = [each for each in discord.requests if account.interaction.token in each.path]
    lost = [each.at for each in own if each.method == "PATCH" and each.status == 200 and each.fault]
    seen = [each.at for each in own if each.method == "GET" and each.status == 200]
    places = [message.channel.type == DM for message in account.deliveries]
    return places == [False, True] and bool(lost) and all(at < lost[-1] for at in seen)


def _problems_of(rig: Rig, discord: Sandbox) -> list[str]:
    problems = [f"the bot ended by itself with code {code}" for code in rig.unexpected_exit_codes]
    if rig.exit_code != 0:
        problems.append(f"told to leave, the bot ended with code {rig.exit_code}")
    problems += [f"against Discord's rules: {each}" for each in discord.violations]
    return problems + [f"the sandbox itself: {each}" for each in discord.wrong_answers]


def _described(account: Account, rows: list[dict[str, Any]]) -> str:
    """Return all that is known of a request that was lost or came twice."""
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
                "owner_notified",
                "answer_id",
                "message_id",
                "error",
                "failure_kind",
            )
            lines.append(f"row: { {name: row[name] for name in shown} }")
    lines += [f"delivered: {_place(message)}" for message in account.deliveries]
    lines += [f"told: {_place(message)}" for message in account.reasons]
    return "\n    ".join(lines)


def _place(message: Message) -> str:
    return f"{message!r} in {message.channel} at {message.created:.2f}, nonce {message.nonce}"


def _is_reason(message: Message) -> bool:
    return "❌" in message.text
