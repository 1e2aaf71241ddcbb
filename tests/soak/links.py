"""A cable pulled out in the middle of a job, for 3, 10 and 60 s: ``python -m tests.soak.links``.

Two hosts, both behind NAT; the one that is at the job loses its line. Prints what became of the job
and of the host as a table. Only root may make the networks.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import print_table
from bot.sandbox import Interaction, Message, Person, Sandbox
from bot.workers import status_file
from tests.patience import PATIENCE, until
from tests.soak.engine import LONG
from tests.soak.hosts import Agent, HostRig
from tests.soak.network import is_possible, make_network

HOSTS = ("home", "rack")
OUTAGES_SECONDS = (3.0, 10.0, 60.0)
_STEPS = 40  # of a fifth of a second
_PULLED_AT = "of 40"  # as progress says it


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a cut did; times are in seconds."""

    outage: float
    attempts: int
    deliveries: int
    noticed_after: float | None  # after the cut; None where nobody had to notice
    posted_after: float  # after the cut
    back_after: float  # after the cable was in again
    is_worker_the_same: bool
    made_by: str


class Cut:
    """One job and one cut, with a bot and hosts that run already."""

    def __init__(self, rig: HostRig, data_dir: Path, person: Person) -> None:
        self._rig = rig
        self._data_dir = data_dir
        self._person = person

    async def make(self, outage: float) -> Outcome:
        await until(lambda: sorted(self._states().values()) == ["idle", "idle"], self._states)
        sent = await self._person.slash("gif", prompt=f"{LONG} {outage}", steps=_STEPS)
        await sent.message(lambda message: _PULLED_AT in message.text, PATIENCE)
        await until(lambda: "busy" in self._states().values())
        [name] = [name for name, state in self._states().items() if state == "busy"]
        agent = self._agent(name)
        worker = [each.pid for each in agent.workers()]
        lost, here = self._count(name, "wasn't heard"), self._count(name, "is here")

        self._rig.network.set_link(name, is_up=False)
        cut = time.monotonic()
        seeing = asyncio.create_task(self._noticed(name, lost, cut))
        posting = asyncio.create_task(self._posted(sent, cut))
        await asyncio.sleep(outage)
        self._rig.network.set_link(name, is_up=True)
        back = time.monotonic()
        was_lost = self._count(name, "wasn't heard") > lost
        if was_lost:
            await until(lambda: self._count(name, "is here") > here)
        back_after = time.monotonic() - back
        message, posted_after = await posting
        seeing.cancel()
        await asyncio.sleep(2)  # for one that should not come
        [row] = [each for each in self._rig.rows() if f"{LONG} {outage}" in str(each["request"])]
        noticed = seeing.result() if seeing.done() and not seeing.cancelled() else None
        return Outcome(
            outage=outage,
            attempts=row["attempt"],
            deliveries=len(message.results),
            noticed_after=noticed,
            posted_after=posted_after,
            back_after=back_after,
            is_worker_the_same=[each.pid for each in agent.workers()] == worker,
            made_by="the other host" if row["attempt"] > 1 else "the host that was cut off",
        )

    async def _posted(self, sent: Interaction, cut: float) -> tuple[Message, float]:
        message = await sent.message(lambda message: bool(message.results), PATIENCE)
        return message, time.monotonic() - cut

    async def _noticed(self, name: str, before: int, cut: float) -> float:
        await until(lambda: self._count(name, "wasn't heard") > before)
        return time.monotonic() - cut

    def _states(self) -> dict[str, str]:
        found = status_file.read(self._data_dir)
        return {each.name.partition(".")[0]: each.state for each in found.hosts} if found else {}

    def _agent(self, name: str) -> Agent:
        return next(agent for agent in self._rig.agents if agent.name == name)

    def _count(self, name: str, words: str) -> int:
        return self._rig.log.count(f"{name}.cpu {words}")


async def measure(directory: Path, outages: tuple[float, ...]) -> list[Outcome]:
    """Pull out a cable for so long, one after the other."""
    with make_network(dict.fromkeys(HOSTS, True)) as network:
        async with Sandbox(check_answers=True) as discord:
            rig = HostRig(directory, discord, network, list(HOSTS), silence_seconds=60.0)
            async with rig.running():
                cut = Cut(rig, directory / "data", discord.person("ada"))
                return [await cut.make(outage) for outage in outages]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.links", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=OUTAGES_SECONDS, help="how long it is out"
    )
    parser.add_argument("--keep", type=Path, help="where logs and data are left")
    chosen = parser.parse_args()
    if not is_possible():
        parser.error("no networks can be made here: be root, and install iproute2 and iptables")
    with tempfile.TemporaryDirectory() as temporary:
        directory: Path = chosen.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        outcomes = asyncio.run(measure(directory.resolve(), tuple(chosen.seconds)))
    head = ("link down", "noticed after", "attempts", "made by", "posted", "posted after the cut",
            "back after", "model stayed loaded")  # fmt: skip
    print_table("A cable pulled out in the middle of a job of 8 s", head, map(_row, outcomes))
    return 0 if all(each.deliveries == 1 for each in outcomes) else 1


def _row(it: Outcome) -> tuple[str, ...]:
    noticed = "-" if it.noticed_after is None else f"{it.noticed_after:.1f} s"
    return (
        f"{it.outage:g} s",
        noticed,
        str(it.attempts),
        it.made_by,
        "once" if it.deliveries == 1 else f"{it.deliveries} times",
        f"{it.posted_after:.1f} s",
        f"{it.back_after:.1f} s",
        "yes" if it.is_worker_the_same else "no",
    )


if __name__ == "__main__":
    sys.exit(main())
